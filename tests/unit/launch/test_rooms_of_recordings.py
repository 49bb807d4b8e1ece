"""What a recording leaves that was killed outright goes with the next one, and what is still used stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from reprokit.launch.rooms import held, keep, sweep

RECORD = """
import os, signal, sys
from reprokit.verbs.record import record
if sys.argv[2:]:  # the recording alone: what it started goes on
    record([sys.executable, "-c", "import os, signal; os.kill(os.getppid(), signal.SIGKILL); input()"])
else:
    record([sys.executable, "-c", "pass"])
"""


@pytest.fixture
def rooms(tmp_path):
    """A directory for temporary files."""
    (tmp_path / "rooms").mkdir()
    return tmp_path / "rooms"


def recording(tmp_path, rooms, *killed):
    environment = {**os.environ, "TMPDIR": str(rooms), "REPROKIT_HOME": str(tmp_path / "home")}
    return subprocess.Popen(
        [sys.executable, "-c", RECORD, "record", *killed], cwd=tmp_path, env=environment, stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


@pytest.mark.slow
def test_what_a_killed_recording_left_goes_when_its_run_has_ended(tmp_path, rooms):
    killed = recording(tmp_path, rooms, "killed")
    try:
        assert killed.wait(120) == -signal.SIGKILL
        (left,) = rooms.iterdir()
        with recording(tmp_path, rooms) as other:
            other.stdin.close()
        assert other.returncode == 0
        assert list(rooms.iterdir()) == [left], "the run goes on, and writes its trace there"
        killed.stdin.close()  # the run ends
        for _ in range(100):
            with recording(tmp_path, rooms) as other:
                other.stdin.close()
            if not list(rooms.iterdir()):
                break
        assert list(rooms.iterdir()) == []
    finally:
        killed.stdin.close()


@pytest.mark.parametrize("kept", [False, True])
def test_a_recording_that_is_kept_is_not_swept(rooms, kept):
    """The message says where it is: the bundle could not be written."""
    room = rooms / "reprokit-record-abcdefgh"
    room.mkdir()
    with held(room):
        assert sweep(rooms, "reprokit-record-") == []
        if kept:
            keep(room)
    assert sweep(rooms, "reprokit-record-") == [room.name][kept:]
