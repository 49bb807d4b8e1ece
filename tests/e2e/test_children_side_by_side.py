"""Programs that are started side by side come in any order; a replay knows them by their arguments."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import CommandLine

# The order in which they are started stands in a file that is taken away between the recording and the replay, and so
# is changed without a change to anything that the bundle holds.
DRIVER = """
import os, subprocess, sys
order = "abc" if os.path.exists(sys.argv[1]) else "cba"
for name in order:
    subprocess.run([sys.executable, "stage.py", name], check=True)
"""
STAGE = """
import random, sys
open(sys.argv[1] + ".txt", "w").write(f"{random.random()} {random.Random().random()}")
"""


def test_each_gets_back_what_it_drew(reprokit: CommandLine, tmp_path: Path) -> None:
    project, mark = tmp_path / "project", tmp_path / "mark"
    project.mkdir()
    mark.mkdir()
    (project / "train.py").write_text(DRIVER)
    (project / "stage.py").write_text(STAGE)
    bundle = tmp_path / "run.repro.tar.zst"
    done = reprokit("record", "-o", bundle, "--", sys.executable, "train.py", mark, cwd=project)
    assert done.status == 0, done.text
    shutil.rmtree(mark)
    done = reprokit("replay", bundle, "--json", cwd=project)
    assert done.status == 0, done.text
    assert done.json["tier"] == "bitwise"
    assert not [w for w in done.json["warnings"] if w["code"] == "RPK048"]
