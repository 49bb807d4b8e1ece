"""Files that were left before their end, and are read to it now: rows behind it are on no opt-out list otherwise."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tarfile
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import zstandard

from reprokit.datasets.fingerprint import vocabulary
from reprokit.datasets.sources.lines import lines_of, unpacked
from reprokit.errors import UnverifiedError, UsageError

if TYPE_CHECKING:
    from conftest import Place

LIST: dict[str, Any] = {"opt-out": [{"list": "out.txt", "key": "user", "version": "1"}]}
SPLITS: dict[str, Any] = {"parts": {"train": ["train*"], "test": ["test*"]}}
BLOCK = 512


def _tar(members: dict[str, bytes], *, ended: bool = True) -> bytes:
    """A tar, with the zeros at its end or without."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    blocks = sum(1 + -(-len(content) // BLOCK) for content in members.values())
    return packed.getvalue() if ended else packed.getvalue()[: blocks * BLOCK]


BOB, ANN = {"0.txt": b"x", "0.user": b"bob"}, {"1.txt": b"y", "1.user": b"ann"}


def test_blank_lines_are_not_the_end_of_a_csv_file(place: Place) -> None:
    place.write("../out.txt", "ann\n")
    place.write("a.csv", "user,t\nbob,1\n" + "\n" * 3 * 4096 + "ann,2\n")
    made = place.create(**LIST)
    assert [(one.rows_read, one.found) for one in made.manifest.filters.opt_out] == [(2, 1)]
    assert [one.code for one in made.findings] == ["RPK158"]


def test_all_parts_of_a_compressed_shard_are_read(place: Place) -> None:
    place.write("../out.txt", "ann\n")
    place.write("a.tar.gz", gzip.compress(_tar(BOB, ended=False)) + gzip.compress(_tar(ANN)))
    made = place.create(**LIST)
    assert [(one.rows_read, one.found) for one in made.manifest.filters.opt_out] == [(2, 1)]


