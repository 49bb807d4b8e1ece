"""Tensors over mapped bytes and over compressed members, read block by block."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from reprokit.compare.files.content import Tensor
from reprokit.compare.files.dtypes import dtype_name, storage_dtype
from reprokit.compare.files.source import part
from reprokit.compare.files.unreadable import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reprokit.compare.files.source import Bytes

Array = np.ndarray[Any, Any]

_MAX_AXES = 64


def checked_size(shape: tuple[int, ...], itemsize: int) -> int:
    """The bytes that a dense array takes.

    Raises:
        UnreadableError: the shape is not one.
    """
    if len(shape) > _MAX_AXES or any(type(n) is not int or not 0 <= n < 1 << 62 for n in shape):
        raise UnreadableError(f"{str(shape)[:60]} is not a shape")
    return math.prod(shape) * itemsize


def dense(
    data: Bytes, dtype: np.dtype[Any], shape: tuple[int, ...], *, fortran: bool = False, name: str = ""
) -> Tensor:
    """A tensor whose elements fill `data` exactly, in C or Fortran order.

    Args:
        data: the mapped bytes.
        dtype: how the elements are stored, byte order included.
        shape: the length along each axis.
        fortran: the first axis varies fastest.
        name: the element type, where NumPy has no type for it.

    Raises:
        UnreadableError: size and shape do not agree.
    """
    if not dtype.itemsize or checked_size(shape, dtype.itemsize) != data.size:
        raise UnreadableError(f"{data.size} bytes do not make an array of shape {str(shape)[:60]}")
    view = data.view(dtype) if data.size else np.empty(0, dtype)
    view = view.reshape(shape, order="F" if fortran else "C")
    return Tensor(name or dtype_name(dtype), shape, lambda count: _walk(view, count), int(data.size))


def strided(
    data: Bytes,
    name: str,
    *,
    offset: int,
    shape: tuple[int, ...],
    stride: tuple[int, ...],
    order: str = "<",
    change: Callable[[Array], Array] | None = None,
) -> Tensor:
    """A view into a storage, as PyTorch's tensors are.

    Args:
        data: the bytes of the storage.
        name: the element type.
        offset: the first element's place in the storage, in elements.
        shape: the length along each axis.
        stride: the step along each axis, in elements.
        order: ``<`` or ``>``, the byte order.
        change: applied to each block: a conjugation or a negation that PyTorch had put off.

    Raises:
        UnreadableError: the view leaves its storage.
    """
    stored = storage_dtype(name).newbyteorder("<" if order == "<" else ">")
    size = checked_size(shape, stored.itemsize)
    numbers = (offset, *stride)
    if len(stride) != len(shape) or any(type(n) is not int or not 0 <= n < 1 << 62 for n in numbers):
        raise UnreadableError("a tensor's strides do not fit its shape")
    if not size:
        return Tensor(name, shape, lambda _: iter(()), 0)
    last = offset + sum((n - 1) * step for n, step in zip(shape, stride, strict=True))
    base = part(data, offset * stored.itemsize, (last + 1 - offset) * stored.itemsize).view(stored)
    view = np.lib.stride_tricks.as_strided(base, shape, [s * stored.itemsize for s in stride], writeable=False)

    def blocks(count: int) -> Iterator[Array]:
        return (change(block) for block in _walk(view, count)) if change else _walk(view, count)

    return Tensor(name, shape, blocks, size)


def _walk(view: Array, count: int) -> Iterator[Array]:
    """Blocks of a view in C order; only what is not contiguous is copied, and only one block at a time."""
    line = view.reshape(-1) if view.flags.c_contiguous else view.flat
    for start in range(0, view.size, count):
        yield native(line[start : start + count])


def native(block: Array) -> Array:
    """The block in native byte order, and without the padding between fields that holds whatever was there."""
    if block.dtype.fields:
        from numpy.lib.recfunctions import repack_fields

        return block.astype(repack_fields(block.dtype, recurse=True).newbyteorder("="))
    return block.astype(block.dtype.newbyteorder("="), copy=False)


def streamed(read: Callable[[], Iterator[bytes]], dtype: np.dtype[Any], shape: tuple[int, ...]) -> Tensor:
    """A tensor whose elements come from a compressed member, in C order.

    Args:
        read: starts the member anew and yields its bytes from the first element on, in pieces of any length.
        dtype: how the elements are stored.
        shape: the length along each axis.
    """

    def blocks(count: int) -> Iterator[Array]:
        want = count * dtype.itemsize
        kept = bytearray()
        for piece in read():
            kept += piece
            while len(kept) >= want:
                yield native(np.frombuffer(bytes(kept[:want]), dtype))
                del kept[:want]
        if len(kept) % dtype.itemsize:
            raise UnreadableError("an array ends in the middle of an element")
        if kept:
            yield native(np.frombuffer(bytes(kept), dtype))

    return Tensor(dtype_name(dtype), shape, blocks, checked_size(shape, dtype.itemsize))
