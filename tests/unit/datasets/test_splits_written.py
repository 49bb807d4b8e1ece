"""Splits that share rows in another writing, and splits of which it only seems that they share none."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import TYPE_CHECKING, Any

import pytest

from reprokit.datasets.row_kinds import RowKinds
from reprokit.datasets.rowsets import value_digests

if TYPE_CHECKING:
    from conftest import Place

SPLITS: dict[str, Any] = {"parts": {"train": ["train*"], "test": ["test*"]}}
D = decimal.Decimal
DIGITS = "1.0000000000000000000000000000000000001"

SAME: list[tuple[Any, Any, bool]] = [
    (D("1.0"), D("1.00"), False), (D("1.50"), 1.5, False), (D("0.1"), 0.1, False), (D("17.00"), 17, False),
    (D(DIGITS), D(DIGITS + "0"), False), (D("1E+30"), 10**30, False), (D("NaN"), float("nan"), False),
    (D("-0.0"), -0.0, False), ([D("1.0")], (1,), False),
    ("1.0", "1", True), ("1.50", "1.5", True), ("1e3", "1000", True), ("+.5", "0.50", True), ("-0.0", "0", True),
    ("2.5e-1", ".25", True), ("", None, True), ("1e400", "1" + "0" * 400, True),
]  # fmt: skip
OTHERS: list[tuple[Any, Any, bool]] = [
    (D(DIGITS), 1, False), (D("0.1"), D("0.10000000000000000001"), False), ("1.0", "1", False), ("007", "7", True),
    ("1.0.0", "1.0", True), ("1e", "1", True), ("e", "E", True), ("0.1", "0.10000000000000000001", True),
    ("1E-999", "0", True),
]  # fmt: skip


@pytest.mark.parametrize(("first", "second", "texts"), SAME, ids=range(len(SAME)))
def test_one_value_has_one_digest(first: Any, second: Any, texts: bool) -> None:
    one = list(value_digests({"a": [first], "b": ["x"]}, texts=texts))
    other = list(value_digests({"b": ["x"], "a": [second]}, texts=texts))
    assert one == other


@pytest.mark.parametrize(("first", "second", "texts"), OTHERS, ids=range(len(OTHERS)))
def test_other_values_have_others(first: Any, second: Any, texts: bool) -> None:
    assert list(value_digests({"a": [first]}, texts=texts)) != list(value_digests({"a": [second]}, texts=texts))


def test_rows_of_csv_files_are_found_in_another_writing(place: Place) -> None:
    place.write("train.csv", "a,b,c\n1.50,x,\n")
    place.write("test.csv", "b,a\nx,1.5\n")
    assert [one.code for one in place.create(splits=SPLITS).findings] == ["RPK159"]


DAY = dt.datetime(2025, 1, 1)  # noqa: DTZ001 - as tables keep them
UNLIKE: list[tuple[Any, Any]] = [
    ("1", 1), (b"x", "x"), (DAY, "2025-01-01"), (DAY, DAY.date()), (True, 1), ([1], ["1"]), ([("k", 1)], {"k": 1}),
    ({"a": 1, "b": 2}, {"a": "1", "b": 2}), ([{"a": 1}], [{"a": b""}]),
]  # fmt: skip
ALIKE: list[tuple[Any, Any]] = [
    (1, 1.5), (D("2.5"), 1), ("a", "b"), ([], [1]), ([None], ["x"]), ({}, {"a": 1}), (1, [1]), ("x", {"a": 1}),
]  # fmt: skip


def _comparable(here: dict[str, list[Any]], there: dict[str, list[Any]], *, texts: bool = False) -> bool:
    kinds = []
    for columns in (here, there):
        kinds.append(RowKinds())
        kinds[-1].see(columns, texts=texts)
    assert kinds[0].comparable(kinds[1]) is kinds[1].comparable(kinds[0])
    return kinds[0].comparable(kinds[1])


@pytest.mark.parametrize(("here", "there"), UNLIKE, ids=range(len(UNLIKE)))
def test_values_of_other_types_cannot_be_compared(here: Any, there: Any) -> None:
    assert not _comparable({"a": [here, None], "b": [1, 2]}, {"a": [there, None], "b": [1, 2]})
    assert _comparable({"a": [here, there]}, {"a": [there]})


@pytest.mark.parametrize(("here", "there"), ALIKE, ids=range(len(ALIKE)))
def test_values_that_may_be_equal_can_be_compared(here: Any, there: Any) -> None:
    assert _comparable({"a": [here]}, {"a": [there]})


def test_a_column_that_one_split_always_has_and_the_other_never_stands_in_the_way() -> None:
    assert not _comparable({"a": [1], "label": [0]}, {"a": [1]})
    assert not _comparable({"a": ["1"], "label": ["0"]}, {"a": ["1"], "label": [""]}, texts=True)
    assert _comparable({"a": [1, 2], "label": [0, None]}, {"a": [1]})


@pytest.mark.parametrize(
    ("train", "test"),
    [('{"a": "1"}\n', '{"a": 1}\n'), ('{"a": 1, "label": 0}\n', '{"a": 1}\n')],
    ids=["types", "columns"],
)
def test_splits_that_cannot_be_compared_are_not_called_disjoint(place: Place, train: str, test: str) -> None:
    place.write("train.jsonl", train)
    place.write("test.jsonl", test)
    assert place.create(splits=SPLITS).manifest.sampling.disjoint is None
    assert place.check().met
    place.reseal(lambda plain: plain["sampling"].update(disjoint=True))
    assert [one.code for one in place.check().findings] == ["RPK154"]


def test_a_column_of_splits_is_compared_as_files_are(place: Place) -> None:
    place.write("a.csv", "a,label,split\n1,0,train\n2,,test\n")
    assert place.create(splits={"column": "split"}).manifest.sampling.disjoint is None
    place.write("a.csv", "a,label,split\n1,0,train\n2,1,test\n")
    assert place.create(splits={"column": "split"}).manifest.sampling.disjoint is True
    place.write("b.sqlite", "SQLite format 3")
    assert place.create(splits={"column": "split"}).manifest.sampling.disjoint is None, "its rows have a split too"
