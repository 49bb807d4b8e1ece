"""What the verbs below `reprokit lineage` print under `--json` names its schema."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine

DOCUMENTS = {
    "up": (("a.txt",), "reprokit.lineage-walk/1", 0),
    "down": (("a.txt",), "reprokit.lineage-walk/1", 0),
    "show": (("a.txt",), "reprokit.lineage-store/1", 0),
    "add": (("run.zst",), "reprokit.lineage-added/1", 0),
    "impact": (("--opt-out", "a.txt"), "reprokit.lineage-impact/1", 3),  # there is no model
    "export": (("graph.json",), "reprokit.lineage-exported/1", 0),
    "import": (("graph.json",), "reprokit.lineage-added/1", 0),
}


@pytest.fixture(scope="module")
def place(reprokit: CommandLine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a recorded run and its graph."""
    pytest.importorskip("sqlalchemy", reason="needs the extra `lineage`")
    directory = tmp_path_factory.mktemp("graph")
    (directory / "pyproject.toml").write_text('[tool.reprokit.lineage]\nstore = "graph.sqlite"\n')
    (directory / "a.txt").write_text("text\n")
    code = "open('b.txt', 'w').write(open('a.txt').read() * 2)"
    assert reprokit("record", "-o", "run.zst", "--", sys.executable, "-c", code, cwd=directory).status == 0
    assert reprokit("lineage", "export", "graph.json", cwd=directory).status == 0
    return directory


@pytest.mark.parametrize("name", DOCUMENTS)
def test_json_is_one_document_with_a_schema(reprokit: CommandLine, place: Path, name: str) -> None:
    arguments, schema, status = DOCUMENTS[name]
    done = reprokit("lineage", name, *arguments, "--json", cwd=place)
    assert done.status == status, done.text
    assert done.json["schema"] == schema