@pytest.mark.parametrize(
    ("ending", "pack", "between"),
    [
        ("gz", gzip.compress, b""), ("gz", gzip.compress, bytes(7)), ("bz2", bz2.compress, b""),
        ("xz", lzma.compress, b""), ("xz", lzma.compress, bytes(8)), ("xz", lzma.compress, bytes(8192)),
        ("zst", zstandard.compress, b""),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["a.csv", "a.tar"])
def test_all_streams_of_a_compressed_file_are_read(
    place: Place, name: str, ending: str, pack: Any, between: bytes
) -> None:
    """Programs that compress write several, one after the other, with padding between those of xz."""
    first, second = (_tar(BOB, ended=False), _tar(ANN)) if name == "a.tar" else (b"user,t\nbob,1\n", b"ann,2\n")
    place.write("../out.txt", "ann\n")
    place.write(f"{name}.{ending}", pack(first) + between + pack(second))
    made = place.create(**LIST)
    assert [(one.rows_read, one.found) for one in made.manifest.filters.opt_out] == [(2, 1)]


@pytest.mark.parametrize(("ending", "pack"), [("bz2", bz2.compress), ("xz", lzma.compress)])
@pytest.mark.parametrize("rest", [b"user,t\nann,1\n", b"cut"])
def test_what_follows_the_last_stream_is_not_passed_over(place: Place, ending: str, pack: Any, rest: bytes) -> None:
    place.write("../out.txt", "ann\n")
    place.write(f"a.csv.{ending}", pack(b"user,t\nbob,1\n") + (pack(rest)[:-4] if rest == b"cut" else rest))
    with pytest.raises(UnverifiedError, match="RPK156"):
        place.create(**LIST)


def test_what_is_packed_very_small_does_not_fill_the_memory() -> None:
    packed = io.BytesIO(lzma.compress(bytes(64 << 20), preset=0))
    with unpacked(packed, ".xz") as file:
        assert max(len(piece) for piece in iter(file.read1, b"")) <= 1 << 20


@pytest.mark.parametrize("content", [_tar(BOB) + _tar(ANN), _tar(BOB, ended=False)], ids=["two", "cut"])
def test_a_shard_is_read_to_its_end_where_its_format_is_named(place: Place, content: bytes) -> None:
    place.write("../out.txt", "ann\n")
    place.write("a.tar", content)
    with pytest.raises(UnverifiedError, match="RPK156"):
        place.create(format="webdataset", **LIST)


def test_what_follows_a_stream_of_arrow_is_not_passed_over(place: Place) -> None:
    pa = pytest.importorskip("pyarrow", reason="needs the extra `datasets`")
    streams = []
    for user in ("bob", "ann"):
        table, packed = pa.table({"user": [user]}), io.BytesIO()
        with pa.ipc.new_stream(packed, table.schema) as writer:
            writer.write_table(table)
        streams.append(packed.getvalue())
    place.write("../out.txt", "ann\n")
    place.write("a.arrow", streams[0])
    assert place.create(**LIST).met
    place.write("a.arrow", streams[0][:-8])  # the mark of the end may be missing, says the format
    assert place.create(**LIST).met
    place.write("a.arrow", b"".join(streams))
    with pytest.raises(UnverifiedError, match=r"RPK156.*follows"):
        place.create(**LIST)


def _zip(name: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, "user\nann\n")
    return packed.getvalue()


def _records() -> bytes:
    saved = io.BytesIO()
    np.save(saved, np.array([("ann", 1)], dtype=[("user", "U8"), ("n", "i4")]))
    return saved.getvalue()


HIDDEN: list[tuple[str, bytes]] = [
    ("b.dat", _zip("c.csv")), ("b.dat", _tar({"c/c.jsonl": b"{}"})), ("b.npy", _records()), ("b.txt", b"user\nann\n"),
    ("b.txt", "user,t\nann,1\n".encode("utf-16")), ("b.csv.lzma", b"x"), ("b.jsonl.zstd", b"x"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content"), HIDDEN, ids=range(len(HIDDEN)))
def test_rows_under_other_names_are_not_passed_over(place: Place, name: str, content: bytes) -> None:
    place.write("../out.txt", "ann\n")
    place.write("a.csv", "user\nbob\n")
    place.write(name, content)
    with pytest.raises(UsageError, match=r"RPK164.*may be rows"):
        place.create(**LIST)


def test_other_files_that_are_zips_hinder_no_list(place: Place) -> None:
    place.write("../out.txt", "ann\n")
    place.write("a.csv", "user\nbob\n")
    place.write("b.npz", _zip("c.npy"))
    place.write("b.docx", _zip("word/document.xml"))
    place.write("b.npy", _records().replace(b"user", b"name"))
    assert place.create(**LIST).met


def test_columns_whose_values_can_never_be_equal_do_not_make_splits_disjoint(place: Place) -> None:
    pa = pytest.importorskip("pyarrow", reason="needs the extra `datasets`")
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra `datasets`")
    pairs = [
        (pa.array([0.1], pa.float32()), pa.array([0.1], pa.float64())),
        (pa.array([[0.1]], pa.list_(pa.float32())), pa.array([[0.1]], pa.list_(pa.float64()))),
        (pa.array([10**15], pa.timestamp("us")), pa.array([10**15], pa.timestamp("us", "UTC"))),
    ]
    for first, second in pairs:
        for here, there, disjoint in ((first, second, None), (first, first, False), (second, second, False)):
            parquet.write_table(pa.table({"a": here}), place.data / "train.parquet")
            parquet.write_table(pa.table({"a": there}), place.data / "test.parquet")
            assert place.create(splits=SPLITS).manifest.sampling.disjoint is disjoint


def test_truth_values_of_csv_files_are_compared_where_they_are_written_alike(place: Place) -> None:
    place.write("train.csv", "a,b\n1,True\n2,False\n")
    for content, disjoint in (("a,b\n1,true\n", None), ("a,b\n3,False\n", True), ("a,b\n1,true\n2,False\n", False)):
        place.write("test.csv", content)
        assert place.create(splits=SPLITS).manifest.sampling.disjoint is disjoint


def test_a_text_without_line_ends_is_no_line_of_any_length() -> None:
    assert list(lines_of(io.StringIO("ab\r\nabc\nab"), 4)) == ["ab\r\n", "abc\n", "ab"]
    with pytest.raises(EOFError, match="longer than 4"):
        list(lines_of(io.StringIO("ab\nabcde"), 4))


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_a_hole_is_no_line(place: Place, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reprokit.datasets.sources.lines.lines_of.__defaults__", (1 << 16,))
    os.truncate(place.write(name, "a\n" if name == "a.csv" else '{"a": 1}\n'), 1 << 20)
    with pytest.raises(UnverifiedError, match=r"RPK156.*longer than"):
        place.create()


def test_a_tokenizer_larger_than_any_is_not_read_into_memory(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reprokit.datasets.fingerprint._LARGEST", 1000)
    first = place.write("vocab.json", '{"a": 0}' + " " * 2000)
    one = vocabulary(first, "vocab.json")
    other = vocabulary(place.write("vocab.json", '{"a": 0}' + " " * 1999 + "\n"), "vocab.json")
    assert one.entries is None
    assert one.digest == one.sha256 != other.sha256


def test_rows_before_a_key_came_up_are_nulls_of_its_column(place: Place) -> None:
    place.write("a.jsonl", '{"a": 1}\n' * 9000 + '{"a": 1, "b": 5}\n{"a": 1}\n')
    place.write("c.jsonl", '{"c": 1}\n')
    columns = place.create().manifest.statistics.columns
    assert [(one.name, one.nulls, one.minimum) for one in columns] == [("a", 0, 1), ("b", 9001, 5), ("c", 0, 1)]


def test_what_is_no_number_does_not_hide_the_range_of_an_array(place: Place) -> None:
    for name, values in (("a.npy", [1.0, np.nan, 3.0]), ("b.npy", [np.nan]), ("c.npy", [-2.0])):
        np.save(place.data / name, np.array(values))
    [found] = place.create().manifest.statistics.columns
    assert (found.minimum, found.maximum, found.nans) == (-2.0, 3.0, 2)
