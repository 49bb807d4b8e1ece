"""A model that is a directory: all of its files are judged, and that they belong together."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
pytest.importorskip("sqlalchemy", reason="needs the extra `lineage`")
_spec = importlib.util.spec_from_file_location("release_places", Path(__file__).with_name("test_release.py"))
places = sys.modules["release_places"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(places)
TRAIN = """import json, os, random, shutil
random.seed(1)
words = open('raw.txt').read().split()
os.makedirs('export/parts', exist_ok=True)
for number in (1, 2):
    json.dump([number, random.random(), len(words)], open(f'export/parts/{number}.safetensors', 'w'))
json.dump({'words': len(words)}, open('export/config.json', 'w'))
shutil.copy('vocab.json', 'export/vocab.json')
"""


@pytest.fixture(scope="module")
def trained(reprokit, tmp_path_factory):
    base = tmp_path_factory.mktemp("folder")
    files = {"raw_txt": "a few words\n", "vocab_json": '["a", "few", "words"]\n', "train_py": TRAIN}
    place = places.Place(reprokit, places.project(base / "p", **files), base / "h")
    with (place.directory / ".gitignore").open("a") as file:
        file.write("/export/\n")
    for name in ("raw.txt", "vocab.json"):
        place("manifest", "create", name, "-o", f"{name}.manifest.json", status=0)
    places.git(place.directory, "add", ".")
    places.git(place.directory, "commit", "-qm", "manifests")
    place("record", "--image-digest", places.IMAGE, "--", places.PYTHON, "train.py", status=0)
    place("rebuild", status=0)
    return place


@pytest.fixture
def place(trained, tmp_path):
    kept = tmp_path / "kept"
    shutil.copytree(trained.directory, kept, symlinks=True)
    yield trained
    shutil.rmtree(trained.directory)
    shutil.copytree(kept, trained.directory, symlinks=True)


def test_a_directory_that_a_run_left_is_released_wherever_it_lies(place, tmp_path):
    done = place("verify", "export", "--policy", "release", "--json", status=0)
    assert (done.json["met"], done.json["node"], len(done.json["models"])) == (True, "", 3)
    assert {Path(path).name for path in done.json["checked"]} >= {"1.safetensors", "2.safetensors", "config.json"}
    assert done.json["rebuilt"]["tier"] == "bitwise"
    shutil.copytree(place.directory / "export", tmp_path / "a copy")
    assert place.verify(str(tmp_path / "a copy"), status=0) == []
    (tmp_path / "blob").write_bytes((tmp_path / "a copy/config.json").read_bytes())
    (tmp_path / "a copy/config.json").unlink()
    (tmp_path / "a copy/config.json").symlink_to(tmp_path / "blob")
    assert place.verify(str(tmp_path / "a copy"), status=0) == [], "a hub's cache is made of links to files"


def _flip(path):
    content = path.read_bytes()
    path.write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])


@pytest.mark.parametrize(
    ("change", "status", "named"),
    [
        (lambda at: _flip(at / "parts/2.safetensors"), 1, ("RPK174", "Model 2.safetensors")),
        (lambda at: _flip(at / "config.json"), 1, ("RPK174", "File config.json")),
        (lambda at: (at / "parts/2.safetensors").unlink(), 1, ("RPK174", "Model 2.safetensors")),
        (lambda at: (at / "parts/2.safetensors").write_bytes(b""), 1, ("RPK174", "Model 2.safetensors")),
        (lambda at: [_flip(path) for path in at.rglob("*.*")], 1, ("RPK174", "Model 1.safetensors")),
        (lambda at: (at / "added.bin").write_bytes(b"x"), 3, None),
        (lambda at: _flip(at.parent / "raw.txt"), 1, ("RPK174", "File raw.txt")),
        (lambda at: _flip(at.parent / "train.repro.tar.zst"), 1, ("RPK174", "Bundle train.repro.tar.zst")),
    ],
    ids=["shard", "config", "gone", "emptied", "all", "added", "raw", "bundle"],
)
def test_whatever_is_changed_is_named(place, change, status, named):
    change(place.directory / "export")
    found = place.verify("export", status=status)
    assert named in found if named is not None else [code for code, _ in found] == ["RPK179"]


def test_what_made_a_directory_is_not_told_of_one_that_was_changed(place):
    export = place.directory / "export"
    place("lineage", "up", "export", status=0)
    (export / "README").write_text("by hand\n")
    place("lineage", "up", "export", status=0)
    _flip(export / "parts/2.safetensors")
    for direction in ("up", "down"):
        told = place("lineage", direction, "export", "--json", status=3).json
        assert told["code"] == "RPK144"
        assert "2.safetensors" in told["message"]


def test_what_cannot_be_read_is_not_passed_over(place, tmp_path):
    (tmp_path / "empty").mkdir()
    told = place("verify", str(tmp_path / "empty"), "--policy", "release", "--json", status=2).json
    assert (told["code"], told["hint"]) == ("RPK003", "Name the model's directory.")
    export = place.directory / "export"
    for name, make in (("link", lambda at: at.symlink_to(tmp_path)), ("pipe", os.mkfifo), ("gone", _dangle)):
        make(export / name)
        told = place("verify", "export", "--policy", "release", "--json", status=3).json
        assert told["code"] == "RPK149", told
        (export / name).unlink()
    assert place.verify("export", status=0) == []


def _dangle(path):
    path.symlink_to("nowhere")
