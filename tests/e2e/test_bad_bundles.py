"""Bundles that are missing, damaged, hostile, newer or not trusted, given to every verb that takes one."""

import json
import os
import shutil
import sys
import tarfile

import pytest

from reprokit.bundle import Item, pack, tarlayout
from reprokit.bundle.frames import encode, frame_digest
from reprokit.bundle.reader import BundleReader
from reprokit.bundle.seektable import Row, build_seal, build_table
from reprokit.schema.base import canonical_json

VERBS = ("replay", "verify", "inspect", "ls", "unpack", "compare-a", "compare-b")
LAZY = ("inspect", "ls")
"""Verbs that read the manifest alone, and so cannot see damage elsewhere."""

SCRIPT = """
import json, random
values = [float(line) for line in open("data.csv")]
print("loss", sum(values))
json.dump({"loss": sum(values), "draw": random.random()}, open("metrics.json", "w"))
open("marker", "a").write("ran\\n")
"""


@pytest.fixture(scope="module")
def good(reprokit, tmp_path_factory):
    """A sound bundle; tests work on copies."""
    place = tmp_path_factory.mktemp("good")
    (place / "train.py").write_text(SCRIPT)
    (place / "data.csv").write_text("".join(f"{i}.5\n" for i in range(400)))
    done = reprokit("record", "--", sys.executable, "train.py", cwd=place)
    assert done.status == 0, done.text
    return place / "train.repro.tar.zst"


@pytest.fixture
def ask(reprokit, good, tmp_path):
    """Gives a file to a verb in an empty directory, and tells how that ended."""
    count = iter(range(100))

    def run(verb, bundle, *options):
        place = tmp_path / f"asked-{next(count)}"
        place.mkdir()
        arguments = {
            "unpack": ("unpack", bundle, "out"),
            "compare-a": ("compare", bundle, good),
            "compare-b": ("compare", good, bundle),
        }.get(verb, (verb, bundle))
        done = reprokit(*arguments, *options, cwd=place)
        assert "Traceback" not in done.text
        left = [str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()]
        return done, left

    return run


def check_refusal(done, left, code, status):
    """One JSON document, one line for people, a hint, nothing written."""
    document = done.json
    assert document["schema"] == "reprokit.error/1"
    assert (document["code"], document["exit_status"], done.status) == (code, status, status), done.text
    assert document["hint"]
    assert done.stderr.decode().count(f"error {code}: ") == 1
    assert "hint: " in done.stderr.decode()
    assert left == []


def forge(path, frames, manifest):
    """A file whose frames, seek table and seal fit each other, whatever is in the frames."""
    last = tarlayout.header("manifest.json", len(manifest), executable=False) + manifest
    encoded = [encode(frame) for frame in (*frames, last + bytes(-len(last) % 512) + tarlayout.END_OF_ARCHIVE)]
    rows = [Row(len(frame.data), frame.size, frame.checksum) for frame in encoded]
    seal = build_seal(frame_digest(frame.data) for frame in encoded)
    path.write_bytes(b"".join(frame.data for frame in encoded) + seal + build_table(rows))
    return path


def rewrite_manifest(good, path, change):
    """A bundle of the same members with another manifest."""
    from reprokit.bundle import BundleReader

    with BundleReader.open(good) as reader:
        document = json.loads(reader.manifest)
        items = [Item(member.path, reader.read(member.path), member.executable) for member in reader.members]
    pack(path, items, lambda members: change(document, [member.to_json() for member in members]))
    return path


@pytest.mark.parametrize("verb", VERBS)
def test_missing_file_is_usage(ask, tmp_path, verb):
    done, left = ask(verb, tmp_path / "nowhere.repro.tar.zst", "--json")
    check_refusal(done, left, "RPK003", 2)


@pytest.mark.parametrize("verb", VERBS)
def test_a_directory_is_no_bundle(ask, tmp_path, verb):
    done, _left = ask(verb, tmp_path, "--json")
    assert done.status == 2, done.text
    assert done.json["code"] in ("RPK003", "RPK001")


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("content", [b"", b"x", b"#!/bin/sh\necho hello\n" * 50, b"\x28\xb5\x2f\xfd" + bytes(300)])
def test_other_files_are_no_bundles(ask, tmp_path, verb, content):
    path = tmp_path / "text.repro.tar.zst"
    path.write_bytes(content)
    done, left = ask(verb, path, "--json")
    assert done.status == 4, done.text
    check_refusal(done, left, done.json["code"], 4)
    assert done.json["code"] in ("RPK020", "RPK021")


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("part", [0.3, 0.999])
def test_truncated(ask, good, tmp_path, verb, part):
    data = good.read_bytes()
    path = tmp_path / "cut.repro.tar.zst"
    path.write_bytes(data[: int(len(data) * part)])
    done, left = ask(verb, path, "--json")
    check_refusal(done, left, "RPK021", 4)


