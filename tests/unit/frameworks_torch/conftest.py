"""Runs one script twice, with and without the observer, and reads what was observed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from reprokit.frameworks import ADAPTERS
from reprokit.launch.recording import Observation, armed_environment, prepare
from reprokit.observe.reading import ObservedProcess, read_processes
from reprokit.trace.columns import Trace, write_columns
from reprokit.trace.passed import read_all_rows
from reprokit.trace.raw import FINAL, Block, Row, read_blocks

pytest.importorskip("torch", reason="PyTorch is not installed")


@dataclass
class Ran:
    """How a script ended, and what its observer wrote when it had one."""

    status: int
    stdout: str
    stderr: str
    recording: Path | None = None

    @property
    def json(self) -> Any:
        assert self.status == 0, self.stderr
        return json.loads(self.stdout.splitlines()[-1])

    @property
    def process(self) -> ObservedProcess:
        assert self.recording is not None
        return read_processes(self.recording)[0]

    @property
    def blocks(self) -> dict[int, Block]:
        path = self.process.directory / "blocks"
        return read_blocks(path.read_bytes()) if path.exists() else {}

    @property
    def rows(self) -> list[Row]:
        """The updates."""
        return [row for row in read_all_rows(self.process.directory, self.blocks) if not row.flags & FINAL]

    def names(self, part: str, step: int) -> list[str]:
        """The names of what was digested of a part in a step (from 1)."""
        blocks = self.blocks
        row = self.rows[step - 1]
        return [c.name for number in row.blocks if blocks[number].part == part for c in blocks[number].columns]

    def digests(self, part: str, step: int) -> dict[str, bytes]:
        """Key -> digest of a part in a step."""
        blocks, found = self.blocks, {}
        for number, data in self.rows[step - 1].blocks.items():
            if blocks[number].part == part:
                found |= {c.key: data[16 * i : 16 * i + 16] for i, c in enumerate(blocks[number].columns)}
        return found

    def trace(self, where: Path, level: str = "full") -> Trace:
        assert write_columns(self.process.directory, where, level=level) is not None
        return Trace.at(where)


class Runner:
    """Runs scripts in fresh interpreters."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._count = 0

    def _run(self, script: Path, environment: dict[str, str], recording: Path | None) -> Ran:
        command = [sys.executable, str(script)]
        done = subprocess.run(
            command, cwd=self.directory, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        return Ran(done.returncode, done.stdout, done.stderr, recording)

    def _environment(self, extra: dict[str, str]) -> dict[str, str]:
        plain = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "REPROKIT", "PYTEST"))}
        return {**plain, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "PYTHONHASHSEED": "0", **extra}

    def _file(self, script: str | Path) -> Path:
        if isinstance(script, Path):
            return script
        path = self.directory / f"script_{sha256(script.encode()).hexdigest()[:8]}.py"  # a replay finds its seeds by it
        path.write_text(script)
        return path

    def plain(self, script: str | Path, **extra: str) -> Ran:
        """Without the observer."""
        return self._run(self._file(script), self._environment(extra), None)

    def observed(
        self,
        script: str | Path,
        *,
        like: Ran | None = None,
        level: str = "full",
        plan: bytes | None = None,
        **extra: str,
    ) -> Ran:
        """With it; seeded as ``like`` was, and digesting what ``plan`` says if there is one."""
        ambient = str(like.recording / "ambient") if like is not None and like.recording is not None else None
        self._count += 1
        recording = self.directory / f"recording{self._count}"
        file = self._file(script)
        plans = {file.stem: plan} if plan is not None else {}
        asked = Observation(
            root=str(self.directory), level=level, ambient=ambient, plans=plans, frameworks=dict(ADAPTERS)
        )
        prepare(recording, asked)
        return self._run(file, armed_environment(self._environment(extra), recording), recording)


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


@pytest.fixture(scope="module")
def shared_runner(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """One that a module's tests share, with the runs that they share."""
    return Runner(tmp_path_factory.mktemp("runs"))
