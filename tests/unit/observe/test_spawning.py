"""A spawned child's key follows the order in which its parent started it, and not who says hello first."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from reprokit.launch.recording import Observation, armed_environment, prepare

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """
import multiprocessing, os, sys
def child(queue):
    from reprokit.observe import start
    queue.put((multiprocessing.current_process().name, start.current().process.key, "REPROKIT_SPAWNED" in os.environ))
if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    context.set_executable(sys.argv[1])
    queue = context.SimpleQueue()
    children = [context.Process(target=child, args=(queue,)) for _ in range(3)]
    for one in children: one.start()
    for one in children: one.join()
    print(sorted(queue.get() for _ in children), "REPROKIT_SPAWNED" in os.environ)
"""
LATE = """#!/bin/sh
case "$*" in *spawn_main*) mkdir "$PLACE/first" 2>/dev/null && sleep 1 ;; esac
exec {python} "$@"
"""


def test_the_first_child_is_the_first_also_when_it_is_late(tmp_path: Path) -> None:
    script, late = tmp_path / "start.py", tmp_path / "late"
    script.write_text(SCRIPT)
    late.write_text(LATE.format(python=sys.executable))
    late.chmod(0o755)
    prepare(tmp_path / "recording", Observation(root=str(tmp_path)))
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "REPROKIT"))}
    environment = armed_environment({**plain, "PLACE": str(tmp_path)}, tmp_path / "recording")
    done = subprocess.run(
        [sys.executable, str(script), str(late)], env=environment, capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip
    keys = ["start/spawn", "start/spawn.1", "start/spawn.2"]
    expected = [(f"SpawnProcess-{number}", key, False) for number, key in enumerate(keys, 1)]
    assert done.stdout == f"{expected} False\n", done.stderr
    assert (tmp_path / "first").is_dir()
