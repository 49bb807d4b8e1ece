"""The log of pairs keeps what was stored whatever becomes of the process, and disturbs nothing."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import struct
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from reprokit.observe import mapped
from reprokit.observe.mapped import PairLog

if TYPE_CHECKING:
    from pathlib import Path

MANY = 40_000  # more than two chunks


def _pairs(path: Path) -> list[tuple[float, float]]:
    return [pair for pair in struct.iter_unpack("=dd", path.read_bytes()) if pair[0]]


def _fill(path: Path, count: int) -> PairLog:
    log = PairLog(str(path))
    for number in range(1, count + 1):
        log.append(number, number / 3)
    return log


def test_pairs_over_several_chunks_are_read_back_and_the_rest_is_given_back(tmp_path: Path) -> None:
    log = _fill(tmp_path / "log", MANY)
    log.close()
    log.close()
    assert _pairs(tmp_path / "log") == [(i, i / 3) for i in range(1, MANY + 1)]
    assert (tmp_path / "log").stat().st_size == 16 * MANY


def _held(directory: Path) -> list[str]:
    """The files below a directory that this process holds open; all others are those of other tests."""
    found = []
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            found.append(os.readlink(f"/proc/self/fd/{number}"))
    return [path for path in found if path.startswith(f"{directory}/")]


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    log = _fill(tmp_path / "log", MANY)
    assert _held(tmp_path) == []
    log.close()
    with (tmp_path / "log").open("rb"):
        assert _held(tmp_path) == [str(tmp_path / "log")], "the control"


def test_a_killed_process_leaves_every_pair(tmp_path: Path) -> None:
    script = """
import os, signal, sys
from reprokit.observe.mapped import PairLog
log = PairLog(sys.argv[1])
for number in range(1, 1001): log.append(number, -0.5)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "log")], check=False)
    assert done.returncode == -signal.SIGKILL
    assert _pairs(tmp_path / "log") == [(i, -0.5) for i in range(1, 1001)]


def test_where_files_cannot_be_mapped_each_pair_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.ENODEV, "no mapping here")

    monkeypatch.setattr(mapped, "_map", refuse)
    log = _fill(tmp_path / "log", 5)
    assert (tmp_path / "log").read_bytes() == b"".join(struct.pack("=dd", i, i / 3) for i in range(1, 6))
    log.close()


def test_a_disk_that_fills_up_is_an_error_and_keeps_what_was_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = _fill(tmp_path / "log", mapped._CHUNK // 16)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="full"):
        log.append(9, 9.0)
    assert len(_pairs(tmp_path / "log")) == mapped._CHUNK // 16
