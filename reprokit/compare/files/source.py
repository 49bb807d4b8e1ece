"""A file's bytes, mapped into memory, with an outer compression taken off.

Every reader works on one mapped array of bytes: slices of it cost nothing, offsets are checked once, here, and no
length claimed by a file is ever allocated before it is known to be there.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import mmap
import stat
import tempfile
import zlib
from dataclasses import dataclass
from importlib import import_module
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from reprokit.compare.files.limits import Budget
from reprokit.compare.files.unreadable import UnreadableError
from reprokit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Bytes = np.ndarray[Any, np.dtype[np.uint8]]

HEAD = 512  # bytes that show the packing: a zlib stream's first table is long
_CHUNK = 1 << 20
_SUFFIXES = (".gz", ".bz2", ".xz", ".lzma", ".zst", ".lz4", ".z")


@dataclass(frozen=True)
class Source:
    """The bytes of one file.

    Attributes:
        name: the file's name without the suffix of an outer compression.
        data: all bytes, as a mapped uint8 array.
        budget: what reading it may still expand to.
        packed: the outer compression that was taken off, or empty.
        path: the file of exactly these bytes, if there is one with a name.
    """

    name: str
    data: Bytes
    budget: Budget
    packed: str = ""
    path: Path | None = None

    @property
    def size(self) -> int:
        """The number of bytes."""
        return int(self.data.size)

    def part(self, start: int, size: int) -> Bytes:
        """A slice, checked against the bounds.

        Raises:
            UnreadableError: the slice is not inside the file.
        """
        return part(self.data, start, size)

    def head(self, size: int, start: int = 0) -> bytes:
        """At most `size` bytes from `start`, as bytes."""
        return self.data[start : start + size].tobytes()

    def stream(self) -> io.BufferedReader:
        """The bytes as a binary file."""
        return io.BufferedReader(_Window(self.data), _CHUNK)


class _Window(io.RawIOBase):
    """A seekable file over mapped bytes, since `io.BytesIO` would copy them."""

    def __init__(self, data: Bytes) -> None:
        super().__init__()
        self._data = data
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = (0, self._at, self._data.size)[whence]
        self._at = max(0, int(base + offset))
        return self._at

    def readinto(self, buffer: Any) -> int:
        piece = self._data[self._at : self._at + len(buffer)]
        buffer[: piece.size] = piece.data
        self._at += int(piece.size)
        return int(piece.size)


def part(data: Bytes, start: int, size: int) -> Bytes:
    """A slice of mapped bytes, checked against the bounds.

    Raises:
        UnreadableError: the slice is not inside `data`.
    """
    if start < 0 or size < 0 or start + size > data.size:
        raise UnreadableError(f"it claims {size} bytes at {start}, but there are {data.size}")
    return data[start : start + size]


def open_file(path: Path) -> Bytes:
    """Maps a regular file.

    Raises:
        UsageError: RPK003, it does not exist, is not a regular file or cannot be read.
    """
    try:
        # A FIFO would block on open, and a device has no end.
        if not stat.S_ISREG(path.stat().st_mode):
            raise UsageError("RPK003", f"{path} is not a regular file")
        with path.open("rb", buffering=0) as file:
            return mapped(file)
    except OSError as error:
        raise UsageError("RPK003", f"cannot read {path}: {error.strerror or error}") from error


def mapped(file: IO[bytes] | io.FileIO) -> Bytes:
    """All bytes of an open file; they stay when it is closed."""
    try:
        return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
    except ValueError:  # an empty file cannot be mapped
        return np.empty(0, np.uint8)


def unpack(name: str, data: Bytes, path: Path | None = None) -> Source:
    """Takes an outer compression off, if there is one.

    gzip and the like are recognised by their first bytes, whatever the name. What is inside goes to an unlinked
    temporary file that is mapped in turn.

    Raises:
        UnreadableError: the compressed data are damaged, or expand beyond the budget.
    """
    budget = Budget(int(data.size))
    found = packing(data[:HEAD].tobytes())
    if found is None:
        return Source(name, data, budget, path=path)
    method, opener = found
    stem = name[: name.rindex(".")] if name.lower().endswith(_SUFFIXES) else name
    try:
        with tempfile.TemporaryFile() as spool:
            with opener(io.BufferedReader(_Window(data), _CHUNK)) as stream:
                while chunk := stream.read(_CHUNK):
                    budget.spend(len(chunk))
                    spool.write(chunk)
            spool.flush()
            return Source(stem, mapped(spool), Budget(int(data.size)), method)
    except (OSError, EOFError, ValueError, RuntimeError, zlib.error, lzma.LZMAError) as error:
        raise UnreadableError(f"its {method} data are damaged: {error}") from error


def packing(head: bytes) -> tuple[str, Callable[[IO[bytes]], Any]] | None:
    """The outer compression that a file's first bytes show, and how to open it; None if there is none."""
    for magic, found in _MAGICS.items():
        if head.startswith(magic):
            return found
    # zlib has no magic: a two-byte check (RFC 1950) that one text in a thousand passes, so what is inside must
    # be a pickle, the only thing that is stored so (joblib).
    if len(head) > 4 and head[0] == 0x78 and int.from_bytes(head[:2], "big") % 31 == 0:
        try:
            first = zlib.decompressobj().decompress(head, 2)
        except zlib.error:
            return None
        if first[:1] == b"\x80":
            return "zlib", _Inflated
    return None


def _zstd(stream: IO[bytes]) -> Any:
    import zstandard

    try:
        return zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(stream, read_across_frames=True)
    except zstandard.ZstdError as error:
        raise UnreadableError(f"its zstd data are damaged: {error}") from error


def _lz4(stream: IO[bytes]) -> Any:
    try:
        lz4 = import_module("lz4.frame")
    except ImportError as error:
        raise UnreadableError("the package lz4 is not installed") from error
    return lz4.LZ4FrameFile(stream)


class _Inflated(io.RawIOBase):
    """A zlib stream as a file; bounded output for every read."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__()
        self._stream = stream
        self._inflate = zlib.decompressobj()

    def read(self, size: int = -1) -> bytes:
        wanted = _CHUNK if size < 0 else size
        while not self._inflate.eof:
            fed = self._inflate.unconsumed_tail or self._stream.read(_CHUNK)
            piece = self._inflate.decompress(fed, wanted)
            if piece:
                return piece
            if not fed and not self._inflate.eof:
                raise EOFError("the stream ends early")
        return b""


_MAGICS: dict[bytes, tuple[str, Callable[[IO[bytes]], Any]]] = {
    b"\x1f\x8b": ("gzip", lambda stream: gzip.GzipFile(fileobj=stream)),
    b"BZh": ("bzip2", bz2.BZ2File),
    b"\xfd7zXZ\x00": ("xz", lzma.LZMAFile),
    b"\x5d\x00\x00": ("lzma", lzma.LZMAFile),
    b"\x28\xb5\x2f\xfd": ("zstd", _zstd),
    b"\x04\x22\x4d\x18": ("lz4", _lz4),
}
