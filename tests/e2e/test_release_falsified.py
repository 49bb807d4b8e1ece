"""Releases whose files, manifests, bundles or graph somebody changed: each change is named, and none is passed over."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import shutil
import sqlite3
import sys
from pathlib import Path

import pytest

from reprokit.lineage.spool import leave
from reprokit.schema.lineage import Artifact, Event, Lineage

pytestmark = pytest.mark.slow
pytest.importorskip("sqlalchemy", reason="needs the extra `lineage`")
_spec = importlib.util.spec_from_file_location("release_places", Path(__file__).with_name("test_release.py"))
places = sys.modules["release_places"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(places)
git, IMAGE, PYTHON = places.git, places.IMAGE, places.PYTHON


@pytest.fixture(scope="module")
def whole(reprokit, tmp_path_factory):
    """A chain with a manifest of its raw data, a model, and a rebuild test, which may be released."""
    base = tmp_path_factory.mktemp("falsified")
    place = places.Place(
        reprokit, places.project(base / "p", raw_txt="a few words\n", prepare_py=places.PREPARE, train_py=places.TRAIN),
        base / "h",
    )  # fmt: skip
    place("manifest", "create", "raw.txt", "-o", "raw.manifest.json", "--name", "raw", status=0)
    git(place.directory, "add", ".")
    git(place.directory, "commit", "-qm", "manifest")
    for name in ("prepare", "train"):
        place("record", "--image-digest", IMAGE, "-o", f"{name}.repro.tar.zst", "--", PYTHON, f"{name}.py", status=0)
    place("rebuild", status=0)
    assert place.verify(status=0) == []
    return place


@pytest.fixture
def described(whole, tmp_path):
    """The same, as new for each test."""
    shutil.copytree(whole.directory, tmp_path / "kept", symlinks=True)
    shutil.copytree(whole.home, tmp_path / "h")
    yield places.Place(whole.run, whole.directory, tmp_path / "h")
    shutil.rmtree(whole.directory)
    shutil.copytree(tmp_path / "kept", whole.directory, symlinks=True)


def test_a_manifest_that_cannot_be_read_is_never_passed_over(described):
    """Whatever was done to it: it is named, and where nobody can say which one it was, that is said."""
    manifest, text = described.directory / "raw.manifest.json", (described.directory / "raw.manifest.json").read_text()
    document = json.loads(text)
    other_id, future = {**document, "id": "sha256:" + "1" * 64}, {**document, "schema": "reprokit.dataset-manifest/99"}
    for changed in ("", text[: len(text) // 2], "[]", json.dumps(other_id), json.dumps(future)):
        manifest.write_text(changed)
        assert described.verify(status=1) == [("RPK174", "DatasetManifest raw")], changed[:80]
    manifest.unlink()
    other = described.directory / "other.manifest.json"
    other.write_text("{")
    assert described.verify(status=3) == [("RPK149", "DatasetManifest raw")]
    manifest.write_text(text)
    assert described.verify(status=0) == [], "the broken one is none of the chain's"


def test_a_bundle_of_the_chain_that_was_damaged_is_named(described):
    for name in ("prepare", "train"):
        bundle = described.directory / f"{name}.repro.tar.zst"
        whole = bundle.read_bytes()
        changed = bytearray(whole)
        changed[len(whole) // 2] ^= 1  # never the byte that it was
        for data in (whole[:-1], bytes(changed), b"nothing", b""):
            bundle.write_bytes(data)
            assert described.verify(status=1) == [("RPK174", f"Bundle {name}.repro.tar.zst")]
        bundle.write_bytes(whole)
        assert described.verify(status=0) == []
    (described.directory / "train.repro.tar.zst").write_bytes(
        (described.directory / "prepare.repro.tar.zst").read_bytes()
    )
    assert described.verify(status=0) == [], "another recording lies in its place: this one is not at hand"


def test_a_run_that_is_linked_to_the_manifest_of_other_data(described):
    (described.directory / "other.txt").write_text("something else\n")
    described("manifest", "create", "other.txt", "-o", "other.manifest.json", status=0)
    other = json.loads((described.directory / "other.manifest.json").read_text())["id"]
    prepare = next(node.id for node in described.nodes("Run") if node.name == "prepare")
    made = Artifact(id=other, type="DatasetManifest", name="other")
    leave(described.home / "lineage" / "pending",
          Lineage(artifacts=[made], events=[Event(artifact=other, execution=prepare, type="INPUT")]))  # fmt: skip
    assert described.verify(status=1) == [("RPK171", "Run prepare")]


def test_what_is_changed_in_the_store_by_hand_is_named(described):
    """A digest, an event, a type, a circle: each alone."""
    from reprokit.lineage.tables import ARTIFACT, EVENT, EXECUTION

    store = described.home / "lineage.sqlite"
    kept = store.read_bytes()
    key = "(select key from {0} where name = '{1}' limit 1)"

    def key_of_run(name):
        return f"(select key from {EXECUTION.name} where name = '{name}' and type = 'Run')"

    raw, tokens = (key.format(ARTIFACT.name, one) for one in ("raw.txt", "tokens.json"))
    prepare, train = map(key_of_run, ("prepare", "train"))
    link = (
        f"insert into {EVENT.name} (artifact, execution, is_input, type, path, time) values ({{}}, {{}}, {{}}, '[]', 0)"
    )
    for change, expected in (
        (f"update {ARTIFACT.name} set id = 'sha256:{'9' * 64}' where name = 'raw.txt'", {"RPK170"}),
        (f"update {ARTIFACT.name} set id = 'sha256:{'9' * 64}' where name = 'tokens.json'", {"RPK170"}),
        (f"delete from {EVENT.name} where artifact = {raw}", {"RPK170"}),
        (f"delete from {EVENT.name} where execution = {train} and type = 'INPUT'", {"RPK170"}),
        (link.format(tokens, prepare, "1, 'INPUT'"), {"RPK172"}),
        (link.format(key.format(ARTIFACT.name, "model.pt"), prepare, "1, 'INPUT'"), {"RPK172"}),
        (link.format(raw, train, "0, 'OUTPUT'"), {"RPK172"}),
    ):
        with contextlib.closing(sqlite3.connect(store)) as database, database:
            assert database.execute(change).rowcount, change
        print("CHANGE", change)
        found = described.verify(status=1)
        assert expected & {code for code, _ in found}, (change, found)
        store.write_bytes(kept)
    with contextlib.closing(sqlite3.connect(store)) as database, database:
        database.execute(f"delete from {EXECUTION.name} where name = 'prepare'")
    told = described("verify", "model.pt", "--policy", "release", "--json", status=3).json
    assert told["code"] == "RPK141", "a link without its run is no graph at all"
    store.write_bytes(kept)
    assert described.verify(status=0) == []


def test_a_run_is_what_its_bundle_says_whatever_was_written_over_it_in_the_store(described):
    from reprokit.lineage.tables import EXECUTION

    (described.directory / "train.py").write_text(places.TRAIN.replace("seed(1)", "seed(2)"))
    described("record", "--image-digest", IMAGE, "-o", "train.repro.tar.zst", "--", PYTHON, "train.py", status=0)
    described("rebuild", "train.repro.tar.zst", status=0)
    assert described.verify(status=1) == [("RPK176", "Run train")], "it has uncommitted changes"
    with contextlib.closing(sqlite3.connect(described.home / "lineage.sqlite")) as database, database:
        clean = f"update {EXECUTION.name} set properties = replace(properties, '\"git_dirty\": true', ?)"
        assert database.execute(f"{clean} where name = 'train'", ['"git_dirty": false']).rowcount
    assert described.verify(status=1) == [("RPK176", "Run train")]
    (described.directory / "train.repro.tar.zst").unlink()
    assert described.verify(status=0) == [], "nothing that is at hand contradicts the store"


def test_a_bundle_without_a_model_is_not_released(described):
    assert described.verify("prepare.repro.tar.zst", status=3)[-1] == ("RPK179", "Bundle prepare.repro.tar.zst")
    (described.directory / "pyproject.toml").write_text('[tool.reprokit.lineage]\nmodels = ["tokens.*"]\n')
    git(described.directory, "add", "pyproject.toml")
    git(described.directory, "commit", "-qm", "what is a model")
    described("record", "--image-digest", IMAGE, "-o", "named.repro.tar.zst", "--", PYTHON, "prepare.py", status=0)
    described("rebuild", "named.repro.tar.zst", status=0)
    done = described("verify", "named.repro.tar.zst", "--policy", "release", "--json", status=0)
    assert len(done.json["models"]) == 1


def test_no_event_can_be_taken_out_of_the_store_unseen(described):
    from reprokit.lineage.tables import EVENT

    store = described.home / "lineage.sqlite"
    kept = store.read_bytes()
    with contextlib.closing(sqlite3.connect(store)) as database:
        events = [key for (key,) in database.execute(f"select key from {EVENT.name}")]
    assert len(events) > 10
    for event in events:
        with contextlib.closing(sqlite3.connect(store)) as database, database:
            database.execute(f"delete from {EVENT.name} where key = ?", [event])
        assert described.verify(status=1)
        store.write_bytes(kept)
    assert described.verify(status=0) == []
