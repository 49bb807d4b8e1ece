"""The manifest as a document: its id, where it is kept, what is believed of it, and how two of them differ."""

from __future__ import annotations

import json
import os
import shutil
import socket
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprokit.datasets.cache import DigestCache, state_of
from reprokit.datasets.comparing import field_changes, file_changes
from reprokit.datasets.entries import Entry, of_plain, plain
from reprokit.datasets.filelist import FileLog, entries_of, list_path
from reprokit.datasets.licences import normal_licence
from reprokit.datasets.lineage_part import lineage_of_manifest
from reprokit.datasets.manifests import ManifestIndex, read_manifest
from reprokit.errors import CorruptBundleError, UnverifiedError, UsageError
from reprokit.schema.dataset import DatasetManifest
from reprokit.schema.dataset_identity import manifest_id
from reprokit.verbs import manifest as verb
from reprokit.verbs.manifest import ManifestOptions

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Place

MANY = ManifestOptions(inline=3, settled_ns=-10_000_000_000)


def fill(place: Place, count: int = 10) -> None:
    for number in range(count):
        place.write(f"{number % 3}/{number}.txt", f"text {number}")


def test_the_same_data_have_the_same_id_wherever_they_are(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(place)
    first = place.create().manifest
    shutil.copytree(place.data, place.root / "copy" / "data")
    monkeypatch.setattr(socket, "gethostname", lambda: "elsewhere")
    config = {"path": "copy/data"}
    second = place.create(output=place.root / "copy" / "m.json", **config).manifest
    assert second.id == first.id
    assert second.made.root == first.made.root == "data", "and the manifest may move with the data"
    os.utime(place.data / "0" / "0.txt", (1, 1))
    assert place.create().manifest.id == first.id
    place.write("0/0.txt", "text O")
    assert place.create().manifest.id != first.id


@pytest.mark.parametrize(
    "change",
    [{"version": "2"}, {"terms": {"licence": "MIT"}}, {"splits": {"seed": 1}}, {"exclude": ["9.txt"]},
     {"filters": {"rules": [{"name": "emails", "kind": "pii", "version": "1"}]}}, {"preprocessing": {"command": "x"}}],
)  # fmt: skip
def test_whatever_is_promised_is_in_the_id(place: Place, change: dict[str, Any]) -> None:
    fill(place)
    assert place.create(**change).manifest.id != place.create().manifest.id
    assert place.create(**change).manifest.id == place.create(**change).manifest.id


def test_many_files_stand_beside_the_manifest(place: Place) -> None:
    fill(place)
    few, many = place.create().manifest, place.create(MANY).manifest
    assert (many.id, many.snapshot.files) == (few.id, []), "where the list is kept does not matter"
    assert many.snapshot.file_list.name == "data.manifest.files.jsonl.zst"
    read = read_manifest(place.manifest)
    assert [(one.path, one.digest, one.size) for one in few.snapshot.files] == [
        (one.path, one.digest, one.size) for one in entries_of(read.snapshot, place.manifest)
    ]
    assert place.check().met
    place.write("0/0.txt", "!")
    place.write("0/new.txt", "!")
    (place.data / "1" / "1.txt").unlink()
    files = place.check().files
    assert (files.changed_paths, files.added_paths, files.removed_paths) == (["0/0.txt"], ["0/new.txt"], ["1/1.txt"])
    assert (files.equal, files.changed, files.added, files.removed) == (8, 1, 1, 1)
    place.create()
    assert not list_path(place.manifest).exists(), "an old list does not stay behind"


def tampered(place: Place, change: Any) -> None:
    found = json.loads(place.manifest.read_text())
    change(found)
    place.manifest.write_text(json.dumps(found))


TAMPERING = [
    lambda m: m.update(name="other"),
    lambda m: m["terms"].update(licence="MIT"),
    lambda m: m["snapshot"].update(bytes=1),
    lambda m: m["filters"].update(opt_out=[{
        "list_digest": "sha256:0", "keys_digest": "x", "version": "", "key": "k", "keys": 1, "rows_read": 1, "found": 0,
        "holds": True}]),
    lambda m: m.update(id="sha256:" + "0" * 64),
    lambda m: m["snapshot"].update(selected=["a\ud800"]),
]  # fmt: skip


@pytest.mark.parametrize("change", TAMPERING)
def test_a_manifest_that_was_edited_is_refused(place: Place, change: Any) -> None:
    fill(place)
    place.create()
    read_manifest(place.manifest)
    tampered(place, change)
    with pytest.raises(CorruptBundleError, match=r"RPK155|RPK027"):
        read_manifest(place.manifest)


@pytest.mark.parametrize("options", [None, MANY])
def test_a_list_that_was_edited_is_refused(place: Place, options: ManifestOptions | None) -> None:
    fill(place)
    place.create(options)
    if options is None:
        tampered(place, lambda m: m["snapshot"]["files"].pop())
    else:
        data = list_path(place.manifest).read_bytes()
        list_path(place.manifest).write_bytes(data[:-5])
    with pytest.raises(CorruptBundleError, match="RPK155"):
        place.check()
    if options is not None:
        list_path(place.manifest).unlink()
        with pytest.raises(CorruptBundleError, match="RPK155"):
            place.check()


BAD = [b"", b"{", b"[]", b'{"schema": "reprokit.dataset-manifest/2"}', b'{"schema": "reprokit.verdict/1"}', b"\xff",
       b'{"schema": "reprokit.dataset-manifest/1"}', b"[" * 99999]  # fmt: skip


@pytest.mark.parametrize("data", BAD, ids=range(len(BAD)))
def test_what_is_no_manifest(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "m.json").write_bytes(data)
    with pytest.raises(CorruptBundleError, match=r"RPK02[57]"):
        read_manifest(tmp_path / "m.json")
    with pytest.raises(UsageError, match="RPK003"):
        read_manifest(tmp_path / "gone.json")


def test_a_key_of_a_later_version_is_passed_over(place: Place) -> None:
    fill(place)
    made = place.create().manifest

    def later(plain: dict[str, Any]) -> None:
        plain["later"] = plain["terms"]["later"] = {"x": 1}
        plain["snapshot"]["later"] = 1
        del plain["sampling"], plain["snapshot"]["left_out"]

    tampered(place, later)
    with pytest.raises(CorruptBundleError, match="RPK155"):
        read_manifest(place.manifest)  # a key that someone wrote into it is no later version's
    tampered(place, lambda plain: plain.update(id=manifest_id(plain)))
    found = read_manifest(place.manifest)
    assert found.model_copy(update={"id": made.id}) == made
    assert found.id != made.id


def test_nothing_is_written_where_something_cannot_be_read(place: Place) -> None:
    fill(place)
    first = place.create().manifest
    (place.data / "gone").symlink_to("nowhere")
    with pytest.raises(UnverifiedError, match=r"RPK152.*gone: a link that leads nowhere"):
        place.create(MANY)
    assert read_manifest(place.manifest) == first
    assert sorted(path.name for path in place.root.iterdir()) == ["data", "data.manifest.json", "home"]
    with pytest.raises(UnverifiedError, match="RPK152"):
        place.check()
    assert place.create(exclude=["gone"]).manifest.snapshot.file_count == 10


def test_a_disk_that_gives_other_bytes_is_named(place: Place) -> None:
    fill(place)
    paranoid = ManifestOptions(paranoid=True, settled_ns=-10_000_000_000)
    assert place.create(paranoid).met
    with DigestCache(place.root / "home" / "digests.sqlite", -10_000_000_000) as cache:
        cache.remember([(state_of((place.data / "0" / "0.txt").stat()), "sha256:" + "0" * 64)])
    found = place.check(paranoid)
    assert [(one.code, "0/0.txt" in one.message) for one in found.findings] == [("RPK154", True)]
    assert found.files.same
    with DigestCache(place.root / "home" / "digests.sqlite", -10_000_000_000) as cache:
        cache.remember([(state_of((place.data / "0" / "0.txt").stat()), "sha256:" + "0" * 64)])
    assert [one.code for one in place.create(paranoid).findings] == ["RPK154"]


def test_nothing_at_all(place: Place) -> None:
    with pytest.raises(UsageError, match="RPK151"):
        place.create()
    fill(place)
    with pytest.raises(UsageError, match="RPK151"):
        place.create(exclude=["**"])
    with pytest.raises(UsageError, match="RPK164"):
        place.create(path=[])
    with pytest.raises(UsageError, match="RPK164"):
        place.create(format="word")
    with pytest.raises(UsageError, match="RPK003"):
        place.create(output=place.root / "no" / "such" / "m.json")


def test_a_manifest_in_its_own_dataset_is_no_part_of_it(place: Place) -> None:
    fill(place)
    place.manifest = place.data / "m.manifest.json"
    for _ in range(2):
        assert place.create(MANY).manifest.snapshot.file_count == 10
    assert place.check().met


def test_special_files_are_named_and_left_out(place: Place) -> None:
    fill(place)
    os.mkfifo(place.data / "pipe")
    (place.data / "up").symlink_to("..")
    left = place.create().manifest.snapshot.left_out
    assert [(one.path, one.reason) for one in left] == [
        ("pipe", "a named pipe"), ("up", "a link to a directory, which is not followed")]  # fmt: skip


def test_links_are_what_they_lead_to(place: Place) -> None:
    place.write("blobs/1", "content")
    (place.data / "name.txt").symlink_to("blobs/1")
    entry = place.create().manifest.snapshot.files[1]
    assert (entry.path, entry.link, entry.size) == ("name.txt", "blobs/1", 7)
    place.write("blobs/1", "CONTENT")
    assert place.check().files.changed_paths == ["blobs/1", "name.txt"]


@pytest.mark.parametrize("name", [b"\xff\xfe", b"a\nb", b"\x1b[31mred", b"\\x41", "\u202eevil".encode(), b"-rf", b" "])
def test_hostile_names(place: Place, name: bytes) -> None:
    from reprokit.report.datasets import render_check, render_manifest
    from reprokit.report.screen import Screen

    (place.data / os.fsdecode(name)).write_bytes(b"1")
    for options in (None, ManifestOptions(inline=0, settled_ns=-10_000_000_000)):
        made = place.create(options)
        assert place.check().met
        (place.data / os.fsdecode(name)).write_bytes(b"2")
        shown = render_check(place.check(), Screen()) + render_manifest(made.manifest, Screen())
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        (place.data / os.fsdecode(name)).write_bytes(b"1")


ENTRIES = st.builds(
    Entry,
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=5) | st.binary(min_size=1, max_size=4).map(os.fsdecode),
    st.sampled_from(["sha256:1", "sha256:2"]),
    st.integers(0, 1 << 62),
    st.none() | st.just("to"),
    st.none(),
    st.none() | st.text("abc"),
)


