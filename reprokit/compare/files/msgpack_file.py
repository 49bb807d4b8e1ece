"""MessagePack, with the extensions that flax uses for arrays: read without either library.

Formats: https://github.com/msgpack/msgpack/blob/master/spec.md and flax/serialization.py (`_MsgpackExtType`). The order
of keys and the width in which a number or a length is written are packing.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from reprokit.compare.files.arrays import dense
from reprokit.compare.files.content import Leaf, Paths, Scalar, Structure, key_part, scalar_of
from reprokit.compare.files.dtypes import storage_dtype
from reprokit.compare.files.protobuf_leaves import bytes_leaf
from reprokit.compare.files.registry import Comparator
from reprokit.compare.files.unreadable import UnreadableError

if TYPE_CHECKING:
    from reprokit.compare.files.content import Options
    from reprokit.compare.files.source import Source

_MAX_DEPTH = 256
_MAX_VALUES = 2_000_000
_NDARRAY, _COMPLEX, _SCALAR = 1, 2, 3
_NUMBERS = {
    0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q", 0xD0: ">b", 0xD1: ">h", 0xD2: ">i",
    0xD3: ">q",
}  # fmt: skip
_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}
# What a first byte announces, and in how many bytes the length follows.
_SIZED = {
    0xC4: ("bin", 1), 0xC5: ("bin", 2), 0xC6: ("bin", 4), 0xD9: ("str", 1), 0xDA: ("str", 2), 0xDB: ("str", 4),
    0xDC: ("array", 2), 0xDD: ("array", 4), 0xDE: ("map", 2), 0xDF: ("map", 4), 0xC7: ("ext", 1), 0xC8: ("ext", 2),
    0xC9: ("ext", 4),
}  # fmt: skip


class _Packed:
    """A place in packed bytes."""

    def __init__(self, data: memoryview) -> None:
        self.data = data
        self.at = 0
        self.values = 0

    def take(self, size: int) -> memoryview:
        if size > len(self.data) - self.at:
            raise UnreadableError(f"it claims {size} bytes at {self.at}, but there are {len(self.data) - self.at}")
        found = self.data[self.at : self.at + size]
        self.at += size
        return found

    def token(self) -> tuple[str, Any]:  # noqa: PLR0911 - one case for each kind
        """The next token: a plain ``value``; ``array`` or ``map`` and its length; ``ext`` with its code and bytes."""
        self.values += 1
        if self.values > _MAX_VALUES:
            raise UnreadableError("it has too many values")
        first = self.take(1)[0]
        if first <= 0x7F or first >= 0xE0:
            return "value", first if first <= 0x7F else first - 0x100
        if first <= 0x8F:
            return self._sized("map", first & 0x0F)
        if first <= 0x9F:
            return self._sized("array", first & 0x0F)
        if first <= 0xBF:
            return self._sized("str", first & 0x1F)
        if first in _CONSTANTS:
            return "value", _CONSTANTS[first]
        if first in _NUMBERS:
            form = _NUMBERS[first]
            [number] = struct.unpack(form, self.take(struct.calcsize(form)))
            return "value", _Single(number) if form == ">f" else number
        if 0xD4 <= first <= 0xD8:
            return self._sized("ext", 1 << (first - 0xD4))
        if first not in _SIZED:
            raise UnreadableError("it is not MessagePack")
        kind, width = _SIZED[first]
        return self._sized(kind, int.from_bytes(self.take(width), "big"))

    def _sized(self, kind: str, size: int) -> tuple[str, Any]:
        if kind == "str":
            return "value", bytes(self.take(size)).decode("utf-8", "surrogateescape")
        if kind == "bin":
            return "value", bytes(self.take(size))
        if kind == "ext":
            code = self.take(1)[0]
            return "ext", (code, self.take(size))
        if size > len(self.data) - self.at:
            raise UnreadableError(f"it claims {size} values, but there are fewer bytes")
        return kind, size


class _Single(float):
    """A number that was written in four bytes."""


def leaves_of_msgpack(data: memoryview) -> dict[str, Leaf]:
    """The leaves of one packed value.

    Raises:
        UnreadableError: it is not MessagePack, names a key twice, nests too deeply, or bytes follow it.
    """
    packed = _Packed(data)
    leaves: dict[str, Leaf] = {}
    paths = Paths()
    _add(packed, "", leaves, paths, 0)
    if packed.at != len(data):
        raise UnreadableError("bytes follow its value")
    return dict(sorted(leaves.items()))


def _add(packed: _Packed, path: str, leaves: dict[str, Leaf], paths: Paths, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise UnreadableError("it is nested too deeply")
    if path in leaves:
        raise UnreadableError("it names a key twice")
    kind, value = packed.token()
    if kind == "map":
        leaves[path] = Structure("map")
        for _ in range(value):
            _add(packed, paths.join(path, _key(packed)), leaves, paths, depth + 1)
    elif kind == "array":
        leaves[path] = Structure(f"array of {value}")
        for index in range(value):
            _add(packed, paths.join(path, str(index)), leaves, paths, depth + 1)
    else:
        leaves[path] = _extension(*value) if kind == "ext" else _plain(value)


def _key(packed: _Packed) -> str:
    kind, key = packed.token()
    if kind != "value":
        raise UnreadableError("a key in it is not a plain value")
    if isinstance(key, str):
        return key_part(key)
    leaf = _plain(key)
    return "<" + key_part(f"{leaf.type} {leaf.text}") + ">"


def _plain(value: Any) -> Scalar:
    if isinstance(value, bytes):
        return bytes_leaf(value)
    return Scalar("float32", scalar_of(float(value)).text) if isinstance(value, _Single) else scalar_of(value)


def _extension(code: int, data: memoryview) -> Leaf:
    """An array, a complex number or a scalar of flax; the bytes of anything else."""
    if code in {_NDARRAY, _SCALAR}:
        return _array(data)
    if code == _COMPLEX:
        inner = _Packed(data)
        parts = [inner.token() for _ in range(3)]
        if parts[0] == ("array", 2) and all(isinstance(value, float) for _, value in parts[1:]):
            return scalar_of(complex(parts[1][1], parts[2][1]))
        raise UnreadableError("a complex number in it is not one")
    return Scalar(f"extension {code}", bytes_leaf(bytes(data)).text)


def _array(data: memoryview) -> Leaf:
    """Flax's arrays: shape, name of the element type, elements in C order."""
    inner = _Packed(data)
    if inner.token() != ("array", 3):
        raise UnreadableError("an array in it is not one")
    kind, axes = inner.token()
    shape = tuple(inner.token()[1] for _ in range(axes)) if kind == "array" and axes <= 64 else (None,)
    name, elements = inner.token()[1], inner.token()[1]
    if not isinstance(elements, bytes) or inner.at != len(data):
        raise UnreadableError("an array in it is not one")
    text = name if isinstance(name, str) else name.decode("latin1") if isinstance(name, bytes) else ""
    return dense(np.frombuffer(elements, np.uint8), storage_dtype(text).newbyteorder("<"), shape, name=text)


def read_msgpack(source: Source, options: Options) -> dict[str, Leaf]:
    """Reads a file of one packed value; see `leaves_of_msgpack`."""
    del options
    return leaves_of_msgpack(source.data.data.toreadonly())


MSGPACK = Comparator("MessagePack", (".msgpack", ".mpk"), read_msgpack)
