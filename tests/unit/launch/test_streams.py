"""What a command printed is passed on whole, and what goes on behind it is not waited for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from reprokit.launch import streams
from reprokit.launch.streams import Passthrough

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "_AFTER_EXIT", 0.0)


def test_a_child_that_prints_without_end_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Passthrough(None, tmp_path / "log")
    kept = os.dup(stream.child_fd)  # as a child in the background has it
    write, more = os.write, iter(range(1000))

    def written(fd: int, data: bytes) -> int:
        if fd == stream._log and next(more, None) is not None:
            write(kept, b"more\n")  # whenever something has been read, there is more
        return write(fd, data)

    write(kept, b"what was printed before\n")
    write(stream._stop_write, b"x")  # the command has ended
    monkeypatch.setattr(os, "write", written)
    stream.start()
    stream.finish()
    os.close(kept)
    assert (tmp_path / "log").read_bytes() == b"what was printed before\n"


@pytest.mark.parametrize("size", [0, 1, 1 << 16])
def test_what_was_printed_before_is_passed_on_however_late(tmp_path: Path, size: int) -> None:
    stream = Passthrough(None, tmp_path / "log")
    kept = os.dup(stream.child_fd)  # as a child in the background has it
    os.write(stream.child_fd, b"x" * size)
    stream.start()
    stream.finish()
    os.close(kept)
    assert (tmp_path / "log").read_bytes() == b"x" * size
