"""What the tests of the rebuild test and of the reports share: recorded bundles, and pytest as a user starts it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import CommandLine

SCRIPTS = {
    "good": """
import json
import numpy as np
weights = np.random.default_rng(0).normal(size=4)
np.save("weights.npy", weights)
json.dump({"loss": float((weights**2).sum())}, open("metrics.json", "w"))
""",
    # What os.urandom gave is never stored, so this run cannot be repeated.
    "drifting": """
import json, os
json.dump({"loss": int.from_bytes(os.urandom(4), "big") + 1.0}, open("metrics.json", "w"))
""",
    # Neither a step nor an output: there is nothing to compare.
    "silent": "print('trained')\n",
}


@dataclass(frozen=True)
class Tested:
    """How a pytest session ended."""

    status: int
    text: str


class Project:
    """A directory with a folder of bundles, in which pytest is run with this plugin, xdist, and no other."""

    def __init__(self, root: Path, reprokit: CommandLine) -> None:
        self.root, self.reprokit = root, reprokit

    def pytest(self, *arguments: str, env: dict[str, str | None] | None = None, xdist: bool = True) -> Tested:
        """Runs pytest to its end."""
        plugins = ["-p", "reprokit.pytest_plugin", *(["-p", "xdist.plugin"] if xdist else [])]
        changes = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "CI": None, "GITHUB_STEP_SUMMARY": None, **(env or {})}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *plugins, "-p", "no:cacheprovider", *arguments], cwd=self.root,
            env=self.reprokit.environment(**changes), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=180, check=False, encoding="utf-8", errors="replace",
        )  # fmt: skip
        return Tested(done.returncode, done.stdout)


@pytest.fixture(scope="package")
def recorded(tmp_path_factory: pytest.TempPathFactory, reprokit: CommandLine) -> Path:
    """The folder of bundles, recorded once: one a script, and one that is torn."""
    directory = tmp_path_factory.mktemp("recorded")
    bundles = directory / "bundles"
    bundles.mkdir()
    for name, text in SCRIPTS.items():
        room = directory / name
        room.mkdir()
        (room / "train.py").write_text(text)
        done = reprokit("record", "-o", bundles / f"{name}.repro.tar.zst", "--", sys.executable, "train.py", cwd=room)
        assert done.status == 0, done.text
    whole = (bundles / "good.repro.tar.zst").read_bytes()
    (bundles / "torn.repro.tar.zst").write_bytes(whole[:-100])
    return bundles


@pytest.fixture
def project(recorded: Path, tmp_path: Path, reprokit: CommandLine) -> Callable[..., Project]:
    """Makes a project with some of the bundles."""

    def make(*names: str, pyproject: str = "") -> Project:
        (tmp_path / "bundles").mkdir()
        for name in names:
            shutil.copyfile(recorded / f"{name}.repro.tar.zst", tmp_path / "bundles" / f"{name}.repro.tar.zst")
        (tmp_path / "pyproject.toml").write_text(pyproject)
        return Project(tmp_path, reprokit)

    return make
