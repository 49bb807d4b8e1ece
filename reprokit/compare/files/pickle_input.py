"""The arguments of pickle opcodes, taken from mapped bytes; every length is checked against what is left."""

from __future__ import annotations

import codecs
import functools
import struct
from typing import TYPE_CHECKING, Any

from reprokit.compare.files.source import part
from reprokit.compare.files.unreadable import UnreadableError

if TYPE_CHECKING:
    from reprokit.compare.files.source import Bytes

_struct = functools.cache(struct.Struct)
_WINDOW = 4096


class Input:
    """A place in mapped bytes.

    Attributes:
        data: all bytes.
        at: the place reached.
    """

    def __init__(self, data: Bytes, start: int = 0) -> None:
        self.data = data
        self.at = start
        self._view = data.data

    def byte(self) -> int:
        """The next byte, 0 to 255; IndexError behind the end."""
        value: int = self._view[self.at]
        self.at += 1
        return value

    def fixed(self, form: str) -> Any:
        """The next number of a `struct` format; `struct.error` behind the end."""
        found = _struct(form)
        value = found.unpack_from(self._view, self.at)[0]
        self.at += found.size
        return value

    def take(self, size: int) -> Bytes:
        """The next `size` bytes, as a slice that is not copied.

        Raises:
            UnreadableError: there are fewer.
        """
        found = part(self.data, self.at, size)
        self.at += size
        return found

    def text(self, size: int) -> str:
        """The next `size` bytes as UTF-8, lone surrogates allowed as in `pickle`."""
        if size > self.data.size - self.at:
            raise UnreadableError(f"its pickle claims a text of {size} bytes, but there are fewer")
        found = str(self._view[self.at : self.at + size], "utf-8", "surrogatepass")
        self.at += size
        return found

    def line(self) -> bytes:
        """The bytes up to the next newline, without it."""
        start, window = self.at, _WINDOW
        while start < self.data.size:
            found = bytes(self._view[start : start + window]).find(b"\n")
            if found >= 0:
                value = bytes(self._view[self.at : start + found])
                self.at = start + found + 1
                return value
            start, window = start + window, window * 2
        raise UnreadableError("its pickle ends in the middle of a line")

    def line_text(self) -> str:
        """The next line as UTF-8."""
        return self.line().decode()

    def quoted(self) -> str:
        """The next line as a Python 2 string literal."""
        literal = self.line()
        if len(literal) < 2 or literal[:1] != literal[-1:] or literal[:1] not in {b"'", b'"'}:
            raise ValueError("not a string literal")
        decoded: bytes = codecs.escape_decode(literal[1:-1])[0]
        return decoded.decode("latin1")

    def decimal(self, *, boolean: bool = False) -> int:
        """The next line as a decimal integer; ``00`` and ``01`` are booleans where `boolean` is set."""
        value = self.line()
        if boolean and value in {b"00", b"01"}:
            return value == b"01"
        # int() refuses more than 4300 digits by itself, since it takes quadratic time.
        return int(value.removesuffix(b"L"))

    def long(self, size: int) -> int:
        """The next `size` bytes as a two's complement little-endian integer."""
        return int.from_bytes(self.take(size).tobytes(), "little", signed=True)
