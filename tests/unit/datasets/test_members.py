"""Rows in archives and in arrays of JSON: read like those of files, whatever they are packed in."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tarfile
import tracemalloc
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from reprokit.datasets.sources.json_values import DECODER, array_items
from reprokit.errors import UnverifiedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Place

ROWS = [{"user": f"u{i}", "n": i, "tags": ["é", None]} for i in range(5000)]
TABLES = {
    "rows.jsonl": "".join(json.dumps(row) + "\n" for row in ROWS),
    "rows.json": json.dumps(ROWS, indent=1),
    "rows.csv": "user,n\r\n" + "".join(f"{row['user']},{row['n']}\r\n" for row in ROWS),
}
LIST: dict[str, Any] = {"opt-out": [{"list": "out.txt", "key": "user", "version": "1"}]}


def packed(path: Path, members: dict[str, bytes]) -> None:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        return
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    squeeze: dict[str, Callable[[bytes], bytes]] = {
        ".gz": gzip.compress, ".tgz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress,
        ".zst": zstandard.compress,
    }  # fmt: skip
    path.write_bytes(squeeze.get(path.suffix, bytes)(raw.getvalue()))


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tgz", "a.tar.bz2", "a.tar.xz", "a.tar.zst"])
@pytest.mark.parametrize("table", TABLES)
def test_rows_in_an_archive_are_those_of_the_file(place: Place, name: str, table: str) -> None:
    content = TABLES[table].encode()
    (place.root / "out.txt").write_text("u4999\n")
    place.write(table, content)
    bare = place.create(**LIST)
    (place.data / table).unlink()
    packed(place.data / name, {f"below/{table}": content})
    made = place.create(**LIST)
    assert made.manifest.statistics == bare.manifest.statistics
    assert made.manifest.schema_fingerprint == bare.manifest.schema_fingerprint
    assert made.manifest.filters.opt_out[0] == bare.manifest.filters.opt_out[0]
    assert (made.manifest.filters.opt_out[0].rows_read, made.manifest.filters.opt_out[0].found) == (5000, 1)


@pytest.mark.parametrize("name", ["rows.csv.gz", "rows.jsonl.gz"])
def test_a_compressed_table_in_an_archive(place: Place, name: str) -> None:
    packed(place.data / "a.zip", {name: gzip.compress(TABLES[name.removesuffix(".gz")].encode())})
    assert place.create().manifest.statistics.rows == 5000


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_tables_that_are_sought_through(place: Place, kind: str, tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow", reason="needs the extra `datasets`")
    from pyarrow import feather, parquet

    table, path = arrow.table({"user": [f"u{i}" for i in range(10_000)]}), tmp_path / f"t.{kind}"
    parquet.write_table(table, path) if kind == "parquet" else feather.write_feather(table, path)
    (place.root / "out.txt").write_text("u9999\n")
    packed(place.data / "a.tar.gz", {f"t.{kind}": path.read_bytes(), "notes.txt": b"text"})
    proof = place.create(**LIST).manifest.filters.opt_out[0]
    assert (proof.rows_read, proof.found, proof.files_unread) == (10_000, 1, 1)
    packed(place.data / "a.tar.gz", {f"t.{kind}": path.read_bytes()[:-30]})
    with pytest.raises(UnverifiedError, match=rf"RPK156.*a\.tar\.gz/t\.{kind}"):
        place.create()


def test_splits_in_archives_are_compared_by_row(place: Place) -> None:
    splits = {"parts": {"train": ["train.*"], "test": ["test.*"]}}
    packed(place.data / "train.zip", {"a.jsonl": TABLES["rows.jsonl"].encode()})
    packed(
        place.data / "test.tar.gz", {"b.json": b'[{"user": "new"}, {"tags": ["\\u00e9", null], "n": 7, "user": "u7"}]'}
    )
    made = place.create(splits=splits)
    assert [one.code for one in made.findings] == ["RPK159"]
    assert made.manifest.sampling.overlaps[0].examples == [(1, 7)]
    other = b'[{"user": "new", "n": 7, "tags": []}]'
    packed(place.data / "test.tar.gz", {"b.json": other})
    assert place.create(splits=splits).manifest.sampling.disjoint is True
    packed(place.data / "test.tar.gz", {"b.json": other, "README": b"text"})
    assert place.create(splits=splits).manifest.sampling.disjoint is None, "of a text no row is known"


def test_a_column_of_splits_in_an_archive(place: Place) -> None:
    packed(place.data / "a.zip", {"a.csv": b"x,split\n1,train\n2,test\n", "b.csv": b"x,split\n1,test\n"})
    made = place.create(splits={"column": "split"})
    assert {one.name: one.rows for one in made.manifest.sampling.splits} == {"test": 2, "train": 1}
    assert [one.code for one in made.findings] == ["RPK159"]


def test_what_nobody_reads_in_an_archive_proves_nothing(place: Place) -> None:
    (place.root / "out.txt").write_text("ann\n")
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("a.csv", "user\nann\n")
    place.write("b.csv", "user\nbob\n")
    for name, data in [("in.zip", inner.getvalue()), ("in.sqlite", b"SQLite"), ("in.json", b"[[1]]"),
                       ("in.json.gz", gzip.compress(b"[]")), ("deep/in.XLSX", b"PK")]:  # fmt: skip
        packed(place.data / "a.tar", {"c.csv": b"user\nbob\n", name: data})
        with pytest.raises(UsageError, match=f"RPK164.*a.tar/{name}"):
            place.create(**LIST)
    packed(place.data / "a.tar", {"c.csv": b"user\nbob\n", "info.json": b'{"rows": 1}', "x.png": b"x", "empty": b""})
    proof = place.create(**LIST).manifest.filters.opt_out[0]
    assert (proof.holds, proof.rows_read, proof.files_unread) == (True, 2, 1)
    packed(place.data / "a.tar", {"c.csv": b"name\nbob\n"})
    with pytest.raises(UsageError, match=r"a\.tar/c\.csv has no column 'user'"):
        place.create(**LIST)


def test_what_macos_puts_beside_a_file_is_no_table(place: Place) -> None:
    packed(place.data / "a.zip", {"t.csv": b"a\n1\n", "__MACOSX/._t.csv": b"\0\5\x16\7\0\2\0\0Mac OS X"})
    assert place.create().manifest.statistics.rows == 1
    packed(place.data / "a.zip", {"t.csv": b"a\n1\n", "._u.csv": b"a\n2\n"})
    assert place.create().manifest.statistics.rows == 2, "a table of that name is one"


def test_a_link_to_a_table_in_an_archive_is_none(place: Place) -> None:
    with tarfile.open(place.data / "a.tar", "w") as tar:
        for name, kind in (("t.csv", tarfile.REGTYPE), ("l.csv", tarfile.SYMTYPE), ("h.csv", tarfile.LNKTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "t.csv" * (kind != tarfile.REGTYPE)
            member.size = 4 if kind == tarfile.REGTYPE else 0
            tar.addfile(member, io.BytesIO(b"a\n1\n"))
    made = place.create().manifest
    assert made.statistics.rows == 1
    assert made.schema_fingerprint is not None
    assert [one.files for one in made.schema_fingerprint.tables] == [1]


def test_a_damaged_table_in_an_archive_is_named(place: Place) -> None:
    for name, data in [("x.csv", b"a,b\n1\n"), ("x.jsonl", b"{}\n{"), ("x.json", b'[{"a": 1}'), ("y.json", b"[{}, 5]"),
                       ("x.csv.gz", gzip.compress(b"a\n1\n")[:-9]), ("x.parquet", b"PAR1")]:  # fmt: skip
        packed(place.data / "a.zip", {name: data})
        with pytest.raises(UnverifiedError, match=rf"(RPK156|RPK150).*a\.zip/{name}"):
            place.create()


def test_a_list_is_looked_up_later_in_what_an_archive_holds(place: Place) -> None:
    """One archive with one table is one file and one table, and still no CSV file."""
    from reprokit.datasets.optout import OptOut

    packed(place.data / "a.zip", {"t.csv": b"user\nann\n"})
    place.create()
    (place.root / "out.txt").write_text("ann\n")
    found = place.check(opt_out=[OptOut(place.root / "out.txt", "user")])
    assert [one.code for one in found.findings] == ["RPK158"]


JSON = [
    ("[]", True), ('\ufeff [ {"user": "ann"} ]', True), ('[{"user": "ann"}, {"user": null, "x": [1, {}]}]\n', True),
    ('{"user": "ann"}\n{"user": "bob"}\n', True), ('{"user": "ann"}', False), ('{\n "user": [{}]\n}', False),
    ("3", False), ("", False), ("text", False),
]  # fmt: skip


@pytest.mark.parametrize(("content", "table"), JSON, ids=range(len(JSON)))
def test_which_json_is_a_table(place: Place, content: str, table: bool) -> None:
    place.write("a.json", content)
    assert (place.create().manifest.statistics.rows is not None) is table


RECORDS = [
    ('{"data": [{"user": "ann"}]}', True), ('{"user": "ann", "text": "a"}', True),
    ('{"a": {"b": [[{"user": 1}]]}}', True),
    ('{"features": {"user": {"dtype": "string"}}}', False), ('{"layers": [{"units": 3}], "column": "user"}', False),
    ('["user"]', True), ('{"user"', False),
]  # fmt: skip


@pytest.mark.parametrize("packing", [None, "a.zip", "a.tar.gz"])
@pytest.mark.parametrize(("content", "refused"), RECORDS, ids=range(len(RECORDS)))
def test_records_in_json_that_is_no_table_are_not_passed_over(
    place: Place, content: str, refused: bool, packing: str | None
) -> None:
    (place.root / "out.txt").write_text("bob\n")
    place.write("rows.csv", "user,n\ncarl,1\n")
    if packing:
        packed(place.data / packing, {"a.json": content.encode()})
    else:
        place.write("a.json", content)
    if refused:
        with pytest.raises(UsageError, match=r"RPK164.*a\.json"):
            place.create(**LIST)
    else:
        proofs = place.create(**LIST).manifest.filters.opt_out
        assert [(one.holds, one.files_unread) for one in proofs] == [(True, 1)]


DAMAGED = [
    '[{"a": 1}', '[{"a": 1},]', '[{"a": 1}] x', '[{"a": 1} {"a": 2}]', '[{"a": 1}, 2]', '[{"a": 1, "a": 2}]',
    '[{"a": tru}]', '[{"a": ' + "[" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("content", DAMAGED, ids=range(len(DAMAGED)))
def test_damaged_arrays(place: Place, content: str) -> None:
    place.write("a.json", content)
    with pytest.raises(UnverifiedError, match=r"RPK156.*a\.json"):
        place.create()


def test_a_key_that_stands_twice_in_an_object(place: Place) -> None:
    """Which one is meant depends on the reader: the other would never be looked up."""
    (place.root / "out.txt").write_text("bob\n")
    place.write("a.jsonl", '{"user": "bob", "user": "ann"}\n')
    with pytest.raises(UnverifiedError, match=r"RPK156.*a\.jsonl.*twice"):
        place.create(**LIST)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)


class Trickle(io.StringIO):
    """A file that gives little at a time."""

    def read(self, size: int | None = -1, /) -> str:
        return super().read(min(3, size) if size is not None and size > 0 else size)


@given(st.lists(VALUES, max_size=8), st.sampled_from([None, 1]))
def test_items_are_those_of_the_array_wherever_it_is_cut(values: list[Any], indent: int | None) -> None:
    assert list(array_items(Trickle(json.dumps(values, indent=indent)))) == values


def _read(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except ValueError:
        return None


@given(st.text(alphabet='[]{},:"\\u1d8 0eE+-.truefalsn', max_size=30))
def test_what_is_read_as_an_array_is_one(text: str) -> None:
    expected = _read(lambda: DECODER.decode(text))
    assert _read(lambda: list(array_items(Trickle(text)))) == (expected if isinstance(expected, list) else None)


class Endless(io.StringIO):
    """An array of 80 MB of rows that are not in memory."""

    left = 800

    def read(self, size: int | None = -1, /) -> str:
        self.left -= 1
        row = '{"a": "' + "x" * 100_000 + '"}'
        return ("[" if self.left == 799 else ",") + row if self.left > 0 else "]" * (self.left == 0)


def test_memory_does_not_grow_with_an_array() -> None:
    tracemalloc.start()
    count = sum(1 for _ in array_items(Endless()))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 799
    assert peak < 8 << 20


LISTS = [
    ("l.json", '["ann", 17]'), ("l.json", '[{"user": "ann"}, {"user": 17}]'),
    ("l.json", '{"user": "ann"}\n{"user": 17}'), ("l.JSON", '[\n  "ann",\n  "17"\n]'),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content"), LISTS, ids=range(len(LISTS)))
def test_lists_in_json_hold_their_keys(tmp_path: Path, name: str, content: str) -> None:
    from reprokit.datasets.optout import OptOut

    (tmp_path / name).write_text(content)
    one = OptOut(tmp_path / name, "user")
    one.see("t", {"user": ["ann", "bob", 17]})
    assert one.proof().found == 2


NO_LISTS = [
    ("l.json", '{"users": ["ann"]}'), ("l.json", '["ann", ["bob"]]'), ("l.json", '"ann"'), ("l.txt", '["ann",\n"bob"]'),
    ("l.txt", '{"user": "ann"}\n'), ("l.yaml", "- ann\n"), ("l.yml", "- ann\n"), ("l.xml", "<u>ann</u>"),
    ("l.txt", '"ann"\n"bob"\n'), ("l.txt", "'ann',\n'bob'\n"), ("l.txt", "ann;\n"), ("l", "ann\tspam\nbob\tspam\n"),
    ("l.txt", "- ann\n\n- bob\n"), ("l.zip", "ann\n"), ("l.tar.gz", "ann\n"), ("l.xlsx", "ann\n"), ("l.npy", "ann\n"),
    ("l.csv", "user;why\nann;spam\n"), ("l.csv", "user\twhy\nann\tspam\n"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content"), NO_LISTS, ids=range(len(NO_LISTS)))
def test_a_list_of_which_no_key_would_be_found_is_refused(tmp_path: Path, name: str, content: str) -> None:
    from reprokit.datasets.optout import OptOut

    (tmp_path / name).write_text(content)
    with pytest.raises(UsageError, match="RPK164"):
        OptOut(tmp_path / name, "user")
