"""Reads one file and digests it, and says whether it stayed the same meanwhile. Also a program that does so.

Small files cost more in the interpreter than in the digest, and threads share the interpreter; so many of them are read
by a few processes. Such a process runs this file by its path and imports the standard library only.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import stat
import sys
import threading
from typing import NamedTuple

_PIECE = 1 << 20
_HELD = threading.local()

State = tuple[int, int, int, int, int]
"""Device, inode, size, times of the content and of the inode in nanoseconds."""


class NotRead(NamedTuple):
    """Why a file has no digest: one of the two."""

    unreadable: str = ""
    changed: str = ""


def state_tuple(found: os.stat_result) -> State:
    """Of what `stat` said; inodes beyond 63 bits are folded, since SQLite has no others."""
    inode = found.st_ino if found.st_ino < 1 << 63 else found.st_ino - (1 << 64)
    return found.st_dev, inode, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def read_file(path: str | bytes, expected: State) -> str | NotRead:
    """Digests a file, if it is still the one that was found.

    Args:
        path: of the file.
        expected: its state when it was found.

    Returns:
        ``sha256:HEX``, or why there is no digest.
    """
    try:
        # NONBLOCK: a named pipe may stand there by now, and opening it would wait for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        return NotRead(unreadable=error.strerror or str(error))
    try:
        digest, count = _digest(descriptor, expected[2])
        after = os.fstat(descriptor)  # compared with the state that the walk saw, before it was opened
    except OSError as error:
        after = os.fstat(descriptor)
        if not stat.S_ISREG(after.st_mode):
            return NotRead(changed=difference(expected, after))
        return NotRead(unreadable=error.strerror or str(error))
    finally:
        os.close(descriptor)
    if count != expected[2] or state_tuple(after) != expected or not stat.S_ISREG(after.st_mode):
        return NotRead(changed=difference(expected, after))
    return "sha256:" + digest


def _digest(descriptor: int, size: int) -> tuple[str, int]:
    if size < 1 << 16:
        data = os.read(descriptor, size + 1)
        if len(data) == size:
            return hashlib.sha256(data).hexdigest(), size
        os.lseek(descriptor, 0, os.SEEK_SET)  # a short read, as network file systems have them
    if not hasattr(_HELD, "buffer"):
        _HELD.buffer = memoryview(bytearray(_PIECE))
    state, count = hashlib.sha256(), 0
    while read := os.readv(descriptor, [_HELD.buffer]):
        state.update(_HELD.buffer[:read])
        count += read
        if count > size:
            break
    return state.hexdigest(), count


def difference(before: State, after: os.stat_result) -> str:
    """How a file is another one than it was."""
    if not stat.S_ISREG(after.st_mode):
        return "is no file any more"
    if after.st_size != before[2]:
        return f"had {before[2]} bytes, then {after.st_size}"
    if state_tuple(after)[:2] != tuple(before[:2]):
        return "was replaced by another file"
    return "was written to"


def _serve() -> None:
    """Answers lists of paths and states, each preceded by its length, until there are no more."""
    source, target = sys.stdin.buffer, sys.stdout.buffer
    while head := source.read(8):
        files = marshal.loads(source.read(int.from_bytes(head, "little")))  # noqa: S302 - from the parent alone
        # A tuple of another type than `tuple` itself cannot be marshalled.
        found = [read_file(path, state) for path, state in files]
        answer = marshal.dumps([read if type(read) is str else tuple(read) for read in found])
        target.write(len(answer).to_bytes(8, "little") + answer)
        target.flush()


if __name__ == "__main__":
    _serve()
