"""How two arrays of the same type and shape differ: where first, in how many elements, and how far."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from reprokit.compare.files.content import Difference, shown
from reprokit.compare.files.dtypes import (
    as_double,
    components,
    element_text,
    is_float,
    largest_gap,
    largest_step,
)
from reprokit.compare.files.unreadable import UnreadableError

if TYPE_CHECKING:
    from reprokit.compare.files.content import Tensor

Array = np.ndarray[Any, Any]

_BLOCK_BYTES = 8 << 20


@dataclass
class _Tally:
    """What the blocks seen so far have shown."""

    name: str
    seen: int = 0
    unequal: int = 0
    first: int = -1
    a: str = ""
    b: str = ""
    max_abs: float | None = None
    max_ulp: int | None = None
    nan_on_one_side: int = 0

    def add(self, a: Array, b: Array) -> None:
        """Adds two blocks of equal length."""
        unequal = _unequal(a, b)
        count = int(np.count_nonzero(unequal))
        if count:
            if self.first < 0:
                at = int(unequal.argmax())
                self.first = self.seen + at
                self.a = shown(element_text(self.name, a[at : at + 1]))
                self.b = shown(element_text(self.name, b[at : at + 1]))
            self.unequal += count
            self._measure(a[unequal], b[unequal])
        self.seen += int(a.size)

    def _measure(self, a: Array, b: Array) -> None:
        """How far apart the unequal elements are."""
        if a.dtype.fields or a.dtype.kind not in "biufc":
            return
        name, left = components(self.name, a)
        right = components(self.name, b)[1]
        gap = largest_gap(name, left, right)
        if gap is not None:
            self.max_abs = gap if self.max_abs is None else max(self.max_abs, gap)
        if not is_float(name):
            return
        nan_left, nan_right = np.isnan(as_double(name, left)), np.isnan(as_double(name, right))  # type: ignore[arg-type]
        self.nan_on_one_side += int(np.count_nonzero(nan_left ^ nan_right))
        both = ~(nan_left | nan_right)
        if both.any():
            step = largest_step(name, left[both], right[both])
            self.max_ulp = step if self.max_ulp is None else max(self.max_ulp, step)


def _unequal(a: Array, b: Array) -> Array:
    """Which elements differ in any bit: 1-D, bool."""
    size = a.dtype.itemsize
    if size in {1, 2, 4, 8}:
        bits = f"u{size}"
        result: Array = a.view(bits) != b.view(bits)
        return result
    left = np.ascontiguousarray(a).view(np.uint8).reshape(-1, size)
    right = np.ascontiguousarray(b).view(np.uint8).reshape(-1, size)
    return np.asarray((left != right).any(axis=1))


def tensor_difference(where: str, a: Tensor, b: Tensor) -> Difference | None:
    """Compares two arrays bit by bit, a few mebibytes at a time.

    Equal NaNs are equal, -0.0 and 0.0 are not.

    Args:
        where: the array's name.
        a: the first array.
        b: the second, of any type and shape.

    Returns:
        None if type, shape and every bit are the same.

    Raises:
        UnreadableError: one of them cannot be read to its end.
    """
    if (a.dtype, a.shape) != (b.dtype, b.shape):
        what = "element types" if a.dtype != b.dtype else "shapes" if len(a.shape) > 1 else "lengths"
        return Difference(where, None, summary(a), summary(b), None, None, None, f"the {what} differ")
    size = math.prod(a.shape)
    tally = _Tally(a.dtype)
    if size:
        count = max(1, _BLOCK_BYTES * size // max(1, a.nbytes))
        for left, right in itertools.zip_longest(a.blocks(count), b.blocks(count)):
            if left is None or right is None or left.size != right.size:
                raise UnreadableError(f"array {shown(where)!r} ends early")
            tally.add(left, right)
    if tally.seen != size:
        raise UnreadableError(f"array {shown(where)!r} ends early")
    if not tally.unequal:
        return None
    index = tuple(int(n) for n in np.unravel_index(tally.first, a.shape)) if a.shape else ()
    detail = f"{tally.unequal} of {size} elements differ"
    if tally.nan_on_one_side:
        detail += f", {tally.nan_on_one_side} are NaN on one side only"
    share = tally.unequal / size
    return Difference(where, index, tally.a, tally.b, tally.max_abs, tally.max_ulp, share, detail)


def summary(tensor: Tensor) -> str:
    """Type and shape: ``float32[3, 4]``."""
    name = "record" if tensor.dtype.startswith(("[", "{")) else tensor.dtype
    return shown(f"{name}{list(tensor.shape)}")
