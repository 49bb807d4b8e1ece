"""What tests of the Python API share: scripts and prompts in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import CommandLine


class Python:
    """Runs Python on a script, or on statements at its prompt, in a directory of the test's own."""

    def __init__(self, directory: Path, environment: dict[str, str]) -> None:
        self.directory, self.environment = directory, environment

    def script(
        self, text: str, *arguments: str, name: str = "train.py", status: int = 0, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Writes and runs a script; it must end with ``status``."""
        (self.directory / name).write_text(text)
        return self._run([sys.executable, name, *arguments], "", status, env)

    def prompt(self, statements: str) -> subprocess.CompletedProcess[str]:
        """Types statements at the prompt."""
        return self._run([sys.executable, "-i", "-q"], statements, 0, {})

    def _run(
        self, command: list[str], stdin: str, status: int, env: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command, cwd=self.directory, env=self.environment | env, input=stdin, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == status, done.stdout + done.stderr
        return done


@pytest.fixture
def python(tmp_path: Path, reprokit: CommandLine, monkeypatch: pytest.MonkeyPatch) -> Python:
    """Python in ``tmp_path``, where the test itself is too; the hash seed is pinned."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REPROKIT_HOME", os.fspath(reprokit.home))
    return Python(tmp_path, reprokit.environment(PYTHONHASHSEED="0"))
