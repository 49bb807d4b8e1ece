"""Leaves over arrays that lie in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from reprokit.compare.files.arrays import native
from reprokit.compare.files.content import Tensor
from reprokit.compare.files.dtypes import dtype_name, storage_dtype
from reprokit.compare.values.node import unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

Array = np.ndarray[Any, Any]

_X87_BYTES = 10


def array_leaf(array: Array, name: str = "") -> Tensor:
    """A leaf over an array, which is read when the leaf is: a later change of the array changes it.

    Args:
        array: any shape and layout, of elements that are no Python objects.
        name: the element type, where NumPy has none for it; `array` is then in its storage type.

    Raises:
        UnknownValueError: RPK071, the elements are objects.
    """
    if array.dtype.hasobject:
        raise unreadable("a structured array", "it has a field of Python objects", "Check its fields one by one.")
    plain = np.asarray(array)
    clear = plain.dtype.kind in "fc" and np.finfo(plain.dtype).nmant == 63

    def blocks(count: int) -> Iterator[Array]:
        line = np.ascontiguousarray(plain).reshape(-1)
        for start in range(0, line.size, count):
            block = native(line[start : start + count])
            yield without_padding(block) if clear else block

    return Tensor(name or dtype_name(plain.dtype), tuple(plain.shape), blocks, int(plain.nbytes))


def without_padding(block: Array) -> Array:
    """x87 long doubles with the six bytes behind each number zeroed: they hold whatever was there before."""
    width = block.dtype.itemsize // (2 if block.dtype.kind == "c" else 1)
    bits = np.array(block).view(np.uint8).reshape(-1, width)
    bits[:, _X87_BYTES:] = 0
    return bits.reshape(-1).view(block.dtype)


def bits_leaf(raw: Array, name: str, shape: tuple[int, ...]) -> Tensor:
    """A leaf over the bytes of an array whose type NumPy does not know.

    Args:
        raw: 1-D, uint8, in C order.
        name: the element type; see `storage_dtype`.
        shape: the length along each axis.
    """
    return array_leaf(raw.view(storage_dtype(name)).reshape(shape), name)
