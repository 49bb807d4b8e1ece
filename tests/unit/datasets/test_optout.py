"""Opt-out lists against data that write the same key in another way, or that hold rows which nobody reads."""

from __future__ import annotations

import decimal
import hashlib
import json
import tarfile
import unicodedata
import uuid
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reprokit.datasets.keys import Keys
from reprokit.datasets.optout import OptOut
from reprokit.errors import UnverifiedError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Place


def listed(tmp_path: Path, content: str, name: str = "list.txt", key: str = "user", **how: Any) -> OptOut:
    (tmp_path / name).write_text(content)
    return OptOut(tmp_path / name, key, **how)


def found(one: OptOut, *values: Any) -> int:
    one.see("t", {one.key: list(values)})
    return one.proof().found


SAME = [
    ("17", 17), ("17", 17.0), ("17.0", 17), ("17.0", "17"), ("17", "17.0"), ("0017", 17), ("+17", 17),
    ("17", decimal.Decimal("17.00")), (str(2**53 + 1), 2**53 + 1), (str(2**64), decimal.Decimal(2**64)),
    ("ann ", "ann"), ("ann", " ann\t"), ("ann", b"ann"), ("ann", memoryview(b"ann ")), ("ann", ["bob", "ann"]),
    (unicodedata.normalize("NFC", "Zoë"), unicodedata.normalize("NFD", "Zoë")),
    (unicodedata.normalize("NFD", "Zoë"), unicodedata.normalize("NFC", "Zoë")),
    ("6F9619FF-8B86-D011-B42D-00C04FC964FF", uuid.UUID("6f9619ff-8b86-d011-b42d-00c04fc964ff")),
    ("6f9619ff-8b86-d011-b42d-00c04fc964ff", "6F9619FF-8B86-D011-B42D-00C04FC964FF"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), SAME, ids=range(len(SAME)))
def test_one_key_is_found_however_it_is_written(tmp_path: Path, key: str, value: Any) -> None:
    assert found(listed(tmp_path, f"\ufeffother\n{key}\n"), "x", value, None) == 1


@pytest.mark.parametrize(("key", "value"), [("17", "017"), ("17", 18), ("17", 17.5), ("ann", "Ann"), ("1", True),
                                            (str(2**53), 2**53 + 1)])  # fmt: skip
def test_other_keys_are_others(tmp_path: Path, key: str, value: Any) -> None:
    assert found(listed(tmp_path, key), value) == 0


def test_a_list_of_numbers_is_compared_with_texts(tmp_path: Path) -> None:
    one = listed(tmp_path, '{"id": 1, "user": 7}\n{"id": 2, "user": 8.0}\n{"id": 3}\n', "l.jsonl")
    assert found(one, "7", "0008", "9") == 2


def plain(value: int | str) -> str:
    """A key without what nobody sees around it."""
    return unicodedata.normalize("NFC", str(value).strip().strip("\u200b\u2060\ufeff").strip())


@given(st.lists(st.integers(-(10**20), 10**20) | st.text(max_size=8), max_size=20), st.integers() | st.text(max_size=8))
@example(["\ufeff"], "")
@example(["a"], "a\u200b")
def test_a_key_that_was_added_is_found(values: list[int | str], other: int | str) -> None:
    keys = Keys()
    for value in values:
        keys.add(value)
    keys.close()
    assert all(keys.holds([value for value in values if plain(value)]))
    text = plain(other)
    if not any(char.isdigit() for char in text) and text not in map(plain, values):
        assert not keys.holds([other])[0]


