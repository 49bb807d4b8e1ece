"""Scripts that log to MLflow on this machine: undisturbed by a recording, and replayed bit by bit.

MLflow draws the names of runs from the script's own generator. A recording leaves that as it is, a replay repeats it.
"""

from __future__ import annotations

import random
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine

pytestmark = pytest.mark.slow
pytest.importorskip("mlflow", reason="needs the extra `mlflow`")
FIRST = str(random.Random(1).random())  # where MLflow draws nothing before it

SCRIPT = """
import json, os, random, sys
import mlflow
random.seed(1)
with mlflow.start_run(run_name=sys.argv[1] or None):
    mlflow.log_metric("loss", 1.0 + (os.path.exists("planted") * 2**-52))
    json.dump([1], open("drawn.json", "w"))
    mlflow.log_artifact("drawn.json")
open("drawn.txt", "w").write(str(random.random()))
"""


@pytest.mark.parametrize(("name", "drawn"), [("", True), ("mine", False)])
def test_a_recording_draws_what_the_plain_run_draws_and_so_does_its_replay(
    reprokit: CommandLine, tmp_path: Path, name: str, drawn: bool
) -> None:  # fmt: skip
    (tmp_path / "train.py").write_text(SCRIPT)
    command = [sys.executable, "train.py", name]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, env=reprokit.environment())
    plain = (tmp_path / "drawn.txt").read_text()
    assert (plain != FIRST) is drawn
    (tmp_path / "mlflow.db").unlink()
    recorded = reprokit("record", "--json", "-o", "b.repro.tar.zst", "--", *command, cwd=tmp_path)
    assert recorded.status == 0, recorded.text
    assert (tmp_path / "drawn.txt").read_text() == plain
    assert len(recorded.json["outputs"]) == 4, "the database, the artifact, and two files"
    replayed = reprokit("replay", "b.repro.tar.zst", "--json", cwd=tmp_path)
    assert replayed.json["tier"] == "bitwise", replayed.text


def test_one_ulp_in_what_was_logged_is_found(reprokit: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    command = ["record", "--json", "--", sys.executable, "train.py", "mine"]
    for name in ("a", "b"):
        assert reprokit(*command[:2], "-o", f"{name}.repro.tar.zst", *command[2:], cwd=tmp_path).status == 0
        (tmp_path / "mlflow.db").unlink()
        (tmp_path / "planted").touch()
    done = reprokit("compare", "a.repro.tar.zst", "b.repro.tar.zst", "--json", cwd=tmp_path)
    assert done.status == 1, done.text
    assert "metric/loss/value" in done.text


@pytest.mark.parametrize("place", ["track.sqlite", "../elsewhere/my runs.db"])
@pytest.mark.parametrize("isolation", ["namespace", "rewrite"])
def test_a_store_under_a_name_of_ones_own_is_replayed(
    reprokit: CommandLine, tmp_path: Path, place: str, isolation: str
) -> None:
    """Its address is in no bundle: the replay finds the store among the outputs, and writes its own in that place."""
    project, store = tmp_path / "project", tmp_path / "project" / place
    project.mkdir()
    store.parent.resolve().mkdir(exist_ok=True)
    (tmp_path / "elsewhere").mkdir(exist_ok=True)
    (project / "train.py").write_text(SCRIPT)
    env = {"MLFLOW_TRACKING_URI": f"sqlite:///{store.resolve()}"}
    command = [sys.executable, "train.py", "mine"]
    recorded = reprokit("record", "--json", "-o", "b.repro.tar.zst", "--", *command, cwd=project, env=env)
    assert recorded.status == 0, recorded.text
    before = store.read_bytes()
    replayed = reprokit("replay", "b.repro.tar.zst", "--json", "--isolation", isolation, cwd=project)
    if isolation == "namespace" and replayed.status == 3:
        pytest.skip("needs mount namespaces")
    assert replayed.json["tier"] == "bitwise", replayed.text
    assert {one["path"]: one["method"] for one in replayed.json["outputs"]}[
        place if "/" not in place else str(store.resolve())
    ].startswith("MLflow database")
    assert store.read_bytes() == before, "the replay writes nothing there"
