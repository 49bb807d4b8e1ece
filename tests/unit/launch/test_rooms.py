"""Rooms of replays that were killed are removed by the next one, and no others."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from reprokit.launch.rooms import new_room, sweep

HOLD = """
import subprocess, sys, time
from reprokit.launch.rooms import new_room
with new_room("test") as room:
    (room / "tree").mkdir()
    (room / "tree" / "data").write_text("x")
    command = [sys.executable, "-c", "input()"]
    child = subprocess.Popen(command, stdin=sys.stdin, cwd=room / "tree").pid if sys.argv[1:] else 0
    print(room, child, flush=True)
    time.sleep(600)
"""
PREFIX = "reprokit-test-"


@pytest.fixture(autouse=True)
def _own_directory(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield
    tempfile.tempdir = None


def holder(*arguments):
    """A process that holds a room, the room, and the process that it started."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, *arguments], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    )
    path, child = process.stdout.readline().rsplit(" ", 1)
    return process, Path(path), int(child)


def end(process):
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_room_is_removed_once_its_process_is_gone_and_not_before(tmp_path):
    process, path, _ = holder()
    with new_room("test") as own:
        assert path.is_dir()
        assert sweep(tmp_path, PREFIX) == [], "neither another's nor one's own, while they are held"
        end(process)
        process.stdin.close()
        assert path.is_dir(), "who is killed cannot clean up"
        assert sweep(tmp_path, "reprokit-other-") == []
        assert sweep(tmp_path, PREFIX) == [path.name]
        assert own.is_dir()
    assert list(tmp_path.iterdir()) == []


def test_a_room_in_which_an_orphan_still_works_stays(tmp_path):
    process, path, child = holder("with a child")
    end(process)
    assert sweep(tmp_path, PREFIX) == []
    assert (path / "tree/data").exists()
    process.stdin.close()  # the child ends, perhaps before it can be killed
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    while Path(f"/proc/{child}/cwd").exists() and not sweep(tmp_path, PREFIX):
        pass
    sweep(tmp_path, PREFIX)
    assert not path.exists()


def test_what_was_not_made_here_stays(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/room.lock").write_text("")
    names = ["reprokit-test-nolock00", "reprokit-test-linkdir0", "reprokit-test-linklock", "reprokit-test-Other_name"]
    (tmp_path / names[0]).mkdir()
    (tmp_path / names[1]).symlink_to(tmp_path / "elsewhere")
    (tmp_path / names[2]).mkdir()
    (tmp_path / names[2] / "room.lock").symlink_to(tmp_path / "elsewhere/room.lock")
    (tmp_path / names[3]).mkdir()
    (tmp_path / names[3] / "room.lock").write_text("")
    assert sweep(tmp_path, PREFIX) == []
    assert sweep(tmp_path / "nowhere", PREFIX) == []
    assert {path.name for path in tmp_path.iterdir()} == {*names, "elsewhere"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_another_users_room_stays(tmp_path):
    theirs, mixed, ours = (tmp_path / f"{PREFIX}{name}" for name in ("theirs00", "mixed000", "ours0000"))
    for path in (theirs, mixed, ours):
        path.mkdir()
        (path / "room.lock").write_text("")
    os.chown(theirs, 12345, 12345)
    os.chown(mixed / "room.lock", 12345, 12345)
    assert sweep(tmp_path, PREFIX) == [ours.name]
