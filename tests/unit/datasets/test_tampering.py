"""Manifests that someone edited, computing the digests again as far as they knew, and data that pretend."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import zstandard

from reprokit.datasets.entries import Entry, plain
from reprokit.datasets.filelist import Lines, entries_of, line_of, list_path
from reprokit.datasets.manifests import read_manifest
from reprokit.errors import CorruptBundleError, ReprokitError, UnverifiedError, UsageError
from reprokit.schema.dataset_identity import manifest_id
from reprokit.verbs.manifest import ManifestOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Place

MANY = ManifestOptions(inline=2, settled_ns=-10_000_000_000)


def resealed(place: Place, change: Callable[[dict[str, Any]], object]) -> None:
    """Edits a manifest and gives it the id that it then must have."""
    found = json.loads(place.manifest.read_text())
    change(found)
    found["id"] = manifest_id(found)
    place.manifest.write_text(json.dumps(found))


def rows(place: Place) -> dict[str, Any]:
    (place.root / "out.txt").write_text("ann\n")
    place.write("train.csv", "user,n\nann,1\nbob,2\n")
    place.write("test.csv", "user,n\nbob,2\n")
    place.write("tokenizer.json", '{"model": {"vocab": {"a": 0}}}')
    parts = {"train": ["train*"], "test": ["test*"]}
    return {"opt-out": [{"list": "out.txt", "key": "user", "version": "1"}], "splits": {"parts": parts}}


CHANGES: list[Callable[[dict[str, Any]], object]] = [
    lambda m: m["filters"]["opt_out"][0].update(holds=True),
    lambda m: m["filters"]["opt_out"][0].update(found=9),
    lambda m: m["filters"].update(rows_counted=2),
    lambda m: m["sampling"].update(disjoint=True),
    lambda m: m["sampling"].update(disjoint=None),
    lambda m: m["sampling"].update(overlaps=[]),
    lambda m: m["statistics"].update(rows=7),
    lambda m: m["schema_fingerprint"]["tables"][0]["columns"][0].update(type="int64"),
    lambda m: m["schema_fingerprint"]["tables"][0]["columns"].reverse(),
    lambda m: m["schema_fingerprint"]["tables"][0].update(digest="sha256-columns:" + "0" * 64),
    lambda m: m["schema_fingerprint"].update(digest="sha256-schema:" + "0" * 64),
    lambda m: m["schema_fingerprint"]["tokenizers"].clear(),
    lambda m: m["snapshot"].update(kind="sql"),
    lambda m: m["snapshot"].update(bytes=7),
    lambda m: m["snapshot"].update(file_count=7),
    lambda m: m["snapshot"]["files"].pop(),
    lambda m: m["snapshot"]["files"][0].update(size=7),
    lambda m: m["snapshot"]["files"][0].update(digest="sha256:" + "0" * 64),
]


@pytest.mark.parametrize("change", CHANGES, ids=range(len(CHANGES)))
def test_a_manifest_that_contradicts_itself_is_refused(place: Place, change: Any) -> None:
    made = place.create(**rows(place))
    assert not made.met
    resealed(place, lambda _plain: None)
    assert read_manifest(place.manifest) == made.manifest
    assert {one.code for one in place.check().findings} == {"RPK158", "RPK159"}
    resealed(place, change)
    with pytest.raises(CorruptBundleError, match="RPK155"):
        place.check()


def test_sizes_that_were_exchanged(place: Place) -> None:
    place.write("a.txt", "12")
    place.write("b.txt", "1")
    place.create()
    resealed(place, lambda m: [one.update(size=3 - one["size"]) for one in m["snapshot"]["files"]])
    assert not place.check().met


def forged(place: Place, change: Callable[[list[dict[str, Any]]], object]) -> None:
    """Edits the list beside a manifest, and the digest by which the manifest names it."""
    beside = list_path(place.manifest)
    lines = [json.loads(line) for line in zstandard.decompress(beside.read_bytes(), 1 << 20).splitlines()]
    change(lines)
    data = b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines)
    beside.write_bytes(zstandard.compress(data))
    resealed(place, lambda m: m["snapshot"]["file_list"].update(sha256="sha256:" + hashlib.sha256(data).hexdigest()))


@pytest.mark.parametrize("change", [
    lambda lines: lines.pop(), lambda lines: lines[0].update(digest="sha256:" + "0" * 64),
    lambda lines: lines[0].update(size=1), lambda lines: lines.reverse(), lambda lines: lines.clear(),
    lambda lines: lines[0].update(path="zz"), lambda lines: lines.append(lines[-1]),
])  # fmt: skip
def test_a_list_that_was_forged_is_refused(place: Place, change: Any) -> None:
    for number in range(5):
        place.write(f"{number}.txt", "x" * number)
    place.create(MANY)
    forged(place, lambda _lines: None)
    assert place.check().met
    forged(place, change)
    with pytest.raises(CorruptBundleError, match="RPK155"):
        place.check()


def test_what_is_not_in_the_digest_of_a_tree_may_differ(place: Place) -> None:
    """A file that became a link to the same content is the same data."""
    for number in range(5):
        place.write(f"{number}.txt", "x" * number)
    place.create(MANY)
    (place.data / "3.txt").rename(place.root / "moved.txt")
    (place.data / "3.txt").symlink_to(place.root / "moved.txt")
    assert place.check().met


@pytest.mark.parametrize("path", ["a", "a b", 'a"b', "a\\b", "ä", "a\nb", "\x7f", "a\udcff", "", "~[]{}"])
@pytest.mark.parametrize("link", [None, "x"])
def test_a_line_is_the_json_of_its_entry(path: str, link: str | None) -> None:
    entry = Entry(path, "sha256:0", 7, link)
    assert line_of(entry) == json.dumps(plain(entry), separators=(",", ":")).encode() + b"\n"


def test_lines_are_those_of_the_list(place: Place) -> None:
    for number in range(2500):
        place.write(f"{number}.txt", "x")
    found = place.create(MANY).manifest.snapshot
    lines = Lines()
    for entry in entries_of(found, place.manifest):
        lines.add(entry)
    assert found.file_list is not None
    assert lines.digest() == found.file_list.sha256


def test_a_pointer_in_the_place_of_content_proves_nothing(place: Place) -> None:
    content = b"the content " * 1000
    place.write("big.bin", content)
    place.write("b.txt", "b")
    place.create()
    pointer = f"oid sha256:{hashlib.sha256(content).hexdigest()}\nsize {len(content)}\n"
    place.write("big.bin", f"version https://git-lfs.github.com/spec/v1\n{pointer}")
    with pytest.raises(UnverifiedError, match=r"RPK152.*big\.bin: only its Git LFS pointer is here"):
        place.check()
    place.write("b.txt", "c")
    assert [one.code for one in place.check().findings] == ["RPK154"], "what is known to differ is said"


@pytest.mark.parametrize("what", ["data", "directory", "pipe", "list"])
def test_nothing_of_someone_elses_is_overwritten(place: Place, what: str) -> None:
    kept = place.write("a.csv", "a\n1\n")
    target = kept
    if what == "directory":
        (target := place.root / "m.json").mkdir()
    elif what == "pipe":
        os.mkfifo(target := place.root / "m.json")
    elif what == "list":
        target = place.root / "m.json"
        list_path(target).write_text("mine")
    with pytest.raises(UsageError, match="RPK195"):
        place.create(output=target)
    assert kept.read_text() == "a\n1\n"
    assert what != "list" or list_path(target).read_text() == "mine"


def test_a_link_to_a_manifest_is_followed(place: Place) -> None:
    place.write("a.csv", "a\n1\n")
    (place.root / "real.json").write_text("")
    place.manifest.symlink_to("real.json")
    made = place.create().manifest
    assert place.manifest.is_symlink()
    assert read_manifest(place.root / "real.json") == made
    assert place.create().met, "and its own earlier manifest is replaced"


HOSTILE = ["\x1b[31m", "a\nb", "\u202egnp.exe", "\udcff", "x" * 4000, '"', "\\", "{}", "NaN"]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_are_kept_and_read_back(place: Place, text: str) -> None:
    place.write("a.jsonl", json.dumps({text: 1, "s": text}) + "\n")
    made = place.create(version=text, splits={"strategy": text, "column": "s"}, exclude=[text + "?"]).manifest
    assert read_manifest(place.manifest) == made
    assert place.check().met


def test_globs_that_are_none(place: Place) -> None:
    place.write("a.txt", "a")
    with pytest.raises(UsageError, match="RPK164"):
        place.create(exclude=["[z-a]"])


def test_a_place_where_nothing_can_be_written(place: Place) -> None:
    for number in range(5):
        place.write(f"{number}.txt", "x")
    for options in (None, MANY):
        with pytest.raises(UsageError, match="RPK003"):
            place.create(options, output=Path("/proc/m.json"))


@pytest.mark.parametrize("settings", [{"delimiter": ";;"}, {"delimiter": '"'}, {"delimiter": "\n"}, {"dtype": "S0"},
                                      {"dtype": "object"}, {"dtype": "2*("}, {"dtype": "i4,i4"}, {"dtype": "M8[s]"},
                                      {"format": "sql"}])  # fmt: skip
def test_settings_that_no_format_understands(place: Place, settings: dict[str, str]) -> None:
    place.write("a.csv", "a\n1\n")
    place.write("a.bin", bytes(8))
    with pytest.raises(UsageError, match="RPK164"):
        place.create(**settings)


@pytest.mark.parametrize("database", ["sqlite:///" + "a" * 5000, "sqlite:///a\0b", "sqlite:////dev/null", "nothing://"])
def test_a_forged_database_is_none(place: Place, database: str) -> None:
    pytest.importorskip("sqlalchemy", reason="needs the extra `datasets`")
    with sqlite3.connect(place.root / "d.sqlite") as made:
        made.execute("CREATE TABLE t (n)")
    made.close()
    place.create(query="SELECT * FROM t", database="d.sqlite")
    place.reseal(lambda plain: plain["snapshot"]["query"].update(database=database))
    with pytest.raises(ReprokitError, match=r"RPK003|RPK160|RPK164"):
        place.check()


HALVES: list[Callable[[dict[str, Any]], object]] = [
    lambda plain: plain["made"].update(root="\ud800"),
    lambda plain: plain["snapshot"]["files"][0].update(path="\udc80"),
    lambda plain: plain["snapshot"]["files"][0].update(link="a\udfff"),
    lambda plain: plain.update(name="\ud800"),
]


@pytest.mark.parametrize("change", HALVES, ids=range(len(HALVES)))
def test_half_a_character_is_no_name(place: Place, change: Any) -> None:
    place.write("a.csv", "a\n1\n")
    place.write("\N{SNOWMAN}\U0001f600.csv", "a\n1\n")
    place.create()
    place.manifest.write_text(json.dumps(json.loads(place.manifest.read_text())))
    assert place.check().met, "pairs of them are characters"
    plain = json.loads(place.manifest.read_text())
    change(plain)
    place.manifest.write_text(json.dumps(plain))
    with pytest.raises(CorruptBundleError, match=r"RPK027|RPK155"):
        place.check()


LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {}\n"
PARANOID = ManifestOptions(paranoid=True, settled_ns=-10_000_000_000)


def edited(place: Place, name: str, change: Callable[[dict[str, Any]], object]) -> None:
    """Edits what a manifest says of a file, in it or beside it; its id does not cover that."""
    if list_path(place.manifest).exists():
        forged(place, lambda lines: [change(one) for one in lines if one["path"] == name])
        return
    found = json.loads(place.manifest.read_text())
    [change(one) for one in found["snapshot"]["files"] if one["path"] == name]
    place.manifest.write_text(json.dumps(found))


@pytest.mark.parametrize("options", [None, MANY], ids=["inside", "beside"])
@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("0.txt", {"link": "/elsewhere"}, "0.txt: no link, and the manifest says a link to /elsewhere"),
        ("link", {"link": "/elsewhere"}, "link: a link to 0.txt, and the manifest says a link to /elsewhere"),
        ("link", {"link": None}, "link: a link to 0.txt, and the manifest says no link"),
    ],
)
def test_a_link_that_was_forged_is_said(place: Place, options: Any, name: str, change: Any, said: str) -> None:
    for number in range(3):
        place.write(f"{number}.txt", "x" * number)
    (place.data / "link").symlink_to("0.txt")
    place.create(options)
    assert (place.check().met, place.check().warnings) == (True, [])
    assert place.check(PARANOID).met
    edited(place, name, lambda one: one.update(change))
    found = place.check()
    assert (found.met, [one.code for one in found.warnings]) == (True, ["RPK154"]), "it may have been moved"
    assert said in found.warnings[0].message
    held = place.check(PARANOID)
    assert (held.met, [said in one.message for one in held.findings], held.warnings) == (False, [True], [])


@pytest.mark.parametrize("options", [None, MANY], ids=["inside", "beside"])
@pytest.mark.parametrize("fetched", [False, True])
@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("0.txt", {"pointer": "git-lfs"}), ("0.txt", {"pointer": "dvc"}), ("big.bin", {"pointer": None}),
        ("big.bin", {"pointer": "git-lfs", "size": 7}),
    ],
)  # fmt: skip
def test_a_pointer_that_was_forged_is_refused(
    place: Place, options: Any, fetched: bool, name: str, change: Any
) -> None:
    content = b"the content " * 1000
    for number in range(3):
        place.write(f"{number}.txt", "x" * number)
    place.write("big.bin", LFS.format(hashlib.sha256(content).hexdigest(), len(content)))
    place.create(options)
    assert place.check().met
    if fetched:
        place.write("big.bin", content)
        assert place.check().met
    edited(place, name, lambda one: one.update(change))
    with pytest.raises(CorruptBundleError, match="RPK155"):
        place.check()
