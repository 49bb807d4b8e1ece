"""The kernel's inotify, through the C library; see inotify(7). It needs nothing but ctypes."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCESS = 0x1
MODIFY = 0x2
CLOSE_WRITE = 0x8
CLOSE_NOWRITE = 0x10
OPEN = 0x20
MOVED_FROM = 0x40
MOVED_TO = 0x80
CREATE = 0x100
DELETE = 0x200
OVERFLOW = 0x4000
IGNORED = 0x8000
ONLYDIR = 0x01000000
DONT_FOLLOW = 0x02000000
ISDIR = 0x40000000

_HEADER = struct.Struct("iIII")
_BUFFER = 1 << 20
_STRUCTURE = CREATE | DELETE | MOVED_FROM | MOVED_TO
_APART = MOVED_FROM | MOVED_TO | IGNORED | OVERFLOW | ISDIR


class Event(NamedTuple):
    """One event: the watch's number, what happened, the cookie that pairs two halves of a move, the name."""

    watch: int
    mask: int
    cookie: int
    name: bytes


class Inotify:
    """One inotify instance.

    Raises:
        OSError: not Linux, or no instance can be had (``max_user_instances``).
    """

    def __init__(self) -> None:
        if not sys.platform.startswith("linux"):
            raise OSError(errno.ENOSYS, "inotify is Linux's")
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._libc.inotify_add_watch.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_uint32)
        self._libc.inotify_rm_watch.argtypes = (ctypes.c_int, ctypes.c_int)
        self.descriptor: int = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.descriptor < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def add(self, path: str, mask: int) -> int:
        """Watches `path` and returns the watch's number; a second watch of one inode returns the first one's.

        Raises:
            OSError: ENOSPC when ``max_user_watches`` is used up; ENOENT, EACCES and so on.
        """
        watch = int(self._libc.inotify_add_watch(self.descriptor, os.fsencode(path), mask))
        if watch < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)
        return watch

    def remove(self, watch: int) -> None:
        """Ends a watch; one that has already ended is fine."""
        self._libc.inotify_rm_watch(self.descriptor, watch)

    def read(self) -> bytes:
        """Everything queued, up to 1 MiB; empty when nothing is."""
        try:
            return os.read(self.descriptor, _BUFFER)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        """Ends all watches."""
        os.close(self.descriptor)


def events(data: bytes, marks: dict[tuple[int, bytes], int]) -> Iterator[Event]:
    """Decodes a buffer: what merely happened to a file is added to `marks`, the rest comes out as events, in order.

    Reading a large file queues thousands of equal events. Collecting their masks under (watch, name), the name still
    padded with NULs, is what keeps pace with a busy run.
    """
    unpack, get, size = _HEADER.unpack_from, marks.get, _HEADER.size
    offset, end = 0, len(data)
    while offset < end:
        watch, mask, cookie, length = unpack(data, offset)
        start = offset + size
        offset = start + length
        if mask & _APART:
            if not mask & ISDIR or mask & _STRUCTURE:  # listing a directory opens and reads it
                yield Event(watch, mask, cookie, data[start:offset].rstrip(b"\0"))
        else:
            key = (watch, data[start:offset])
            marks[key] = get(key, 0) | mask
