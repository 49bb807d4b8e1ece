"""Rows: their digests, sets of them, columns, statistics, splits and opt-out lists."""

from __future__ import annotations

import datetime as dt
import decimal
import hashlib
import io
import json
import math
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprokit.datasets.optout import OptOut
from reprokit.datasets.rowsets import RowOrder, RowSet, row_digests
from reprokit.datasets.shapes import Shape, TextShape
from reprokit.datasets.statistics import ColumnPass
from reprokit.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Place

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.dates() | st.decimals(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def one(value: Any) -> bytes:
    return next(row_digests({"c": [value]}))


def same(first: Any, second: Any) -> bool:
    """Equality that tells 1 from 1.0 and True, and a NaN from nothing but itself."""
    if type(first) is not type(second):
        return False
    if isinstance(first, float):
        both_nan = math.isnan(first) and math.isnan(second)
        return both_nan or (first == second and math.copysign(1, first) == math.copysign(1, second))
    if isinstance(first, decimal.Decimal):
        return str(first) == str(second)
    if isinstance(first, list):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    return bool(first == second)


@given(VALUES, VALUES)
def test_rows_have_the_same_digest_exactly_when_they_are_the_same(first: Any, second: Any) -> None:
    assert (one(first) == one(second)) == same(first, second)
    assert one(first) == one(first)


LOOKALIKES = [
    1,
    1.0,
    True,
    "1",
    b"1",
    [1],
    ["1"],
    {"1": 1},
    (),
    None,
    "",
    [],
    {},
    0,
    -0.0,
    0.0,
    "None",
    [[], []],
    [[[]]],
    ["a", "b"],
    ["ab"],
    {"a": None},
    {},
    dt.date(2020, 1, 1),
    "2020-01-01",
    dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
    decimal.Decimal(1),
]


def test_what_looks_alike_is_told_apart() -> None:
    digests = {one(value) for value in LOOKALIKES}
    assert len(digests) == len(LOOKALIKES) - 2  # () is [], and {} stands there twice


def test_the_order_of_columns_does_not_matter_and_their_names_do() -> None:
    rows = {"a": [1, 2], "b": [3, 4]}
    assert list(row_digests(rows)) == list(row_digests({"b": [3, 4], "a": [1, 2]}))
    assert list(row_digests(rows)) != list(row_digests({"a": [3, 4], "b": [1, 2]}))
    assert list(row_digests({"ab": [1]})) != list(row_digests({"a": [1]}))


ROWS = st.lists(st.integers(0, 30), max_size=60)


def filled(values: list[int], in_memory: int) -> RowSet:
    held = RowSet(in_memory)
    for digest in row_digests({"n": values}):
        held.add(digest)
    return held


@given(ROWS, st.randoms(use_true_random=False), st.sampled_from([24, 100, 1 << 20]))
def test_a_set_of_rows_is_the_same_in_any_order_and_on_disk(values: list[int], random: Any, in_memory: int) -> None:
    shuffled = random.sample(values, len(values))
    with filled(values, 1 << 20) as first, filled(shuffled, in_memory) as second:
        assert first.digest() == second.digest()
        assert first.duplicates() == second.duplicates() == len(values) - len(set(values))
        with filled([*values, 31], in_memory) as more, filled([*values, *values[:1]], in_memory) as repeated:
            assert more.digest() != first.digest()
            assert (repeated.digest() == first.digest()) == (not values)


@given(ROWS, ROWS, st.sampled_from([24, 1 << 20]))
def test_what_two_sets_share_is_their_intersection(first: list[int], second: list[int], in_memory: int) -> None:
    with filled(first, in_memory) as here, filled(second, in_memory) as there:
        count, examples = here.shared(there)
        assert count == len(set(first) & set(second))
        assert all(first[a] == second[b] for a, b in examples)
        assert bool(examples) == bool(count)


def test_rows_in_their_order() -> None:
    def ordered(values: list[int]) -> str:
        rows = RowOrder()
        for digest in row_digests({"n": values}):
            rows.add(digest)
        return rows.digest()

    assert ordered([1, 2]) != ordered([2, 1])
    assert ordered([1, 2]) == ordered([1, 2])
    assert ordered([1, 2]).startswith("sha256-rows-in-order:")


TEXTS = [
    (["1", "-2", "+3"], "int64"), (["1", "2.5"], "double"), (["1e3", "nan", "inf", ".5"], "double"),
    (["true", "False"], "bool"), (["2020-01-02"], "date32"), (["2020-01-02", "1"], "string"),
    (["2020-01-02T03:04:05Z", "2020-01-02 03:04"], "timestamp"), (["1", "x"], "string"), (["", ""], "null"),
    (["", "7"], "int64"), (["٣"], "string"), (["1" * 30], "double"), (["1\n"], "string"),
]  # fmt: skip


@pytest.mark.parametrize(("texts", "kind"), TEXTS)
def test_types_of_csv_columns(texts: list[str], kind: str) -> None:
    whole, pieces = TextShape(), TextShape()
    whole.see(texts)
    for text in reversed(texts):
        pieces.see([text])
    assert whole.type() == pieces.type() == kind
    assert whole.nullable == ("" in texts)


@given(st.lists(VALUES, max_size=8), st.randoms(use_true_random=False))
def test_types_do_not_depend_on_the_order_of_rows(values: list[Any], random: Any) -> None:
    def kind(some: list[Any]) -> str:
        shape = Shape()
        for value in some:
            shape.see([value])
        return shape.text()

    whole = Shape()
    whole.see(values)
    assert kind(values) == kind(random.sample(values, len(values))) == whole.text()


def test_types_of_nested_values() -> None:
    shape = Shape()
    shape.see([{"a": 1, "b": ["x"]}, {"a": 2.5}])
    assert shape.type() == "struct<a: double not null, b: list<item: string not null>>"
    assert Shape().type() == "null"


@given(st.lists(st.none() | st.integers() | st.floats(), max_size=30), st.integers(1, 7))
def test_ranges_are_those_of_all_values(values: list[Any], size: int) -> None:
    column = ColumnPass("c")
    for at in range(0, len(values), size):
        column.see(values[at : at + size])
    found = column.result()
    numbers = [value for value in values if value is not None and not math.isnan(value)]
    assert found.nulls == values.count(None)
    assert found.nans == len(values) - len(numbers) - found.nulls
    if numbers:
        assert (found.minimum, found.maximum) == (min(numbers), max(numbers))
    else:
        assert found.minimum is None


def test_no_text_is_shown_in_statistics() -> None:
    column = ColumnPass("name")
    column.see(["Ada Lovelace", None, "Al"])
    found = column.result()
    assert (found.minimum, found.maximum, found.shortest, found.longest, found.nulls) == (None, None, 2, 12, 1)


def test_an_opt_out_list_is_looked_up_in_every_row(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("17\nann@example.org\n\n17\n")
    listed = OptOut(path, "user", "2026-01")
    listed.see("t", {"user": [1, 17, 17.0, None, "x"]})
    listed.see("t", {"user": ["ann@example.org", b"17"]})
    proof = listed.proof()
    assert (proof.keys, proof.rows_read, proof.found, proof.holds) == (2, 7, 4, False)
    assert proof.list_digest == "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(UsageError, match="RPK164"):
        listed.see("t", {"name": ["x"]})


def test_opt_out_lists_of_every_form_have_the_same_keys(tmp_path: Path) -> None:
    keys = ["b", "a", "17"]
    forms = {
        "l.txt": "\n".join(keys), "l.csv": "id,user\n" + "".join(f"{n},{k}\n" for n, k in enumerate(keys)),
        "l.jsonl": "".join(json.dumps({"user": k}) + "\n" for k in reversed(keys)),
    }  # fmt: skip
    for name, text in forms.items():
        (tmp_path / name).write_text(text)
    assert len({OptOut(tmp_path / name, "user").proof().keys_digest for name in forms}) == 1
    hashed = tmp_path / "hashed.txt"
    hashed.write_text("\n".join(hashlib.sha256(key.encode()).hexdigest().upper() for key in keys))
    listed = OptOut(hashed, "user", hashed=True)
    listed.see("t", {"user": ["a", "c", 17]})
    assert listed.proof().found == 2
    (tmp_path / "none.txt").write_text("\n")
    with pytest.raises(UsageError, match="RPK164"):
        OptOut(tmp_path / "none.txt", "user")


def write_splits(place: Place, shared: list[int]) -> None:
    for name, rows in (("train", range(1000)), ("test", range(1000, 1100))):
        lines = [f"{n},text {n}\n" for n in rows]
        if name == "test":
            lines += [f"{n},text {n}\n" for n in shared]
        place.write(f"{name}-0.csv", "id,text\n" + "".join(lines))


SPLITS = {"parts": {"train": ["train-*"], "test": ["test-*"]}, "seed": 7, "strategy": "random"}


def test_splits_are_disjoint_or_not_by_their_rows(place: Place) -> None:
    write_splits(place, [])
    made = place.create(splits=SPLITS)
    sampling = made.manifest.sampling
    assert (sampling.disjoint, sampling.seed, sampling.strategy) == (True, 7, "random")
    assert [(split.name, split.rows, split.duplicates) for split in sampling.splits] == [
        ("test", 100, 0),
        ("train", 1000, 0),
    ]
    assert made.met
    write_splits(place, [3, 500, 3])
    made = place.create(splits=SPLITS)
    assert made.manifest.sampling.disjoint is False
    assert made.manifest.sampling.overlaps[0].rows == 2
    assert sorted(made.manifest.sampling.overlaps[0].examples) == [(100, 3), (101, 500)]
    assert made.manifest.sampling.splits[0].duplicates == 1
    assert [one.code for one in made.findings] == ["RPK159"]


def test_splits_by_a_column(place: Place) -> None:
    place.write("all.jsonl", "".join(json.dumps({"n": n % 9, "split": "ab"[n > 8]}) + "\n" for n in range(12)))
    sampling = place.create(splits={"column": "split"}).manifest.sampling
    assert [(split.name, split.rows) for split in sampling.splits] == [("a", 9), ("b", 3)]
    assert sampling.overlaps[0].rows == 3


def test_splits_without_rows_are_not_called_disjoint(place: Place) -> None:
    place.write("train.bin", bytes(10))
    place.write("test.bin", bytes(10))
    sampling = place.create(splits={"parts": {"a": ["train*"], "b": ["test*"]}}).manifest.sampling
    assert sampling.disjoint is None
    assert [split.bytes for split in sampling.splits] == [10, 10]


def test_the_proof_of_an_opt_out_list(place: Place) -> None:
    place.write("posts.csv", "user,text\n1,hello\n2,there\n")
    (place.root / "out.txt").write_text("3\n4\n")
    config = {"opt-out": [{"list": "out.txt", "key": "user", "version": "2026-01"}]}
    made = place.create(**config)
    proof = made.manifest.filters.opt_out[0]
    assert (proof.holds, proof.found, proof.rows_read, proof.version, made.met) == (True, 0, 2, "2026-01", True)
    place.write("posts.csv", "user,text\n1,hello\n3,there\n")
    made = place.create(**config)
    assert (made.manifest.filters.opt_out[0].holds, [one.code for one in made.findings]) == (False, ["RPK158"])
    place.write("notes.txt", "")
    place.write("other.csv", "name\nx\n")
    with pytest.raises(UsageError, match="no column 'user'"):
        place.create(**config)
    assert place.create(**{"opt-out": [{"list": "out.txt", "key": "stem", "version": "1"}]}).met
    place.write("4.png", b"")
    assert not place.create(**{"opt-out": [{"list": "out.txt", "key": "stem", "version": "1"}]}).met


def test_a_newer_list_is_checked_against_an_older_dataset(place: Place) -> None:
    place.write("posts.csv", "user,text\n1,hello\n2,there\n")
    place.create()
    (place.root / "new.txt").write_text("2\n")
    found = place.check(opt_out=[OptOut(place.root / "new.txt", "user", "2")])
    assert [one.code for one in found.findings] == ["RPK158"]
    (place.root / "new.txt").write_text("9\n")
    assert place.check(opt_out=[OptOut(place.root / "new.txt", "user", "2")]).met


SHARED = [
    ("train.jsonl", '{"a": 1, "b": null}\n', "test.jsonl", '{"a": 1}\n'),
    ("train.jsonl", '{"a": 1, "b": 2}\n', "test.jsonl", '{"b": 2.0, "a": 1}\n'),
    ("train.csv", "a,b\n1,x\n", "test.csv", "b,a\nx,1\n"),
    ("train.jsonl", '{"a": {"b": 0, "c": null}}\n', "test.jsonl", '{"a": {"b": -0.0}}\n'),
    ("train.jsonl", '{"a": 1}\n' + '{"b": 1}\n' * 5000, "test.jsonl", '{"c": 1}\n' * 5000 + '{"a": 1}\n'),
]


@pytest.mark.parametrize(("train", "first", "test", "second"), SHARED, ids=range(len(SHARED)))
def test_a_shared_row_is_found_however_it_is_written(
    place: Place, train: str, first: str, test: str, second: str
) -> None:
    place.write(train, first)
    place.write(test, second)
    made = place.create(splits={"parts": {"train": ["train*"], "test": ["test*"]}})
    assert (made.manifest.sampling.disjoint, [one.code for one in made.findings]) == (False, ["RPK159"])


UNREAD = [("test2.bin", b"x"), ("test2.jsonl", b'{"a": 1}\n'), ("test2.zip", None)]


@pytest.mark.parametrize(("name", "content"), UNREAD)
def test_what_cannot_be_compared_is_not_called_disjoint(place: Place, name: str, content: bytes | None) -> None:
    if content is None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("x.txt", "a\n1\n")
        content = packed.getvalue()
    splits = {"parts": {"train": ["train*"], "test": ["test*"]}}
    place.write("train.csv", "a\n1\n")
    place.write("test.csv", "a\n2\n")
    assert place.create(splits=splits).manifest.sampling.disjoint is True
    place.write(name, content)
    assert place.create(splits=splits).manifest.sampling.disjoint is None


def test_splits_that_came_to_nothing_are_refused(place: Place) -> None:
    place.write("train.csv", "a\n1\n")
    place.write("test.csv", "a\n2\n")
    with pytest.raises(UsageError, match=r"RPK164.*'test' has no file"):
        place.create(splits={"parts": {"train": ["train*"], "test": ["tset*"]}})
    with pytest.raises(UsageError, match=r"RPK164.*two splits"):
        place.create(splits={"parts": {"train": ["*"], "test": ["test*"]}})


def test_a_row_without_a_split_is_in_none(place: Place) -> None:
    place.write("a.jsonl", '{"a": 1, "s": "x"}\n{"a": 2, "s": "y"}\n{"a": 3, "s": null}\n')
    sampling = place.create(splits={"column": "s"}).manifest.sampling
    assert [(one.name, one.rows) for one in sampling.splits] == [("x", 1), ("y", 1)]


def test_a_moment_is_the_same_in_every_zone() -> None:
    here = dt.datetime(2020, 1, 1, 12, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    assert one(here) == one(dt.datetime(2020, 1, 1, 10, tzinfo=dt.UTC))
    assert one(here) != one(dt.datetime(2020, 1, 1, 12, tzinfo=dt.UTC))
