"""Sets of rows too large for memory: what they are, whether they are the same, and what two of them share.

A row becomes 16 bytes, blake2b-128 over its columns by name and its values with their types. Where rows are looked for
in other files, they are compared by their values (`value_digests`): a null is a column that is not there, and 1.0 is 1,
since files that are cut in another way, or written by another program, say the same thing differently. These digests go
into 256 buckets by their first byte. Buckets are kept in memory until they are many and then in a temporary directory,
and are looked at one after the other: memory is bounded by the largest bucket, which holds about one row in 256.
"""

from __future__ import annotations

import datetime as dt
import decimal
import hashlib
import os
import re
import struct
import tempfile
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import TracebackType

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_DIGITS = 400
_BUCKETS = 256
_RECORD = [("digest", "S16"), ("row", "<u8")]
IN_MEMORY = 64 << 20
"""Bytes of digests that are held before they go to disk."""
ROWS = "sha256-rows-any-order"
"""The digest of a set of rows with repetitions."""
VALUES = "sha256-row-values-any-order"
"""The same, of rows that are compared by their values."""
ORDERED = "sha256-rows-in-order"


def row_digests(columns: Mapping[str, Sequence[Any]]) -> Iterator[bytes]:
    """16 bytes for each row; the order of the columns does not matter, their names and the values' types do."""
    names = sorted(columns)
    start = hashlib.blake2b(_encoded(names), digest_size=16)
    for values in zip(*(columns[name] for name in names), strict=True):
        state = start.copy()
        state.update(b"".join(map(_encoded, values)))
        yield state.digest()


def value_digests(columns: Mapping[str, Sequence[Any]], *, texts: bool = False) -> Iterator[bytes]:
    """16 bytes for each row by its values: nulls do not count, and 1.0 is 1. The texts are those of CSV files."""
    plain = _plain_text if texts else _plain
    named = [(_encoded(name), columns[name]) for name in sorted(columns)]
    for at in range(len(next(iter(columns.values()), ()))):
        state = hashlib.blake2b(b"values", digest_size=16)
        for name, values in named:
            if (value := values[at]) is not None and (value := plain(value)) is not None:
                state.update(name)
                if type(value) is memoryview:  # as `_encoded` has it, but for the copy of what may be a large file
                    state.update(_head(b"y", value.nbytes))
                    state.update(value)
                else:
                    state.update(_encoded(value))
        yield state.digest()


def _plain(value: Any) -> Any:
    """A value without what its file's format made of it."""
    kind = type(value)
    if kind is float:
        return int(value) if value.is_integer() else value
    if kind is dict:
        return {key: _plain(held) for key, held in value.items() if held is not None}
    if kind is list or kind is tuple:
        return [_plain(held) for held in value]
    return _plain_decimal(value) if kind is decimal.Decimal else value


def _plain_decimal(value: decimal.Decimal) -> Any:
    """As the whole number or the double that is written so; else without the zeros at its end."""
    if not value.is_finite():
        return float(str(value)) if not value.is_snan() else value
    if abs(value.adjusted()) > _DIGITS:
        return value
    if value == value.to_integral_value():
        return int(value)
    double = float(value)
    return double if decimal.Decimal(repr(double)) == value else decimal.Decimal(f"{value:f}".rstrip("0"))


def _plain_text(text: str) -> str | None:
    """A text of a CSV file: nothing is a null, and a number with a point or an exponent may be written in many ways."""
    if "." not in text and "e" not in text and "E" not in text:
        return text or None
    if len(text) > _DIGITS or not _NUMBER.fullmatch(text):
        return text
    number = _plain_decimal(decimal.Decimal(text))
    return str(number) if not isinstance(number, float) else repr(number)


def _encoded(value: Any) -> bytes:
    encoder = _ENCODERS.get(type(value))
    return encoder(value) if encoder is not None else _other(value)


def _sized(tag: bytes, data: bytes) -> bytes:
    return _head(tag, len(data)) + data


def _head(tag: bytes, size: int) -> bytes:
    return tag + size.to_bytes(8, "little")


def _float(value: float) -> bytes:
    return b"nan" if value != value else b"f" + struct.pack("<d", value)  # noqa: PLR0124 - all NaNs are one value


