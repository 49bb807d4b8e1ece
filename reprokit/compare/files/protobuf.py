"""The wire format of protocol buffers, read without generated code and without trusting a length.

Format: https://protobuf.dev/programming-guides/encoding/. A message is read by a table of its fields (`Message`): what
the table does not name stays content as raw bytes, so that an unknown field can differ but never vanish.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from reprokit.compare.files.unreadable import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_DEPTH = 100  # protobuf's own limit
_FIXED = {1: 8, 5: 4}


@dataclass(frozen=True)
class Field:
    """One field of a message.

    Attributes:
        name: its part of the path.
        type: ``int`` ``uint`` ``bool`` ``float`` ``double`` ``str`` ``bytes``, ``node`` for the number of a node, which
            may be another one in a file of the same content, or the name of a message.
        many: repeated.
        key: the number of the sub-field that names an entry of a repeated message: of a map, or of a list whose order
            is no content.
        nodes: a list of which each place is the number of a node.
        noise: it holds no content: where in a source file a node came from.
    """

    name: str
    type: str
    many: bool = False
    key: int = 0
    nodes: bool = False
    noise: bool = False


Message = dict[int, Field]
Wire = dict[int, list[tuple[int, Any]]]


def varint(data: memoryview, at: int) -> tuple[int, int]:
    """A number, and the place behind it.

    Raises:
        UnreadableError: it does not end.
    """
    value = shift = 0
    while shift < 70:
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
    raise UnreadableError("a number in its protocol buffers does not end")


def wire(data: memoryview) -> Iterator[tuple[int, int, Any]]:
    """The fields of a message: number, wire type, and an int or the bytes.

    Raises:
        UnreadableError: it is not a message.
    """
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        number, form = tag >> 3, tag & 7
        if form == 0:
            value, at = varint(data, at)
            yield number, form, value
            continue
        if form == 2:
            size, at = varint(data, at)
        elif form in _FIXED:
            size = _FIXED[form]
        else:
            raise UnreadableError("a field of its protocol buffers has an unknown type")
        if not number or size > len(data) - at:
            raise UnreadableError(
                f"a field of its protocol buffers claims {size} bytes, but there are {len(data) - at}"
            )
        yield number, form, data[at : at + size]
        at += size


def grouped(data: memoryview) -> Wire:
    """The fields of a message by number, each with its values in order."""
    found: Wire = {}
    for number, form, value in wire(data):
        found.setdefault(number, []).append((form, value))
    return found


def scalar(kind: str, form: int, value: Any) -> Any:  # noqa: PLR0911 - one case for each type
    """A value of a plain type.

    Raises:
        UnreadableError: the wire type is another's.
    """
    match kind, form:
        case "int", 0:
            return value - (1 << 64) if value >> 63 else value
        case "uint", 0:
            return value
        case "bool", 0:
            return value != 0
        case "float", 5:
            return struct.unpack("<f", value)[0]
        case "double", 1:
            return struct.unpack("<d", value)[0]
        case "str", 2:
            return bytes(value).decode("utf-8", "surrogateescape")
        case "bytes", 2:
            return bytes(value)
    raise UnreadableError(f"a field of its protocol buffers is no {kind}")


def numbers(kind: str, values: list[tuple[int, Any]]) -> np.ndarray[Any, Any]:
    """A repeated number, packed or not, as one array: int64, uint64, bool, float32 or float64.

    Raises:
        UnreadableError: the wire type is another's.
    """
    dtype = {"int": "int64", "uint": "uint64", "bool": "bool", "float": "float32", "double": "float64"}[kind]
    parts = []
    for form, value in values:
        if form != 2:
            parts.append(np.array([scalar(kind, form, value)], dtype))
        elif kind in {"float", "double"}:
            if len(value) % np.dtype(dtype).itemsize:
                raise UnreadableError("a list of numbers in its protocol buffers ends in the middle of one")
            parts.append(np.frombuffer(value, np.dtype(dtype).newbyteorder("<")).astype(dtype))
        else:
            parts.append(_packed(value).view(np.int64 if kind == "int" else np.uint64).astype(dtype))
    return np.concatenate(parts) if parts else np.empty(0, dtype)


def _packed(data: memoryview) -> np.ndarray[Any, Any]:
    """The numbers of a packed list, as uint64."""
    raw = np.frombuffer(data, np.uint8)
    if not raw.size or not (raw & 0x80).any():
        return raw.astype(np.uint64)
    found, at = [], 0
    while at < len(data):
        value, at = varint(data, at)
        found.append(value)
    return np.array(found, np.uint64)


def deeper(depth: int) -> int:
    """One level further down.

    Raises:
        UnreadableError: that is deeper than protocol buffers may nest.
    """
    if depth >= _MAX_DEPTH:
        raise UnreadableError("its protocol buffers are nested too deeply")
    return depth + 1