@given(st.lists(ENTRIES, unique_by=lambda one: one.path), st.lists(ENTRIES, unique_by=lambda one: one.path))
def test_lists_are_compared_as_sets_of_paths(first: list[Entry], second: list[Entry]) -> None:
    here, there = ({one.path: (one.digest, one.size) for one in some} for some in (first, second))
    found = file_changes(*(iter(sorted(some, key=lambda one: one.path)) for some in (first, second)))
    both = here.keys() & there.keys()
    assert found.equal == sum(here[path] == there[path] for path in both)
    assert found.changed == len(both) - found.equal
    assert (found.added, found.removed) == (len(there.keys() - both), len(here.keys() - both))


@given(ENTRIES)
def test_an_entry_is_written_and_read_back(entry: Entry) -> None:
    assert of_plain(json.loads(json.dumps(plain(entry)))) == entry


def test_a_log_refuses_files_out_of_order() -> None:
    with FileLog(None) as log:
        log.add(Entry("b", "sha256:1", 1))
        with pytest.raises(ValueError, match="does not follow"):
            log.add(Entry("a", "sha256:1", 1))


LICENCES = [
    ("mit", "MIT"),
    ("MIT and apache-2.0", "MIT AND Apache-2.0"),
    ("GPL-2.0-or-later WITH Classpath-exception-2.0",) * 2,
    ("LicenseRef-ours", "LicenseRef-ours"),
    ("GPL-2.0", "GPL-2.0-only"),
    ("gpl-3.0+", "GPL-3.0-or-later"),
    ("Apache-1.1+", "Apache-1.1+"),
    ("DocumentRef-x:LicenseRef-y",) * 2,
    ("(MIT OR CC0-1.0) AND CC-BY-4.0",) * 2,
    ("", ""),
    (" ", ""),
]


