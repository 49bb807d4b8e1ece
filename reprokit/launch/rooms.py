"""The directories that replays and recordings work in, and those that were left by who was killed outright.

Whoever is killed cannot clean up. So each room holds a lock for as long as its process lives, and the next command
removes the rooms of this user that nobody holds any more. The kernel lets a lock go with the process, so an identifier
of a process that was given to another one misleads nobody (flock(2)).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from reprokit.capture.inherited import inherited

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCK = "room.lock"
_PROCESSES = Path("/proc")


@contextlib.contextmanager
def new_room(purpose: str) -> Iterator[Path]:
    """A new directory that is removed in the end; before, rooms for the same purpose that were left behind are.

    Args:
        purpose: a word in its name, such as ``replay``.
    """
    prefix = f"reprokit-{purpose}-"
    sweep(Path(tempfile.gettempdir()), prefix)
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as name, held(Path(name)):
        yield Path(name)


@contextlib.contextmanager
def held(directory: Path) -> Iterator[None]:
    """Holds the lock of a room."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # a file system without locks: then nobody ever sweeps this room
            lock = stack.enter_context((directory / f".{_LOCK}").open("w"))  # what runs in the room does not inherit it
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            Path(lock.name).rename(directory / _LOCK)  # nobody sees it before it is held
        yield


def keep(directory: Path) -> None:
    """Lets a room be where it is: nobody sweeps it any more."""
    with contextlib.suppress(OSError):
        (directory / _LOCK).unlink()


def sweep(directory: Path, prefix: str) -> list[str]:
    """Removes the rooms in a directory whose process is gone, and says which.

    Never one that somebody holds, one of another user, a link, or what has no lock in it: that was not made here. What
    cannot be removed stays, and hinders nobody.
    """
    removed = []
    pattern = re.compile(re.escape(prefix) + r"[a-z0-9_]{8}")  # as `tempfile` names them
    try:
        with os.scandir(directory) as entries:
            names = sorted(entry.name for entry in entries if pattern.fullmatch(entry.name))
    except OSError:
        return []
    for name in names:
        with contextlib.suppress(OSError):
            if _is_left(directory / name):
                removed.append(name)
    return removed


def _is_left(path: Path) -> bool:
    """Removes a room if nobody holds it; whether it did."""
    at = path.lstat()
    if not stat.S_ISDIR(at.st_mode) or at.st_uid != os.geteuid():
        return False
    lock = os.open(path / _LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        # Held while it is removed, so that of two who sweep, one does.
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        ours, there = os.fstat(lock), os.lstat(path / _LOCK)
        if ours.st_uid != at.st_uid or (ours.st_dev, ours.st_ino) != (there.st_dev, there.st_ino) or _is_used(path):
            return False
        shutil.rmtree(path, ignore_errors=True)
        return not path.exists()
    finally:
        os.close(lock)


def _is_used(path: Path) -> bool:
    """Whether a process that outlived who started it works in a room, has mounted a part of it or is told of it."""
    inside = os.fsencode(os.path.realpath(path)) + b"/"
    for process in _PROCESSES.iterdir():
        if process.name.isdigit():
            with contextlib.suppress(OSError):  # it ended, or is another user's
                if (os.fsencode(os.readlink(process / "cwd")) + b"/").startswith(inside):
                    return True
                if os.fsencode(path.name) in (process / "mountinfo").read_bytes() + inherited(process):
                    return True
    return False
