"""Text files, compressed or not, a line at a time."""

from __future__ import annotations

import io
import lzma
import zlib
from typing import IO, TYPE_CHECKING, Any, cast

import zstandard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PIECE = 4096  # a block of zstd that says "the same byte again" is 30,000 times as long
_MOST = 1 << 20  # bytes that come of it at once, where the library can be told
ERRORS = (OSError, EOFError, UnicodeDecodeError, zlib.error, lzma.LZMAError, zstandard.ZstdError)
"""What reading a damaged file raises."""
LONGEST = 256 << 20
"""Characters of a line."""


class Streams(io.RawIOBase):
    """Compressed streams, one after the other, each to its end.

    The libraries' own readers pass over what comes after padding, or what is no stream, and a zstd file that was cut
    short: rows in it would be seen by other programs and not here.

    Args:
        raw: the file.
        new: makes a decompressor of one stream.
        padded: whether zeros may stand between streams, as xz allows.
    """

    def __init__(self, raw: IO[bytes], new: Callable[[], Any], *, padded: bool = False) -> None:
        self._raw, self._new, self._padded = raw, new, padded
        self._rest, self._held = b"", memoryview(b"")
        self._stream: Any = None

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Reads what fits.

        Raises:
            EOFError: the last stream has no end.
            OSError, LZMAError, ZstdError: it is damaged, or is followed by something else.
        """
        while not self._held:
            if self._stream is not None and not getattr(self._stream, "needs_input", True):
                self._take(b"")
                continue
            data, self._rest = self._rest or self._raw.read(_PIECE), b""
            if not data:
                if self._stream is not None:
                    raise EOFError("the compressed file ended before its end was reached")
                return 0
            if self._stream is None and self._padded and not (data := data.lstrip(b"\0")):
                continue
            self._stream = self._stream or self._new()
            self._take(data)
        count = min(len(buffer), len(self._held))
        buffer[:count], self._held = self._held[:count], self._held[count:]
        return count

    def _take(self, data: bytes) -> None:
        bounded = hasattr(self._stream, "needs_input")  # zstd's is not
        self._held = memoryview(self._stream.decompress(data, _MOST) if bounded else self._stream.decompress(data))
        if self._stream.eof:
            self._rest, self._stream = self._stream.unused_data, None

    def close(self) -> None:
        """Closes the file."""
        self._raw.close()
        super().close()


def open_text(full: str | IO[bytes], name: str = "") -> IO[str]:
    """Opens a file as UTF-8 with its line ends as they are; a byte order mark is passed over.

    Args:
        full: where it is; or its bytes.
        name: tells the compression; the path by default.
    """
    return io.TextIOWrapper(open_bytes(full, name or str(full)), encoding="utf-8-sig", newline="")


def lines_of(file: IO[str], longest: int = LONGEST) -> Iterator[str]:
    """The lines of a text. A file without line ends is one line, and may be larger than any memory.

    Raises:
        EOFError: one is longer than a limit, in characters.
    """
    while line := file.readline(longest + 1):
        if len(line) > longest:
            raise EOFError(f"a line is longer than {longest} characters")
        yield line


def open_bytes(full: str | IO[bytes], name: str) -> IO[bytes]:
    """Opens a file, and unpacks it as its name says."""
    return unpacked(full, name[name.rfind(".") :].lower())


def unpacked(full: str | IO[bytes], ending: str) -> IO[bytes]:
    """What a file holds whose compression has the usual ending; the file itself where the ending is none of these."""
    import bz2
    import gzip

    if ending == ".gz":
        return cast("IO[bytes]", gzip.open(full, "rb"))
    raw: IO[bytes] = open(full, "rb") if isinstance(full, str) else full  # noqa: SIM115 - whoever asks closes it
    match ending:
        case ".bz2":
            return io.BufferedReader(Streams(raw, bz2.BZ2Decompressor))
        case ".xz":
            return io.BufferedReader(Streams(raw, lzma.LZMADecompressor, padded=True))
        case ".zst":
            return io.BufferedReader(Streams(raw, lambda: zstandard.ZstdDecompressor().decompressobj()))
    return raw