@pytest.mark.parametrize(("text", "normal"), LICENCES)
def test_licences(text: str, normal: str) -> None:
    pytest.importorskip("license_expression", reason="needs the extra `datasets`")
    assert normal_licence(text) == normal


@pytest.mark.parametrize(
    "text",
    [
        "free",
        "GPL",
        "GPL OR MIT",
        "nope+",
        "MIT AND",
        "MIT ANDD Apache-2.0",
        "LicenseRef-",
        "MIT;rm",
        "(MIT",
        "Creative Commons",
    ],
)
def test_what_is_no_licence(text: str) -> None:
    pytest.importorskip("license_expression", reason="needs the extra `datasets`")
    with pytest.raises(UsageError, match="RPK157"):
        normal_licence(text)


def test_a_difference_names_fields_and_columns(place: Place) -> None:
    place.write("a.csv", "id,name\n1,x\n")
    first = place.create(terms={"licence": "MIT"}).manifest
    other = place.root / "second.json"
    place.write("a.csv", "name,id\nx,1.5\n")
    place.write("b.csv", "name,id\nx,1.5\n")
    place.create(output=other, terms={"licence": "MIT", "biases": ["age"]})
    found = verb.diff(place.manifest, other)
    assert not found.equal
    assert (found.files.changed_paths, found.files.added_paths) == (["a.csv"], ["b.csv"])
    fields = {change.field: (change.first, change.second) for change in found.fields}
    assert fields["terms.biases"] == ([], ["age"])
    assert fields["statistics.rows"] == (1, 2)
    assert fields["statistics.columns[id].maximum"] == (1, 1.5)
    assert not any("made" in name or "created" in name for name in fields)
    same = verb.diff(place.manifest, place.manifest)
    assert (same.equal, same.fields, same.files.same) == (True, [], True)
    assert field_changes(first, first) == []