def test_digests_of_keys(tmp_path: Path) -> None:
    def of(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    keys = ["ann", unicodedata.normalize("NFD", "Zoë"), "17"]
    text = "\n".join(f"sha256:{of(key)}".upper() for key in keys)
    assert found(listed(tmp_path, text, hashed=True), "ann ", unicodedata.normalize("NFC", "Zoë"), 17, "b") == 3
    plain = "\n".join(map(of, keys))
    assert found(listed(tmp_path, plain), "ann", of("17"), "b") == 2, "nobody said that these are digests"
    with pytest.raises(UsageError, match="RPK164"):
        listed(tmp_path, "ann\nbob\n", hashed=True)


def test_the_column_of_a_list_is_the_one_that_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no column 'user'; it has id, email"):
        listed(tmp_path, "id,email\n9,ann\n", "l.csv")
    with pytest.raises(UsageError, match="RPK164"):
        listed(tmp_path, '{"id": 9, "email": "ann"}\n', "l.jsonl")
    assert found(listed(tmp_path, "ann\nbob\n", "one.csv"), "ann", "bob") == 2, "its first line is a key as well"
    late = '{"id": 9}\n' * 5000 + '{"id": 9, "user": "ann"}\n'
    assert found(listed(tmp_path, late, "late.jsonl"), "ann", 9) == 1


def test_lists_are_tables_of_any_format(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow", reason="needs the extra `datasets`")
    import gzip

    from pyarrow import parquet

    parquet.write_table(arrow.table({"id": [1, 2], "user": ["ann", "bob"]}), tmp_path / "l.parquet")
    assert found(OptOut(tmp_path / "l.parquet", "user"), "ann", "1") == 1
    (tmp_path / "l.txt.gz").write_bytes(gzip.compress(b"ann\n"))
    assert found(OptOut(tmp_path / "l.txt.gz", "user"), "ann") == 1
    (tmp_path / "l.txt.gz").write_bytes(gzip.compress(b"ann\n")[:-9])
    with pytest.raises(UnverifiedError, match="RPK156"):
        OptOut(tmp_path / "l.txt.gz", "user")


def test_keys_that_are_objects_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds objects"):
        found(listed(tmp_path, "ann"), {"name": "ann"})


OUT: dict[str, Any] = {"opt-out": [{"list": "out.txt", "key": "user", "version": "1"}]}


def test_nothing_is_proved_where_no_row_was_read(place: Place) -> None:
    (place.root / "out.txt").write_text("ann\n")
    place.write("posts.csv", "user\nann\n")
    with pytest.raises(UsageError, match=r"RPK164.*posts\.csv"):
        place.create(format="bytes", **OUT)
    assert not place.manifest.exists()
    place.write("posts.csv", "user\nbob\n")
    place.write("notes.md", "ann was here")
    proof = place.create(**OUT).manifest.filters.opt_out[0]
    assert (proof.holds, proof.rows_read, proof.files_unread) == (True, 1, 1)
    (place.data / "posts.csv").unlink()
    with pytest.raises(UsageError, match=r"RPK164.*notes\.md"):
        place.create(**OUT)


def test_nothing_is_proved_of_a_pointer(place: Place) -> None:
    content = b"user\nann\n" * 100
    (place.root / "out.txt").write_text("ann\n")
    place.write("a.csv", "user\nbob\n")
    place.write("posts.csv", f"version https://git-lfs.github.com/spec/v1\noid sha256:"
                f"{hashlib.sha256(content).hexdigest()}\nsize {len(content)}\n")  # fmt: skip
    with pytest.raises(UnverifiedError, match=r"RPK152.*pointer"):
        place.create(**OUT)


def test_names_in_archives_and_columns_called_path_are_looked_up(place: Place) -> None:
    (place.root / "out.txt").write_text("img/7.png\n")
    config: dict[str, Any] = {"opt-out": [{"list": "out.txt", "key": "path", "version": "1"}]}
    place.write("index.jsonl", json.dumps({"path": "img/8.png"}) + "\n")
    assert place.create(**config).met
    place.write("index.jsonl", json.dumps({"path": "img/7.png"}) + "\n")
    assert not place.create(**config).met
    place.write("index.jsonl", json.dumps({"path": "img/8.png"}) + "\n")
    with zipfile.ZipFile(place.data / "all.zip", "w") as archive:
        archive.writestr("img/7.png", b"")
    assert not place.create(**config).met
    (place.data / "all.zip").unlink()
    place.write("img.bin", b"x")
    with tarfile.open(place.data / "all.tar.gz", "w:gz") as tar:
        tar.add(place.data / "img.bin", "img/7.png")
    assert not place.create(**config).met


def test_a_newer_list_is_looked_up_as_the_rows_were_read(place: Place) -> None:
    place.write("x.dat", "user\nann\n")
    place.create(format="csv")
    assert [one.code for one in place.check(opt_out=[listed(place.root, "ann\n")]).findings] == ["RPK158"]
    assert place.check(opt_out=[listed(place.root, "bob\n")]).met
    place.write("x.dat", "user;n\nann;1\n")
    place.create(format="csv", delimiter=";")
    assert [one.code for one in place.check(opt_out=[listed(place.root, "ann\n")]).findings] == ["RPK158"]
    assert place.check(opt_out=[listed(place.root, "bob\n")]).met
    place.reseal(lambda found: found["snapshot"].pop("reading"))
    with pytest.raises(UsageError, match="RPK164"):  # as an earlier version made it: the delimiter is not known
        place.check(opt_out=[listed(place.root, "bob\n")])
    place.write("x.dat", "of the user\nann\n")
    place.write("y.txt", "")
    place.write("z.csv", "user\nbob\n")
    place.create(format="auto")
    assert place.check(opt_out=[listed(place.root, "ann\n")]).met, "x.dat has no rows that anyone knows of"


@pytest.mark.parametrize(
    ("name", "content", "refused"),
    [
        ("b.json", b'\n [["3"]]', True),
        ("b.7z", b"7z", True),
        ("b.sqlite", b"SQLite format 3", True),
        ("info.json", b'{"rows": 2}', False),
        ("README.md", b"text", False),
    ],
)
def test_rows_that_nobody_read_beside_a_table_prove_nothing(
    place: Place, name: str, content: bytes, refused: bool
) -> None:
    place.write("a.csv", "id,text\n1,a\n")
    place.write(name, content)
    (place.root / "out.txt").write_text("3\n")
    wish = [{"list": "out.txt", "key": "id", "version": "1"}]
    if refused:
        with pytest.raises(UsageError, match=name):
            place.create(opt_out=wish)
    else:
        assert place.create(opt_out=wish).manifest.filters.opt_out[0].holds
