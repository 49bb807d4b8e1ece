"""Data that a bundle refers to and does not hold: used where they are, or where `--data` says, and never an output."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import CommandLine

SCRIPT = """import numpy as np
points = np.load("data/points.npy")
np.save("mean.npy", points.mean(axis=0))
print(f"loss={points.std():.6f}")
"""


@pytest.fixture
def project(tmp_path: Path, reprokit: CommandLine) -> Path:
    room = tmp_path / "project"
    (room / "data").mkdir(parents=True)
    (room / "train.py").write_text(SCRIPT)
    np.save(room / "data" / "points.npy", np.random.default_rng(0).normal(size=(1000, 4)))
    done = reprokit("record", "--embed-limit", "1k", "-o", "run.repro.tar.zst", "--", "python", "train.py", cwd=room)
    assert done.status == 0, done.text
    return room


def test_data_in_place_are_no_output(project: Path, reprokit: CommandLine) -> None:
    done = reprokit("replay", "run.repro.tar.zst", "--json", cwd=project)
    assert [output["path"] for output in done.json["outputs"]] == ["mean.npy"]
    assert (done.status, done.json["tier"]) == (0, "bitwise")


def test_moved_data_are_found_by_their_digest(project: Path, reprokit: CommandLine) -> None:
    (project / "data").rename(project / "moved")
    missing = reprokit("replay", "run.repro.tar.zst", "--json", cwd=project)
    assert (missing.status, missing.json["code"]) == (3, "RPK012")
    assert "data/points.npy is missing" in missing.json["message"]
    found = reprokit("replay", "run.repro.tar.zst", "--json", "--data", f"{project}/data={project}/moved", cwd=project)
    assert (found.status, found.json["tier"]) == (0, "bitwise")


def test_other_data_are_refused(project: Path, reprokit: CommandLine) -> None:
    points = np.load(project / "data" / "points.npy")
    points[17, 0] = np.nextafter(points[17, 0], 2.0)
    np.save(project / "data" / "points.npy", points)
    done = reprokit("replay", "run.repro.tar.zst", "--json", cwd=project)
    assert (done.status, done.json["code"]) == (3, "RPK012")
    assert "data/points.npy has another content" in done.json["message"]
