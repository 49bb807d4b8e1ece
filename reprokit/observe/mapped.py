"""A log of pairs of numbers in shared memory: a record costs two stores, not a system call, and survives a kill.

The pages belong to the file, so what was stored is there whatever becomes of the process. The space is reserved before
it is mapped: a full disk is an error at that moment and not a SIGBUS in the user's program. No descriptor stays open.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import struct

from reprokit.observe.sink import Sink

TYPE_CHECKING = False  # typing costs 8 ms at start
if TYPE_CHECKING:
    from typing import Any

_CHUNK = 256 << 10  # bytes, a multiple of every page size in use
_PAIR = 16
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
_FAILED = ctypes.c_void_p(-1).value


class PairLog:
    """Appends pairs (number > 0, value), float64 each, in the machine's byte order.

    Until `close` the file goes on with zeros, up to the end of its reserved space. Where files cannot be mapped, each
    pair is a write of its own.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._sink: Sink | None = None
        self._mapped = self._address = 0
        self._cells: Any = memoryview(b"")  # of doubles
        self._next = self._end = 0

    def append(self, number: int, value: float) -> None:
        """Appends one pair.

        Raises:
            OSError: the disk is full, or the recording's directory is gone.
        """
        at = self._next
        if at == self._end:
            if not self._grow():
                self._write(number, value)
                return
            at = 0
        cells = self._cells
        cells[at + 1] = value
        cells[at] = number  # last: it makes the pair valid
        self._next = at + 2

    def close(self) -> None:
        """Gives back what was reserved and not used. Nothing can be appended any more."""
        if self._sink is not None:
            self._sink.close()
        elif self._address:
            length = self._mapped - _CHUNK + self._next * 8
            self._unmap()
            with contextlib.suppress(OSError):  # the recording's directory is gone
                os.truncate(self.path, length)

    def _write(self, number: int, value: float) -> None:
        if self._sink is None:
            self._sink = Sink(self.path)
        self._sink.write(struct.pack("=dd", number, value))

    def _grow(self) -> bool:
        """Maps the file's next part; False where files cannot be mapped."""
        if self._sink is not None:
            return False
        try:
            fd = os.open(self.path, _FLAGS, 0o600)
            try:
                os.posix_fallocate(fd, self._mapped, _CHUNK)
                address = _map(fd, self._mapped)
            finally:
                os.close(fd)
        except (OSError, AttributeError):  # AttributeError: macOS has no posix_fallocate
            if self._mapped:
                raise
            with contextlib.suppress(OSError):
                os.truncate(self.path, 0)
            return False
        self._unmap()
        self._address = address
        self._mapped += _CHUNK
        self._cells = memoryview((ctypes.c_char * _CHUNK).from_address(address)).cast("B").cast("d")
        self._next, self._end = 0, _CHUNK // 8
        return True

    def _unmap(self) -> None:
        self._cells = memoryview(b"")
        self._next = self._end = 0
        if self._address:
            _libc().munmap(ctypes.c_void_p(self._address), ctypes.c_size_t(_CHUNK))
            self._address = 0


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _map(fd: int, offset: int) -> int:
    """The address of a shared mapping. Not by `mmap.mmap`: before Python 3.13 that keeps a descriptor open."""
    function = _libc().mmap
    function.restype = ctypes.c_void_p
    function.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    address = function(None, _CHUNK, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_SHARED, fd, offset)
    if address is None or address == _FAILED:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return int(address)