def _list(value: Sequence[Any]) -> bytes:
    return _sized(b"l", b"".join(map(_encoded, value)))


def _dict(value: dict[Any, Any]) -> bytes:
    pairs = sorted((_encoded(key), _encoded(held)) for key, held in value.items())
    return _sized(b"d", b"".join(part for pair in pairs for part in pair))


def _other(value: Any) -> bytes:
    """Dates, decimals and the like: by their type's name and their text, which is exact for all of them.

    A time with a zone is one moment, whatever zone the reader shows it in.
    """
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        value = value.astimezone(dt.UTC)
    return _sized(b"o", f"{type(value).__name__}:{value}".encode("utf-8", "surrogatepass"))


_ENCODERS: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda _value: b"n",
    bool: lambda value: b"b1" if value else b"b0",
    int: lambda value: _sized(b"i", b"%d" % value),
    float: _float,
    str: lambda value: _sized(b"s", value.encode("utf-8", "surrogatepass")),
    bytes: lambda value: _sized(b"y", value),
    memoryview: lambda value: _sized(b"y", bytes(value)),
    list: _list,
    tuple: _list,
    dict: _dict,
}


class RowSet:
    """A set of rows with repetitions; use it in a ``with`` statement.

    Args:
        in_memory: bytes that are held before they go to disk.
        name: of its digest.
    """

    def __init__(self, in_memory: int = IN_MEMORY, name: str = ROWS) -> None:
        self.count, self.name = 0, name
        self._held = [bytearray() for _ in range(_BUCKETS)]
        self._size, self._limit = 0, in_memory
        self._directory: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._directory is not None:
            self._directory.cleanup()
        self._held = [bytearray() for _ in range(_BUCKETS)]

    def add(self, digest: bytes) -> None:
        """Adds the next row."""
        self._held[digest[0]] += digest + self.count.to_bytes(8, "little")
        self.count += 1
        self._size += 24
        if self._size >= self._limit:
            self._spill()

    def _spill(self) -> None:
        if self._directory is None:
            self._directory = tempfile.TemporaryDirectory(prefix="reprokit-rows-")
        for number, held in enumerate(self._held):
            if held:
                with open(os.path.join(self._directory.name, str(number)), "ab") as file:
                    file.write(held)
                held.clear()
        self._size = 0

    def _bucket(self, number: int) -> Any:
        import numpy as np

        data = bytes(self._held[number])
        if self._directory is not None:
            path = os.path.join(self._directory.name, str(number))
            if os.path.exists(path):
                with open(path, "rb") as file:
                    data = file.read() + data
        found = np.frombuffer(data, np.dtype(_RECORD))
        return found[np.argsort(found["digest"], kind="stable")]

    def digest(self) -> str:
        """``NAME:HEX``: the same for the same rows, in whatever order, file or batch they came."""
        state = hashlib.sha256()
        for number in range(_BUCKETS):
            state.update(self._bucket(number)["digest"].tobytes())
        return f"{self.name}:{state.hexdigest()}"

    def duplicates(self) -> int:
        """Rows that repeat an earlier one."""
        import numpy as np

        different = 0
        for number in range(_BUCKETS):
            different += len(np.unique(self._bucket(number)["digest"]))
        return self.count - different

    def shared(self, other: RowSet, examples: int = 5) -> tuple[int, list[tuple[int, int]]]:
        """How many different rows stand in both, and the numbers of some of them here and there."""
        import numpy as np

        count = 0
        pairs: list[tuple[int, int]] = []
        for number in range(_BUCKETS):
            here, there = self._bucket(number), other._bucket(number)
            common, first, second = np.intersect1d(here["digest"], there["digest"], return_indices=True)
            count += len(common)
            rows = zip(here["row"][first], there["row"][second], strict=True)
            pairs += [(int(a), int(b)) for a, b in rows] if len(pairs) < examples else []
        return count, sorted(pairs)[:examples]


class RowOrder:
    """The digest of rows in their order: ``sha256-rows-in-order:HEX``."""

    def __init__(self) -> None:
        self.count = 0
        self._state = hashlib.sha256()

    def add(self, digest: bytes) -> None:
        """Adds the next row."""
        self._state.update(digest)
        self.count += 1

    def digest(self) -> str:
        """Of what was added."""
        return f"{ORDERED}:{self._state.hexdigest()}"
