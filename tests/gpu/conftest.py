"""Tests that need an accelerator; without one they are skipped by name (`-m "not gpu"` leaves them out)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import CommandLine

SCRIPTS = Path(__file__).parent / "scripts"


@pytest.fixture(scope="session")
def cuda() -> Any:
    """PyTorch on a machine where it has a GPU."""
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("PyTorch sees no GPU here")
    return torch


class OnGpu:
    """Records, replays and compares the scripts in `scripts/`."""

    def __init__(self, reprokit: CommandLine, room: Path) -> None:
        self._reprokit = reprokit
        self._room = room

    def record(self, name: str, script: str, *options: str, change: tuple[str, str] = ("", ""), **env: str) -> Path:
        """The bundle of ``script``, with a piece of its text changed."""
        directory = self._room / name
        directory.mkdir()
        text = (SCRIPTS / script).read_text("utf-8")
        assert change[0] in text
        (directory / script).write_text(text.replace(change[0], change[1], 1) if change[0] else text, "utf-8")
        bundle = self._room / f"{name}.repro.tar.zst"
        done = self._reprokit("record", "-o", bundle, *options, "--", "python3", script, cwd=directory, env=env)
        assert done.status == 0, done.text
        assert "RPK042" not in done.text, done.text
        return bundle

    def inspect(self, bundle: Path) -> Any:
        """What `inspect --json` prints."""
        return self._reprokit("inspect", "--json", bundle, cwd=self._room).json

    def replay(self, bundle: Path, *options: str) -> Any:
        """The verdict of a replay."""
        done = self._reprokit("replay", "--json", *options, bundle, cwd=self._room, timeout=400)
        assert done.status in (0, 1), done.text
        return done.json

    def compare(self, first: Path, second: Path) -> Any:
        """The verdict on two bundles."""
        done = self._reprokit("compare", "--json", first, second, cwd=self._room)
        assert done.status in (0, 1), done.text
        return done.json


@pytest.fixture
def on_gpu(cuda: Any, reprokit: CommandLine, tmp_path: Path) -> OnGpu:
    """The command line, on a machine with a GPU."""
    return OnGpu(reprokit, tmp_path)
