"""Files that nobody opens and that decide what a script does, and what it keeps for its next run."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from reprokit.launch.isolation import namespaces_work
from reprokit.launch.standing import _stem

if TYPE_CHECKING:
    from conftest import CommandLine

MEMORY = Path("/dev/shm")
needs_namespaces = pytest.mark.skipif(not namespaces_work(), reason="needs mount namespaces")

KEPT = """
import json, os, random, time
import numpy as np
place = os.path.join({place}, "prepared")
os.makedirs(place, exist_ok=True)
if os.path.exists(place + "/x.npy"):
    x, y = np.load(place + "/x.npy"), json.load(open(place + "/y.json"))
else:
    x, y = np.array([{value}]), {value}
    np.save(place + "/x.npy", x)
    with open(place + "/y.json.part", "w") as file:
        json.dump(y, file)
    os.replace(place + "/y.json.part", place + "/y.json")
np.save("out.npy", x + y)
"""
HOME = "os.path.expanduser('~/.cache')"

UNOPENED = {
    "rename": "os.rename('old.txt', 'new.txt')",
    "put aside": "os.rename('old.txt', 'old.1.txt'); open('old.txt', 'w').write('new')",
    "folder": "os.rename('there', 'gone'); os.mkdir('there'); open('there/a', 'w').write('new')",
    "delete": "os.remove('old.txt'); shutil.rmtree('there'); open('new', 'w').write('new')",
    "free file": "n = [n for n in range(9) if not os.path.exists(f'model_{n}.pt')][0]\nopen(f'model_{n}.pt', 'w')",
    "free folder": "n = [n for n in range(9) if not os.path.exists(f'exp{n}')][0]\n"
    "os.mkdir(f'exp{n}'); open(f'exp{n}/a', 'w').write('new')",
}


def _trained(reprokit: CommandLine, here: Path, script: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The report of a recording, and the verdict of two replays."""
    (here / "home").mkdir()
    project = here / "project"
    project.mkdir(exist_ok=True)
    (project / "train.py").write_text(script)
    (project / "pyproject.toml").write_text("[tool.reprokit]\n")
    env: dict[str, str | None] = {"HOME": str(here / "home"), "PYTHONDONTWRITEBYTECODE": "1"}
    bundle = here / "run.repro.tar.zst"
    done = reprokit("record", "--json", "-o", bundle, "--", sys.executable, "train.py", cwd=project, env=env)
    assert done.status == 0, done.text
    report = done.json
    done = reprokit("replay", bundle, "--json", cwd=project, env=env)
    assert done.status in (0, 1), done.text
    return report, done.json


@pytest.mark.slow
@needs_namespaces
@pytest.mark.parametrize("place", [HOME, "'.cache'"])
def test_what_a_script_keeps_for_its_next_run_is_not_found_there_by_a_replay(
    reprokit: CommandLine, tmp_path: Path, place: str
) -> None:
    report, verdict = _trained(reprokit, tmp_path, KEPT.format(place=place, value="time.time()"))
    assert {os.path.basename(o["path"]) for o in report["outputs"]} == {"x.npy", "y.json", "out.npy"}
    assert not verdict["met"]
    assert verdict["tier"] == "re-runnable"
    assert {Path(o["path"]).name for o in verdict["outputs"] if not o["equal"]} == {"x.npy", "y.json", "out.npy"}


@needs_namespaces
@pytest.mark.skipif(not MEMORY.is_dir(), reason="needs /dev/shm")
def test_what_a_script_keeps_in_shared_memory_is_not_found_there_by_a_replay(
    reprokit: CommandLine, tmp_path: Path
) -> None:
    with tempfile.TemporaryDirectory(prefix="of-a-test-", dir=MEMORY) as kept:
        text = "from multiprocessing.shared_memory import SharedMemory\nblock = SharedMemory(create=True, size=9)\n"
        text += KEPT.format(place=repr(kept), value="time.time()") + "\nblock.close(); block.unlink()\n"
        report, verdict = _trained(reprokit, tmp_path, text)
        shown = [o["path"] for o in report["outputs"] if o["path"].startswith(str(MEMORY))]
        assert shown == [f"{kept}/prepared/x.npy", f"{kept}/prepared/y.json"]
        assert verdict["tier"] == "re-runnable"
        digest = hashlib.sha256(Path(kept, "prepared/x.npy").read_bytes()).hexdigest()
        assert digest in next(o["sha256"] for o in report["outputs"] if o["path"].endswith("x.npy")), "left as it was"


@pytest.mark.slow
@needs_namespaces
def test_what_a_script_keeps_is_equal_where_it_is_drawn_from_a_generator(reprokit: CommandLine, tmp_path: Path) -> None:
    _, verdict = _trained(reprokit, tmp_path, KEPT.format(place=HOME, value="random.random()"))
    assert verdict["met"], verdict["reason"]


@pytest.mark.slow
def test_what_an_earlier_run_kept_is_an_input(reprokit: CommandLine, tmp_path: Path) -> None:
    project = tmp_path / "project" / ".cache" / "prepared"
    project.mkdir(parents=True)
    script = KEPT.format(place="'.cache'", value="1.5")
    (project.parents[1] / "first.py").write_text(script)
    done = reprokit("record", "--", sys.executable, "first.py", cwd=project.parents[1])
    assert done.status == 0, done.text
    report, verdict = _trained(reprokit, tmp_path, script.replace("1.5", "2.5"))
    assert {"x.npy", "y.json"} <= {Path(i["path"]).name for i in report["inputs"]}
    assert verdict["met"], verdict["reason"]


@pytest.mark.slow
@pytest.mark.parametrize("what", UNOPENED)
def test_files_that_are_moved_deleted_or_in_the_way_are_there_in_a_replay(
    reprokit: CommandLine, tmp_path: Path, what: str
) -> None:
    project = tmp_path / "project"
    for name in ("old.txt", "there/a", "there/b", "model_0.pt", "model_1.pt", "exp0/a"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(f"old {name}")
    report, verdict = _trained(reprokit, tmp_path, f"import os, shutil\n{UNOPENED[what]}\n")
    assert verdict["met"], verdict["reason"]
    assert not [w for w in report["warnings"] if w["code"] == "RPK047"], "a directory is no file that was read"


def test_a_name_without_its_numbers() -> None:
    assert _stem("exp") == _stem("exp2") == _stem("exp-3")
    assert _stem("model_12.pt") == _stem("model.pt") != _stem("model.txt")


@pytest.mark.slow
@needs_namespaces
def test_settings_that_a_run_made_are_no_result_and_not_found_by_a_replay(
    reprokit: CommandLine, tmp_path: Path
) -> None:
    script = KEPT.format(place="os.path.expanduser('~/.config')", value="time.time()")
    report, verdict = _trained(reprokit, tmp_path, script)
    assert {Path(o["path"]).name for o in report["outputs"]} == {"out.npy"}, "they may hold credentials"
    assert verdict["tier"] == "re-runnable"
    env: dict[str, str | None] = {"HOME": str(tmp_path / "home")}
    done = reprokit("replay", tmp_path / "run.repro.tar.zst", "--isolation", "rewrite", cwd=tmp_path, env=env)
    assert done.status == 3, done.text
    assert "home/.config/prepared/" in done.text
    assert "once more" in done.text
