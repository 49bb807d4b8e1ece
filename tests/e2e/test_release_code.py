"""Which code counts as that of the commit: what git tracks, and not what it ignores."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
pytest.importorskip("sqlalchemy", reason="needs the extra `lineage`")
_spec = importlib.util.spec_from_file_location("release_places", Path(__file__).with_name("test_release.py"))
places = sys.modules["release_places"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(places)

TRAIN = "import hidden, json\njson.dump(hidden.VALUES, open('model.pt', 'w'))\n"


@pytest.fixture
def place(reprokit, tmp_path):
    files = {"hidden_py": "VALUES = [1, 2]\n", "train_py": TRAIN}
    return places.Place(reprokit, places.project(tmp_path / "p", **files), tmp_path / "h")


def _dirty(place):
    done = place(
        "record", "--image-digest", places.IMAGE, "-o", "a.repro.tar.zst", "--", places.PYTHON, "train.py", status=0
    )
    assert done.status == 0
    return ("RPK176", "Run train") in place.verify("a.repro.tar.zst")


def test_what_a_pipeline_adds_to_the_ignored_files_is_no_change_of_the_code(place):
    assert not _dirty(place)
    with (place.directory / ".gitignore").open("a") as file:
        file.write("/filtered.jsonl\n")  # as DVC does for each output
    assert not _dirty(place)
    (place.directory / "hidden.py").write_text("VALUES = [3]\n")
    assert _dirty(place)


def test_code_that_git_ignores_is_no_code_of_the_commit(place):
    places.git(place.directory, "rm", "-q", "--cached", "hidden.py")
    (place.directory / ".gitignore").write_text("*.zst\n*.pt\n/hidden.py\n")
    places.git(place.directory, "commit", "-qam", "without")
    assert _dirty(place)
