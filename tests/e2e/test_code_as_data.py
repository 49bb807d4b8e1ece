"""Source code, settings and notebooks as a corpus: what a manifest lists and a run opens is data, whatever its name."""

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

SETTINGS = """[tool.reprokit.dataset.corpus]
path = "corpus/*"
[tool.reprokit.release]
max_age_days = inf
"""
TRAIN = """import helper, json, pathlib
lines = [line for path in sorted(pathlib.Path('corpus').iterdir()) for line in open(path)]
json.dump([len(lines), open('params.yaml').read(), helper.SCALE], open('model.pt', 'w'))
"""


@pytest.fixture
def place(reprokit, tmp_path):
    directory = places.project(
        tmp_path / "p",
        train_py=TRAIN, helper_py="SCALE = 2\n", params_yaml="lr: 1\n", pyproject_toml=SETTINGS,
    )  # fmt: skip
    (directory / ".gitignore").write_text("*.zst\n*.pt\n/corpus/\n*.manifest.json\n")
    places.git(directory, "commit", "-qam", "corpora are not for git")
    (directory / "corpus").mkdir()
    (directory / "corpus/a.py").write_text("print('a')\n")
    (directory / "corpus/b.yaml").write_text("b: 1\n")
    found = places.Place(reprokit, directory, tmp_path / "h")
    found("manifest", "create", "--dataset", "corpus", status=0)
    return found


def record(place, *command):
    """Codes of the warnings with their messages, and the inputs by name."""
    report = place(
        "record", "--image-digest", places.IMAGE, "-o", "t.repro.tar.zst", "--json", "--", places.PYTHON, *command,
        status=0,
    ).json  # fmt: skip
    inputs = {Path(one["path"]).name: one for one in report["inputs"]}
    return [one["message"] for one in report["warnings"] if one["code"] == "RPK190"], inputs


def test_a_corpus_of_source_code_is_linked_to_its_manifest(place):
    missed, inputs = record(place, "train.py")
    assert missed == [], "settings that no manifest lists are no data"
    assert {name: one["role"] for name, one in inputs.items()} == {
        "train.py": "code", "helper.py": "code", "params.yaml": "code", "a.py": "data", "b.yaml": "data",
    }  # fmt: skip
    assert inputs["a.py"]["member"] == "data/corpus/a.py"
    assert not any(one["also_data"] for one in inputs.values())
    walk = place("lineage", "up", "model.pt", "--json", status=0).json
    assert {node["name"] for node in walk["lineage"]["artifacts"]} == {"model.pt", "corpus", "a.py", "b.yaml"}
    place("replay", "t.repro.tar.zst", status=0)
    assert place.verify(status=0) == [], "nor does git have to track it"
    (place.directory / "corpus/a.py").write_text("print('A')\n")
    assert place.verify(status=1) == [("RPK174", "DatasetManifest corpus"), ("RPK174", "File a.py")]


def test_a_file_of_the_corpus_that_differs_from_its_manifest_is_named(place):
    (place.directory / "corpus/a.py").write_text("print('A')\n")
    (missed,), inputs = record(place, "train.py")
    assert missed.endswith("/corpus/a.py")
    assert inputs["a.py"]["role"] == "data"


def test_what_is_imported_stays_code_and_is_data_where_it_is_opened_too(place):
    (place.directory / "alone.py").write_text("import sys\nsys.path.insert(0, 'corpus')\nimport a\n")
    missed, inputs = record(place, "alone.py")
    assert (missed, inputs["a.py"]["role"], inputs["a.py"]["also_data"]) == ([], "code", False)
    walk = place("lineage", "down", "corpus.manifest.json", "--json", status=0).json
    assert walk["lineage"]["executions"] == [], "an import reads no data"
    for source in ("import a\nopen(a.__file__).read()\n", "open('corpus/a.py').read()\nimport a\n"):
        (place.directory / "both.py").write_text(f"import sys\nsys.path.insert(0, 'corpus')\n{source}")
        missed, inputs = record(place, "both.py")
        assert (missed, inputs["a.py"]["role"], inputs["a.py"]["also_data"]) == ([], "code", True), source
        walk = place("lineage", "down", "corpus.manifest.json", "--json", status=0).json
        assert "both" in {node["name"] for node in walk["lineage"]["executions"]}


def test_the_script_itself_is_no_data_though_a_manifest_lists_it(place):
    (place.directory / "corpus/a.py").write_text("open('model.pt', 'w').write('1')\n")
    place("manifest", "create", "--dataset", "corpus", status=0)
    missed, inputs = record(place, "corpus/a.py")
    assert (missed, inputs["a.py"]["role"], inputs["a.py"]["also_data"]) == ([], "code", False)


def test_what_only_another_program_opened_may_be_data_and_may_have_been_run(place):
    missed, inputs = record(place, "-c", "import os; os.system('cat corpus/a.py > out.txt')")
    assert (missed, inputs["a.py"]["role"], inputs["a.py"]["also_data"]) == ([], "code", True)


def test_a_replay_finds_the_corpus(place):
    record(place, "train.py")
    assert place("replay", "t.repro.tar.zst", "--json", status=0).json["tier"] == "bitwise"
