"""TensorFlow's tensors in protocol buffers: element types, shapes, and `TensorProto`.

Sources: tensorflow/core/framework/types.proto, tensor.proto and tensor_shape.proto.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from reprokit.compare.files.arrays import checked_size, dense
from reprokit.compare.files.content import Leaf, Structure
from reprokit.compare.files.dtypes import storage_dtype
from reprokit.compare.files.protobuf import Wire, grouped, numbers, scalar
from reprokit.compare.files.protobuf_leaves import array_leaf, bytes_leaf
from reprokit.compare.files.unreadable import UnreadableError

if TYPE_CHECKING:
    from reprokit.compare.files.protobuf_leaves import ProtobufLeaves
    from reprokit.compare.files.source import Bytes

DTYPES = {
    1: "float32", 2: "float64", 3: "int32", 4: "uint8", 5: "int16", 6: "int8", 8: "complex64", 9: "int64", 10: "bool",
    11: "qint8", 12: "quint8", 13: "qint32", 14: "bfloat16", 17: "uint16", 18: "complex128", 19: "float16",
    22: "uint32", 23: "uint64", 24: "float8_e5m2", 25: "float8_e4m3fn",
}  # fmt: skip
STRING = 7
# Field of the values, and how they are written, by element type.
_VALUES = {
    **dict.fromkeys((3, 4, 5, 6, 11, 12, 13, 17), (7, "int")),
    1: (5, "float"), 2: (6, "double"), 8: (9, "float"), 9: (10, "int"), 10: (11, "bool"), 18: (12, "double"),
    14: (13, "int"), 19: (13, "int"), 22: (16, "uint"), 23: (17, "uint"),
}  # fmt: skip
_KNOWN_FIELDS = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16, 17}
_MAX_REPEATED = 1 << 24


def shape_of(data: memoryview | None) -> tuple[int, ...]:
    """The shape that a ``TensorShapeProto`` gives.

    Raises:
        UnreadableError: a length is unknown.
    """
    lengths = []
    for form, dim in grouped(data if data is not None else memoryview(b"")).get(2, []):
        size = grouped(dim).get(1) if form == 2 else None
        lengths.append(scalar("int", *size[-1]) if size else 0)
    if any(length < 0 for length in lengths):
        raise UnreadableError("a tensor in it has no shape")
    return tuple(lengths)


def stored_tensor(data: Bytes, code: int, shape: tuple[int, ...], order: str = "<") -> Leaf:
    """A tensor whose elements stand one after the other in `data`.

    Raises:
        UnreadableError: type, shape and size do not agree.
    """
    if code not in DTYPES:
        raise UnreadableError(f"a tensor in it has the unknown type {code}")
    name = DTYPES[code]
    stored = storage_dtype(name).newbyteorder("<" if order == "<" else ">")
    return dense(data, stored, shape, name=name)


def tensor_leaves(path: str, data: memoryview, into: ProtobufLeaves) -> dict[str, Leaf]:
    """The leaves of a ``TensorProto``: one array, or for texts one leaf each."""
    fields = grouped(data)
    [(_, code)] = fields.get(1, [(0, 0)])[-1:]
    shape = shape_of(fields[2][-1][1] if 2 in fields else None)
    if code == STRING and not fields.keys() - {1, 2, 3, 8}:
        return text_leaves(path, [bytes(value) for _, value in fields.get(8, [])], shape, into)
    if code not in DTYPES or fields.keys() - _KNOWN_FIELDS:
        return {path: bytes_leaf(bytes(data))}
    if 4 in fields:
        return {path: stored_tensor(np.frombuffer(fields[4][-1][1], np.uint8), code, shape)}
    return {path: _listed(fields, code, shape)}


def _listed(fields: Wire, code: int, shape: tuple[int, ...]) -> Leaf:
    """A tensor whose elements are listed; the last one stands for all that follow it."""
    name = DTYPES[code]
    number, kind = _VALUES.get(code, (0, "int"))
    values: np.ndarray[Any, Any] = numbers(kind, fields.get(number, []))
    if name.startswith("complex"):
        values = values.view(name) if values.size % 2 == 0 else values
    count = checked_size(shape, 1)
    if count > _MAX_REPEATED or values.size > count:
        raise UnreadableError("a tensor in it claims other elements than its shape")
    stored = values.astype(storage_dtype("uint16" if name in {"float16", "bfloat16"} else name), copy=False)
    missing = count - stored.size
    if missing:
        last = stored[-1:] if stored.size else np.zeros(1, stored.dtype)
        stored = np.concatenate([stored, np.repeat(last, missing)])
    data = np.ascontiguousarray(stored).view(np.uint8)
    return dense(data, storage_dtype(name), shape, name=name) if count else array_leaf(stored.reshape(shape))


def text_leaves(path: str, texts: list[bytes], shape: tuple[int, ...], into: ProtobufLeaves) -> dict[str, Leaf]:
    """The leaves of a tensor of texts.

    Raises:
        UnreadableError: there are more texts than elements.
    """
    count = math.prod(shape)
    if len(texts) > count or 1 < len(texts) < count:
        raise UnreadableError("a tensor of texts claims other elements than its shape")
    if not shape and len(texts) == 1:
        return {path: bytes_leaf(texts[0])}
    leaves: dict[str, Leaf] = {path: Structure(f"texts{list(shape)}")}
    for index, text in enumerate(texts):
        leaves[into.paths.join(path, str(index))] = bytes_leaf(text)
    return leaves
