"""Opt-out lists that would seem to hold: rows that nobody reads, and keys that nobody would find."""

from __future__ import annotations

import gzip
import io
import json
import sqlite3
import tarfile
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from reprokit.datasets.keys import Keys
from reprokit.datasets.optout import OptOut
from reprokit.errors import UnverifiedError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Place

LIST: dict[str, Any] = {"opt-out": [{"list": "out.txt", "key": "user", "version": "1"}]}
ROWS = [{"user": "ann", "t": 1}, {"user": "eve", "t": 2}]
RECORDS = json.dumps({"data": ROWS})
DVC = f"outs:\n- md5: {'a' * 32}\n  hash: md5\n  path: rows.csv\n"

HIDDEN: list[tuple[str, str | bytes]] = [
    ("b.json", "\n".join(json.dumps(row, indent=1) for row in ROWS)),
    ("b.json", '{"data": [{"user": "ann", "user": "eve"}]}'),
    ("b.json", RECORDS.encode("utf-16")), ("b.json", RECORDS.replace("t", "\xe9").encode("latin-1")),
    ("b.json", json.dumps({"0": ROWS[0], "1": ROWS[1]})),
    ("b.json", json.dumps({"columns": ["user", "t"], "index": [0], "data": [["ann", 1]]})),
    ("b.json", json.dumps({"features": [{"properties": ROWS[0]}]})),
    ("b.pq", b"PAR1\x15\x04"), ("part-0", b"PAR1\x15\x04"), ("b.data", b"SQLite format 3\0"), ("b", gzip.compress(b"")),
    ("b.tfrecord", b"\x10\0"), ("b.h5", b""), ("b.txt", "t,user\n1,ann\n"), ("b.tab", "t\tuser\n1\tann\n"),
    ("b.log", '{"t": 1, "user": "ann"}\n'), ("rows.csv.dvc", DVC),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content"), HIDDEN, ids=range(len(HIDDEN)))
@pytest.mark.parametrize("packing", [None, "a.tar"])
def test_a_list_does_not_hold_beside_rows_that_nobody_reads(
    place: Place, name: str, content: str | bytes, packing: str | None
) -> None:
    if name.endswith(".dvc"):
        pytest.importorskip("yaml", reason="needs the extra `datasets`")
    data = content or b"x"
    (place.root / "out.txt").write_text("ann\n")
    place.write("a.csv", "user\nbob\n")
    if packing and not name.endswith(".dvc"):
        with tarfile.open(place.data / packing, "w") as tar:
            info = tarfile.TarInfo(name)
            raw = data if isinstance(data, bytes) else data.encode()
            info.size = len(raw)
            tar.addfile(info, io.BytesIO(raw))
    else:
        place.write(name, data)
    with pytest.raises(UsageError, match=r"RPK164.*may be rows"):
        place.create(**LIST)


SEEN: list[tuple[str, str | bytes]] = [
    ("_metadata", b"PAR1\x15\x04"), ("b.txt", "the user, it seems\n"), ("b.md", "# user\n"), ("b.png", b"\x89PNG\r\n"),
    ("b.json", '{"train": {"user": {"dtype": "string"}}, "test": {"user": {"dtype": "string"}}}'),
    ("b.json", '{"columns": ["user", "t"]}'),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content"), SEEN, ids=range(len(SEEN)))
def test_what_has_no_rows_hinders_no_list(place: Place, name: str, content: str | bytes) -> None:
    (place.root / "out.txt").write_text("ann\n")
    place.write("a.csv", "user\nbob\n")
    place.write(name, content)
    assert [one.holds for one in place.create(**LIST).manifest.filters.opt_out] == [True]


NAMES = [
    ("stem", "ann.smith.txt", "ann.smith"), ("stem", "ann.smith.txt", "ann"), ("stem", "d/ann.txt", "ann.txt"),
    ("path", "d/ann.txt", "./d/ann.txt"), ("path", "d/ann.txt", "data/d/ann.txt"), ("path", "d/a", "./data/d/a"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "name", "listed"), NAMES, ids=range(len(NAMES)))
def test_names_of_files_are_found_however_a_list_has_them(place: Place, key: str, name: str, listed: str) -> None:
    place.write(name, "x")
    place.write("d/bob.txt", "x")
    wish = {"list": "out.txt", "key": key, "version": "1"}
    (place.root / "out.txt").write_text(listed + "\n")
    proof = place.create(**{"opt-out": [wish]}).manifest.filters.opt_out[0]
    assert (proof.found, proof.rows_read) == (1, 2)
    (place.root / "out.txt").write_text(str(place.data / name) if key == "path" else "smith\n")
    assert place.create(**{"opt-out": [wish]}).met is (key == "stem")


@pytest.mark.parametrize(("key", "listed"), [("stem", "ann"), ("path", "d/ann.txt")])
def test_links_in_archives_have_their_own_names(place: Place, key: str, listed: str) -> None:
    with tarfile.open(place.data / "a.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo("d/real.txt"))
        link = tarfile.TarInfo("d/ann.txt")
        link.type, link.linkname = tarfile.LNKTYPE, "d/real.txt"
        tar.addfile(link)
    (place.root / "out.txt").write_text(listed + "\n")
    assert not place.create(**{"opt-out": [{"list": "out.txt", "key": key, "version": "1"}]}).met


def test_a_query_has_no_files_to_look_up(place: Place) -> None:
    pytest.importorskip("sqlalchemy", reason="needs the extra `datasets`")
    with sqlite3.connect(place.root / "d.sqlite") as database:
        database.execute("CREATE TABLE t AS SELECT 'ann' AS user")
    database.close()
    (place.root / "out.txt").write_text("ann\n")
    wish = {"opt-out": [{"list": "out.txt", "key": "path", "version": "1"}]}
    with pytest.raises(UsageError, match="RPK164"):
        place.create(query="SELECT user FROM t", database="d.sqlite", **wish)
    assert not place.create(query="SELECT user AS path FROM t", database="d.sqlite", **wish).met


NO_LISTS = ["user,why\nann,spam\n", "id;user\n1;ann\n", "1. ann\n2. bob\n", "<ann>\n<bob>\n", "ann\0bob\0", "a\0n\0n\0"]


@pytest.mark.parametrize("content", NO_LISTS, ids=range(len(NO_LISTS)))
def test_lists_of_which_no_key_would_be_found_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "out.txt").write_text(content)
    with pytest.raises(UsageError, match="RPK164"):
        OptOut(tmp_path / "out.txt", "user")


def test_remarks_and_invisible_characters_belong_to_no_key(tmp_path: Path) -> None:
    (tmp_path / "out.txt").write_text("# version 7\nann  # asked twice\n\u200bbob\n#eve\nsymphony #5\n")
    one = OptOut(tmp_path / "out.txt", "user")
    one.see("t", {"user": ["ann", "bob", "#eve", "symphony #5", "carl", "eve"]})
    assert one.proof().found == 4


SAME = uuid.UUID("6f9619ff-8b86-d011-b42d-00c04fc964ff")
LARGE = 2**60 + 77
KEYS = [
    (str(SAME), SAME.bytes, True), (SAME.hex, SAME, True), (str(LARGE), float(LARGE), True),
    (float(LARGE), LARGE, True), (float(LARGE), str(LARGE), True), (LARGE, LARGE + 1, False),
    (str(2**53 + 1), float(2**53 + 1), True), (2**53, 2**53 + 1, False), ("1" + "0" * 400, int("1" + "0" * 400), True),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value", "found"), KEYS, ids=range(len(KEYS)))
def test_keys_that_another_type_cannot_hold_are_found(key: Any, value: Any, found: bool) -> None:
    keys = Keys()
    keys.add(key)
    keys.close()
    assert keys.holds([value, "other"]).tolist() == [found, False]


def _tar(**tables: bytes) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as tar:
        for name, content in tables.items():
            info = tarfile.TarInfo(f"{name}.csv")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return held.getvalue()


FIRST, SECOND = _tar(a=b"user\nbob\n"), _tar(b=b"user\nann\n")


def test_all_parts_of_a_compressed_archive_are_read(place: Place) -> None:
    whole = _tar(a=b"user\n" + b"bob\n" * 200, b=b"user\nann\n")
    place.write("a.tar.gz", b"".join(gzip.compress(whole[at : at + 700]) for at in range(0, len(whole), 700)))
    (place.root / "out.txt").write_text("ann\n")
    proof = place.create(**LIST).manifest.filters.opt_out[0]
    assert (proof.found, proof.rows_read) == (1, 201)


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.tar", FIRST + SECOND), ("a.tar.gz", gzip.compress(FIRST) + gzip.compress(SECOND)),
     ("a.tar", FIRST[:1024] + b"damaged".ljust(512, b"!") + SECOND)],
    ids=["two tars", "two compressed tars", "a damaged header"],
)  # fmt: skip
def test_what_follows_the_end_of_a_tar_is_not_passed_over(place: Place, name: str, content: bytes) -> None:
    place.write(name, content)
    with pytest.raises(UnverifiedError, match="RPK156"):
        place.create()
