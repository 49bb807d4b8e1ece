"""Data frames as leaves: numbers, texts, categories, missing values, order of columns."""

from __future__ import annotations

import pytest

from reprokit.compare.values import difference, digests, flatten

pandas = pytest.importorskip("pandas", reason="pandas is not installed")


def frame(**changes):
    columns = {
        "a": [1, 2], "b": ["x", None], "c": pandas.Categorical(["u", "v"]), "d": pandas.array([1, None], dtype="Int64"),
        "e": pandas.to_datetime(["2020-01-01", "2021-01-01"], utc=True), "f": [0.5, float("nan")], "g": [[1], {"k": 2}],
    }  # fmt: skip
    return pandas.DataFrame(columns | changes)


def test_equal_frames_have_equal_leaves():
    assert digests(flatten(frame())) == digests(flatten(frame()))
    assert difference(flatten(frame()), flatten(frame())) is None


@pytest.mark.parametrize(
    ("column", "values"),
    [("a", [1, 3]), ("a", [1.0, 2.0]), ("b", ["x", "y"]), ("b", ["x", ""]), ("c", pandas.Categorical(["u", "u"])),
     ("c", pandas.Categorical(["u", "v"], ordered=True)), ("d", pandas.array([1, 0], dtype="Int64")),
     ("e", pandas.to_datetime(["2020-01-01", "2021-01-02"], utc=True)), ("f", [0.5, 0.5]), ("g", [[1], {"k": 3}])],
    ids=str,
)  # fmt: skip
def test_every_change_of_a_column_is_seen_and_named(column, values):
    found = difference(flatten(frame()), flatten(frame(**{column: values})))
    assert found is not None
    assert found.where.split("/")[0] == column or found.where == "text"


def test_index_names_and_the_order_of_columns_are_content():
    base = frame()
    for other in (
        base.set_axis([1, 2]),
        base[sorted(base, reverse=True)],
        base.rename(columns={"a": "z"}),
        base.iloc[::-1],
    ):
        assert digests(flatten(base)) != digests(flatten(other))
    twice = pandas.DataFrame([[1, 2]], columns=["a", "a"])
    assert {"a", "<2>a"} <= set(flatten(twice))
    wide = pandas.DataFrame([[1]], index=pandas.MultiIndex.from_tuples([("x", 1)]), columns=[("p", 2)])
    assert digests(flatten(wide)) == digests(flatten(wide.copy()))


def test_polars_frames():
    polars = pytest.importorskip("polars", reason="polars is not installed")

    def table(**changes):
        return polars.DataFrame({"a": [1, None], "b": ["x", None], "c": [[1], [2, 3]], "d": [True, None]} | changes)

    assert digests(flatten(table())) == digests(flatten(table()))
    for column, values in (("a", [1, 0]), ("b", ["x", ""]), ("c", [[1], [2, 4]]), ("d", [True, False])):
        assert digests(flatten(table())) != digests(flatten(table(**{column: values}))), column
    assert digests(flatten(table())) != digests(flatten(table().select("b", "a", "c", "d")))
