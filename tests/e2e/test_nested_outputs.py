"""Outputs outside the project, in a directory and in one below it: a replay writes over neither, and finds neither."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reprokit.launch.isolation import namespaces_work

if TYPE_CHECKING:
    from conftest import CommandLine

pytestmark = pytest.mark.skipif(not namespaces_work(), reason="needs mount namespaces")

SCRIPT = """
import os, time
place = os.environ["OUT"]
for folder in ("", "/sub", "/sub/deep/deeper"):
    os.makedirs(place + folder, exist_ok=True)
    if not os.path.exists(place + folder + "/kept.txt"):
        open(place + folder + "/kept.txt", "w").write(str(time.time_ns()))
    with open(place + folder + "/log.txt", "w") as file:
        file.write(str(time.time_ns()))
"""


@pytest.mark.slow
def test_a_replay_neither_finds_nor_changes_what_the_run_wrote(reprokit: CommandLine, tmp_path: Path) -> None:
    project, out = tmp_path / "project", tmp_path / "out"
    project.mkdir()
    (out / "sub" / "other").mkdir(parents=True)
    (out / "sub" / "other" / "old.txt").write_text("from before")
    (project / "train.py").write_text(SCRIPT.replace('os.environ["OUT"]', repr(str(out))))
    bundle = tmp_path / "run.repro.tar.zst"
    done = reprokit("record", "-o", bundle, "--", sys.executable, "train.py", cwd=project)
    assert done.status == 0, done.text
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert len(before) == 7
    done = reprokit("replay", bundle, "--runs", "2", "--json", cwd=project)
    assert done.status == 1, done.text
    assert {Path(o["path"]).name for o in done.json["outputs"] if not o["equal"]} == {"kept.txt", "log.txt"}
    assert sum(not o["equal"] for o in done.json["outputs"]) == 6
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


RENAMED = """
import os, shutil, time
place = {place!r}
os.makedirs(place + "/making/deep")
open(place + "/making/a.txt", "w").write("the same")
open(place + "/making/deep/b.txt", "w").write(str({value}))
if os.path.exists(place + "/done"):
    shutil.rmtree(place + "/done")
os.rename(place + "/making", place + "/done")
"""


@pytest.mark.slow
@pytest.mark.parametrize(("value", "status"), [("1", 0), ("time.time_ns()", 1)])
def test_a_directory_that_a_run_put_in_place_is_what_it_wrote(
    reprokit: CommandLine, tmp_path: Path, value: str, status: int
) -> None:
    project, out = tmp_path / "project", tmp_path / "out"
    project.mkdir()
    (project / "train.py").write_text(RENAMED.format(place=str(out), value=value))
    bundle = tmp_path / "run.repro.tar.zst"
    done = reprokit("record", "--json", "-o", bundle, "--", sys.executable, "train.py", cwd=project)
    assert done.status == 0, done.text
    assert {Path(o["path"]).name for o in done.json["outputs"]} == {"a.txt", "b.txt"}
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    done = reprokit("replay", bundle, "--json", cwd=project)
    assert done.status == status, done.text
    assert done.json["tier"] == ("re-runnable" if status else "bitwise")
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


MADE = {
    "mkdir": "os.mkdir(place)",
    "Path.mkdir": "pathlib.Path(place, 'run', 'deep').mkdir(parents=True)",
    "made anew": "if os.path.isdir(place):\n    shutil.rmtree(place)\nos.makedirs(place)",
    "if it is not there": "os.makedirs(place, exist_ok=True)",
    "and an empty one": "os.makedirs(place + '/empty'); os.mkdir(place + '.lock')",
    "drawn": "place = tempfile.mkdtemp(dir=os.path.dirname(place))",
}


@pytest.mark.slow
@pytest.mark.parametrize("gone", [False, True], ids=["left", "gone"])
@pytest.mark.parametrize("how", MADE)
def test_a_directory_that_a_run_made_can_be_made_by_a_replay(
    reprokit: CommandLine, tmp_path: Path, how: str, *, gone: bool
) -> None:
    project, out = tmp_path / "project", tmp_path / "out"
    project.mkdir()
    if how == "made anew":
        out.mkdir()
        (out / "old.txt").write_text("from before")
    text = f"import os, pathlib, shutil, tempfile\nplace = {str(out)!r}\n{MADE[how]}\n"
    (project / "train.py").write_text(text + "open(place + '/a.txt', 'w').write('the same')\n")
    bundle = tmp_path / "run.repro.tar.zst"
    done = reprokit("record", "--json", "-o", bundle, "--", sys.executable, "train.py", cwd=project)
    assert done.status == 0, done.text
    made = [path for path in tmp_path.iterdir() if path.name.startswith(("out", "tmp"))]
    if gone:
        for path in made:
            shutil.rmtree(path)
    before = {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}
    done = reprokit("replay", bundle, "--json", cwd=project)
    assert done.status == 0, done.text
    assert done.json["tier"] == "bitwise"
    assert {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")} == before