@pytest.mark.parametrize("verb", VERBS)
def test_a_flipped_bit_is_found_before_anything_runs(ask, good, tmp_path, verb):
    data = bytearray(good.read_bytes())
    for place in (30, len(data) // 2, len(data) - 40):
        flipped = bytearray(data)
        flipped[place] ^= 4
        path = tmp_path / "flipped.repro.tar.zst"
        path.write_bytes(flipped)
        shown, left = ask(verb, path, "--json")
        if verb in LAZY and shown.status == 0:
            whole, _ = ask(verb, good, "--json")
            assert shown.stdout == whole.stdout  # what it shows is what was written
            continue
        if verb.startswith("compare") and shown.status == 0:
            assert place < len(data) // 4  # a member that no comparison reads, such as code
            continue
        assert shown.status == 4, (place, shown.text)
        assert shown.json["code"] in ("RPK020", "RPK021", "RPK022", "RPK023")
        if verb == "unpack":  # keeps the files that were verified before the damage
            assert all(path.startswith("out/code/") for path in left)
        else:
            assert left == []


@pytest.mark.parametrize("verb", VERBS)
def test_a_newer_schema_says_upgrade(ask, good, tmp_path, verb):
    def newer(document, members):
        return json.dumps(document | {"schema": "reprokit.manifest/99", "members": members}).encode()

    path = rewrite_manifest(good, tmp_path / "newer.repro.tar.zst", newer)
    done, left = ask(verb, path, "--json")
    check_refusal(done, left, "RPK025", 4)
    assert "reprokit.manifest/99" in done.json["message"]


@pytest.mark.parametrize("verb", VERBS)
def test_hostile_names_are_refused(ask, tmp_path, verb):
    row = '{"schema": "reprokit.manifest/1", "members": [{"path": "%s", "sha256": "sha256:%s", "size": 4}]}'
    for name in ("../../escape", "/tmp/escape"):
        entry = tarfile.TarInfo(name)
        entry.size = 4
        frame = entry.tobuf(tarfile.USTAR_FORMAT) + b"evil" + bytes(508)
        path = forge(tmp_path / "hostile.repro.tar.zst", [frame], (row % (name, "0" * 64)).encode())
        done, left = ask(verb, path, "--json")
        check_refusal(done, left, done.json["code"], 4)
        assert done.json["code"] in ("RPK023", "RPK027")
        assert not list(tmp_path.rglob("escape"))


@pytest.mark.parametrize("verb", ["replay", "verify", "inspect", "compare-a"])
@pytest.mark.parametrize(
    "change",
    [
        {"run": None},
        {"run": {"command": "rm -rf"}},
        {"inputs": [{"path": 3}]},
        {"schema": "other/1"},
        {"schema": ["reprokit.manifest/1"]},
    ],
    ids=lambda change: str(change)[:30],
)
def test_a_manifest_that_is_none(ask, good, tmp_path, verb, change):
    def spoilt(document, members):
        return json.dumps(document | {"members": members} | change).encode()

    path = rewrite_manifest(good, tmp_path / "spoilt.repro.tar.zst", spoilt)
    done, left = ask(verb, path, "--json")
    check_refusal(done, left, "RPK027", 4)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"', "[" * 100_000])
def test_a_manifest_that_is_no_json(ask, good, tmp_path, text):
    path = forge(tmp_path / "odd.repro.tar.zst", [], text.encode())
    for verb in ("inspect", "replay"):
        done, left = ask(verb, path, "--json")
        check_refusal(done, left, done.json["code"], 4)
        assert done.json["code"] in ("RPK020", "RPK027")


def test_a_bundle_from_elsewhere_needs_trust(reprokit, good, tmp_path):
    """Another machine is one whose state directory knows nothing of the bundle."""
    marker = tmp_path / "elsewhere"
    marker.mkdir()
    done = reprokit("replay", good, "--json", cwd=tmp_path, env={"REPROKIT_HOME": str(marker)})
    check_refusal(done, [], "RPK026", 4)
    assert "--trust" in done.json["hint"]
    trusted = reprokit("replay", good, "--json", "--trust", cwd=tmp_path, env={"REPROKIT_HOME": str(marker)})
    assert (trusted.status, trusted.json["tier"]) == (0, "bitwise"), trusted.text
    again = reprokit("replay", good, "--json", cwd=tmp_path, env={"REPROKIT_HOME": str(marker)})
    assert again.status == 4  # one --trust does not trust for ever


def test_a_changed_bundle_is_not_the_one_recorded_here(reprokit, good, tmp_path):
    """Trust is bound to the id: another command in the same file name is a stranger's."""

    def other(document, members):
        run = document["run"] | {"command": [sys.executable, "-c", "open('/tmp/owned', 'w')"]}
        return json.dumps(document | {"run": run, "members": members}).encode()

    path = rewrite_manifest(good, tmp_path / "train.repro.tar.zst", other)
    done = reprokit("replay", path, "--json", cwd=tmp_path)
    check_refusal(done, [], "RPK026", 4)


@pytest.mark.parametrize("part", ["run.working_directory", "run.root", "inputs.path", "outputs.path", "stream"])
def test_a_trusted_bundle_with_wild_paths_writes_nothing_outside(reprokit, good, tmp_path, part):
    """--trust is about running code; a path in the manifest must still not place files outside the workspace."""
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "kept").write_text("kept")
    wild = str(victim / "x" / ".." / ".." / "victim" / "kept")

    def spoil(document, members):
        up = "/../" * 30 + str(victim / "kept").lstrip("/")
        if part == "run.working_directory":
            document["run"]["working_directory"] = "/../../" + str(victim).lstrip("/")
        elif part == "run.root":
            document["run"]["root"] = "relative/../.."
        elif part == "inputs.path":
            document["inputs"][0]["path"] = up
        elif part == "outputs.path":
            document["outputs"][0]["path"] = up
        else:
            document["streams"][0]["name"] = "../../../../" + wild.lstrip("/")
        return json.dumps(document | {"members": members}).encode()

    path = rewrite_manifest(good, tmp_path / "wild.repro.tar.zst", spoil)
    before = {p: p.read_bytes() for p in good.parent.iterdir()}
    done = reprokit("replay", path, "--json", "--trust", cwd=tmp_path)
    assert "Traceback" not in done.text
    if part == "stream":  # a stream's name is a label; it becomes one path component
        assert done.status in (0, 1, 3), done.text
    else:
        check_refusal(done, [], "RPK027", 4)
    assert [p.name for p in victim.iterdir()] == ["kept"]
    assert (victim / "kept").read_text() == "kept"
    assert {p: p.read_bytes() for p in good.parent.iterdir()} == before


def test_unpack_does_not_touch_a_directory_in_use(reprokit, good, tmp_path):
    place = tmp_path / "mine"
    place.mkdir()
    (place / "notes.txt").write_text("mine")
    done = reprokit("unpack", good, place, "--json", cwd=tmp_path)
    assert done.status == 2, done.text
    assert done.json["code"] in ("RPK003", "RPK005")
    assert os.listdir(place) == ["notes.txt"]


@pytest.mark.parametrize("verb", ["verify", "inspect", "ls"])
def test_a_name_that_is_not_utf8(reprokit, good, tmp_path, verb):
    odd = os.fsencode(tmp_path) + b"/\xff\xfe.repro.tar.zst"
    missing = reprokit(verb, odd, "--json", cwd=tmp_path)
    assert (missing.status, missing.json["code"]) == (2, "RPK003")
    shutil.copyfile(os.fsencode(good), odd)
    assert reprokit(verb, odd, "--json", cwd=tmp_path).status == 0


def test_badge_of_what_is_no_verdict(reprokit, good, tmp_path):
    for content, code, status in ((b"{}", "RPK027", 4), (b"not json", "RPK001", 2), (None, "RPK003", 2)):
        path = tmp_path / "verdict.json"
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content)
        done = reprokit("badge", path, "--json", cwd=tmp_path)
        assert (done.status, done.json["code"]) == (status, code), done.text
        assert not (tmp_path / "badge.svg").exists()


@pytest.mark.parametrize(
    ("settings", "status", "code"),
    [
        ({"of_the_future": 1}, 4, "RPK025"),
        ({"tolerances": {"loss": {"of_the_future": 1}}}, 4, "RPK025"),
        ({"target": "perfect"}, 4, "RPK027"),
        ({"lint": {"of_the_future": 1}, "lineage": {"of_the_future": 1}}, 0, None),
    ],
)
def test_settings_of_another_version_are_named_where_a_verdict_depends_on_them(
    ask, good, tmp_path, settings, status, code
):
    with BundleReader.open(good) as reader:
        document = json.loads(reader.manifest)
        items = [Item(one.path, reader.read(one.path, 1 << 20)) for one in reader.members]
    document["run"]["config"] |= settings
    pack(tmp_path / "newer.repro.tar.zst", items, lambda _members: canonical_json(document))
    done, _left = ask("replay", tmp_path / "newer.repro.tar.zst", "--json", "--trust")
    assert done.status == status, done.text
    assert done.json.get("code") == code
    if code == "RPK025":
        assert "of_the_future" in done.json["message"]
