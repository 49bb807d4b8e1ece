"""Files that somebody holds open for writing are told from those that are only read."""

from __future__ import annotations

import os
import subprocess
import sys

from reprokit.capture.writers import open_for_writing


def _identity(path):
    status = path.stat()
    return status.st_dev, status.st_ino


def test_a_file_that_is_written_is_found_and_one_that_is_read_is_not(tmp_path):
    written, read, closed = (tmp_path / name for name in ("written", "read", "closed"))
    for path in (written, read, closed):
        path.write_text("x")
    with written.open("a"), read.open():
        found = open_for_writing()
    assert _identity(written) in found
    assert not {_identity(read), _identity(closed)} & found
    assert _identity(written) not in open_for_writing()


def test_processes_can_be_left_out(tmp_path):
    log = tmp_path / "log"
    with log.open("w") as file:
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=file)
    try:
        assert _identity(log) in open_for_writing()
        assert _identity(log) not in open_for_writing(frozenset({child.pid, os.getpid()}))
    finally:
        child.communicate(b"\n")