def test_inputs_of_a_run_are_found_in_manifests(place: Place) -> None:
    fill(place)
    place.create(MANY)
    digests = {one.path: one for one in entries_of(read_manifest(place.manifest).snapshot, place.manifest)}
    index = ManifestIndex({place.manifest: read_manifest(place.manifest)})
    read = digests["2/5.txt"]
    found, missing = index.match([("/somewhere/else.txt", read.digest, read.size), ("/etc/hosts", "sha256:0", 1)])
    assert [(one.name, one.path, one.by) for one in found["/somewhere/else.txt"]] == [("data", "2/5.txt", "digest")]
    assert missing == ["/etc/hosts"]
    assert ManifestIndex({}).match([("/a", "sha256:0", 0)]) == ({}, ["/a"])


def test_a_manifest_that_was_made_of_another_one(place: Place) -> None:
    fill(place)
    (place.root / "out.txt").write_text("nobody\n")
    raw = place.create(output=place.root / "raw.json").manifest
    settings = {"upstream": ["raw.json"], "command": "clean.py", "parameters": {"min": 3}}
    lists = [{"list": "out.txt", "key": "stem", "version": "7"}]
    made = place.create(preprocessing=settings, **{"opt-out": lists}).manifest
    assert [one.id for one in made.preprocessing.upstream] == [raw.id]
    part = lineage_of_manifest(made)
    run = part.executions[0]
    used = {event.artifact for event in part.events if event.is_input}
    assert used == {raw.id, made.filters.opt_out[0].list_digest}
    assert [event.artifact for event in part.events if not event.is_input] == [made.id]
    assert (run.type, run.properties["parameter.min"]) == ("Preprocessing", 3)
    assert next(one for one in part.artifacts if one.id == made.id).properties["made_by"] == run.id
    assert lineage_of_manifest(made) == part
    assert [one.type for one in lineage_of_manifest(raw).artifacts] == ["DatasetManifest"]


def test_a_document_is_read_as_it_was_written(place: Place) -> None:
    place.write("a.jsonl", '{"n": 12345678901234567890123, "x": 1e999}\n')
    made = place.create().manifest
    assert DatasetManifest.parse(place.manifest.read_bytes(), "it").id == made.id == read_manifest(place.manifest).id
