"""What a process was started with, also in the moment in which the kernel starts its program."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from reprokit.capture import inherited as module
from reprokit.capture.inherited import inherited

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")


def test_a_program_that_is_just_being_started_is_waited_for():
    empty = 0
    for number in range(100):
        environment = {"NUMBER": str(number)}
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE, env=environment) as process:
            directory = Path("/proc", str(process.pid))
            empty += not (directory / "environ").read_bytes()
            assert inherited(directory) == f"NUMBER={number}\0".encode()
    print(f"{empty} of 100 had no environment at the first look")


def test_what_has_none_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(module.time, "sleep", lambda _: pytest.fail("waited"))
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={}) as process:
        process.stdin.write(b"x")
        process.stdin.flush()
        assert process.stdout.read(1) == b"x", "it runs"
        assert inherited(Path("/proc", str(process.pid))) == b"", "cleared"
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        with contextlib.suppress(ProcessLookupError):  # as newer kernels say it
            assert inherited(Path("/proc", str(process.pid))) == b"", "ended, and nobody has waited for it"
    with pytest.raises(FileNotFoundError):
        inherited(Path("/proc", str(process.pid)))


@pytest.fixture
def starting(tmp_path):
    """A process's directory while the kernel starts its program."""
    (tmp_path / "environ").write_bytes(b"")
    (tmp_path / "stat").write_text(f"1 (a) b) S {' '.join('0' * 49)}")
    (tmp_path / "exe").symlink_to("/bin/cat")
    return tmp_path


def test_it_is_looked_at_until_it_has_started(starting, monkeypatch):
    looks = iter([None, None, lambda: (starting / "environ").write_bytes(b"A=1\0")])
    monkeypatch.setattr(module, "_PATIENCE", 600.0)
    monkeypatch.setattr(module.time, "sleep", lambda _: (next(looks) or (lambda: None))())
    assert inherited(starting) == b"A=1\0"


def test_one_that_never_starts_is_given_up(starting, monkeypatch):
    """As one whose program lies on a network's disk."""
    monkeypatch.setattr(module, "_PATIENCE", 0.0)
    assert inherited(starting) == b""
