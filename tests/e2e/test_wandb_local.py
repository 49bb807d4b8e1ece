"""A script that logs to an offline run of Weights & Biases is replayed bit by bit, and what it logged is compared."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine

pytestmark = pytest.mark.slow
pytest.importorskip("wandb", reason="needs the extra `wandb`")

SCRIPT = """
import os, time
import wandb
for lr in (0.1, 0.2):
    time.sleep(1)  # names tell the second in which a run began
    with wandb.init(project="x", mode="offline", config={"lr": lr}) as run:
        for step in range(5):
            run.log({"loss": lr / (step + 1) + os.path.exists("planted") * 2**-52})
"""


def test_replays_and_a_planted_ulp(reprokit: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    for name in ("a", "b"):
        done = reprokit("record", "--json", "-o", f"{name}.zst", "--", sys.executable, "train.py", cwd=tmp_path)
        assert done.status == 0, done.text
        logged = [one["path"] for one in done.json["outputs"]]
        assert sum(path.endswith(".wandb") for path in logged) == 2, logged
        assert not [path for path in logged if "debug" in path], logged
        (tmp_path / "planted").touch()
    replayed = reprokit("replay", "a.zst", "--json", cwd=tmp_path)
    assert replayed.json["tier"] == "bitwise", replayed.text
    compared = reprokit("compare", "a.zst", "b.zst", "--json", cwd=tmp_path)
    assert (compared.status, "loss" in compared.text) == (1, True), compared.text
