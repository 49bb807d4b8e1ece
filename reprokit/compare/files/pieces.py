"""Pieces of one tensor, put together: they must cover it exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from reprokit.compare.files.arrays import checked_size
from reprokit.compare.files.content import Tensor
from reprokit.compare.files.unreadable import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

Array = np.ndarray[Any, Any]

_MAX_PIECES = 2048  # of a tensor that is split along several axes


@dataclass(frozen=True)
class Piece:
    """A part of a tensor, and where in it its first element stands."""

    offset: tuple[int, ...]
    tensor: Tensor


def put_together(name: str, shape: tuple[int, ...], pieces: list[Piece]) -> Tensor:
    """The tensor that its pieces make.

    Split along the first axis it is read piece after piece; split otherwise it is put together in memory when read.

    Raises:
        UnreadableError: they are of several types, overlap, or leave a hole.
    """
    pieces = sorted(pieces, key=lambda piece: piece.offset)
    dtypes = {piece.tensor.dtype for piece in pieces}
    fits = all(len(piece.offset) == len(piece.tensor.shape) == len(shape) for piece in pieces)
    volume = sum(math.prod(piece.tensor.shape) for piece in pieces)
    if len(dtypes) != 1 or not fits or volume != checked_size(shape, 1):
        raise UnreadableError(f"the pieces of tensor {name[:60]!r} do not make it up")
    for piece in pieces:
        ends = zip(piece.offset, piece.tensor.shape, shape, strict=True)
        if any(start < 0 or start + size > whole for start, size, whole in ends):
            raise UnreadableError(f"a piece of tensor {name[:60]!r} does not lie in it")
    if len(pieces) == 1:
        return pieces[0].tensor
    by_rows = all(piece.tensor.shape[1:] == shape[1:] for piece in pieces)
    if not by_rows or not _in_a_row(pieces):
        _check_apart(name, pieces)
    itemsize = next(piece.tensor.nbytes // size for piece in pieces if (size := math.prod(piece.tensor.shape)))
    walk = _rows if by_rows else _assembled
    return Tensor(next(iter(dtypes)), shape, lambda count: walk(shape, pieces, count), volume * itemsize)


def _in_a_row(pieces: list[Piece]) -> bool:
    at = 0
    for piece in pieces:
        if piece.offset[0] != at:
            return False
        at += piece.tensor.shape[0]
    return True


def _check_apart(name: str, pieces: list[Piece]) -> None:
    """Pieces of the right volume that do not overlap leave no hole."""
    if len(pieces) > _MAX_PIECES:
        raise UnreadableError(f"tensor {name[:60]!r} is in too many pieces")
    starts = np.array([piece.offset for piece in pieces], np.int64)
    ends = starts + np.array([piece.tensor.shape for piece in pieces], np.int64)
    for index in range(len(pieces) - 1):
        apart = (starts[index + 1 :] >= ends[index]) | (ends[index + 1 :] <= starts[index])
        if not apart.any(axis=1).all():
            raise UnreadableError(f"the pieces of tensor {name[:60]!r} overlap")


def _rows(shape: tuple[int, ...], pieces: list[Piece], count: int) -> Iterator[Array]:
    """The elements of pieces that follow each other, in blocks of `count` however the pieces are cut."""
    del shape
    kept: list[Array] = []
    have = 0
    for piece in pieces:
        for block in piece.tensor.blocks(count):
            kept.append(block)
            have += block.size
            if have >= count:
                whole = np.concatenate(kept)
                yield whole[:count]
                kept, have = [whole[count:]], have - count
    if have:
        yield np.concatenate(kept)


def _assembled(shape: tuple[int, ...], pieces: list[Piece], count: int) -> Iterator[Array]:
    whole: Array | None = None
    for piece in pieces:
        part = piece.tensor.array()
        if whole is None:
            whole = np.empty(shape, part.dtype)
        whole[tuple(slice(start, start + size) for start, size in zip(piece.offset, part.shape, strict=True))] = part
    if whole is not None:
        flat = whole.reshape(-1)
        yield from (flat[start : start + count] for start in range(0, flat.size, count))
