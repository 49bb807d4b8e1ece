"""What a baseline keeps of a leaf: its digest, and enough numbers to say whether another result is close."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from reprokit.compare.files.dtypes import as_double, components
from reprokit.compare.values import Tensor, described, digest
from reprokit.schema.baseline import BaselineLeaf

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reprokit.compare.values import Leaf

Array = np.ndarray[Any, Any]

SAMPLE = 64
_SAMPLE_OF_CHECK = 1024
_FEWEST = 8
_SHOWN = 200
_BLOCK = 1 << 20
STATS = ("min", "max", "mean", "rms")


def summarised(leaves: Mapping[str, Leaf], files: Mapping[str, str] | None = None) -> dict[str, BaselineLeaf]:
    """What a baseline keeps of a value's leaves.

    Args:
        leaves: the flattened value.
        files: where arrays were stored, by path.
    """
    arrays = sum(isinstance(leaf, Tensor) for leaf in leaves.values())
    sample = min(SAMPLE, max(_FEWEST, _SAMPLE_OF_CHECK // max(1, arrays)))
    return {path: _summary(leaf, sample, (files or {}).get(path)) for path, leaf in leaves.items()}


def _summary(leaf: Leaf, sample: int, file: str | None) -> BaselineLeaf:
    dtype, shape = described(leaf)
    if isinstance(leaf, Tensor):
        stats, elements = _numbers(leaf, sample)
        return BaselineLeaf(
            digest=digest(leaf), dtype=dtype, shape=list(shape), stats=stats, sample=elements, file=file
        )
    text = getattr(leaf, "text", None)
    short = text if text is None or len(text) <= _SHOWN else None
    return BaselineLeaf(digest=digest(leaf), dtype=dtype, value=short)


def places(size: int, count: int) -> list[int]:
    """At most ``count`` evenly spaced places of ``size`` elements, the first and the last among them."""
    if size <= count:
        return list(range(size))
    return [number * (size - 1) // (count - 1) for number in range(count)]


def _numbers(leaf: Tensor, sample: int) -> tuple[dict[str, str], list[str]]:
    """Statistics and a sample of an array, in one pass; nothing where the elements are no numbers."""
    size = math.prod(leaf.shape)
    wanted = np.array(places(size, sample), dtype=np.int64)
    tally, elements, seen = _Tally(), list[str](), 0
    for block in leaf.blocks(_BLOCK):
        name, parts = components(leaf.dtype, block)
        values = as_double(name, parts)
        if values is None:
            return {}, []
        tally.add(values)
        inside = wanted[(wanted >= seen) & (wanted < seen + block.size)] - seen
        elements += _texts(leaf.dtype, block[inside])
        seen += int(block.size)
    return tally.stats() if size else {}, elements


def _texts(dtype: str, values: Array) -> list[str]:
    if values.dtype.kind in "iub" and values.dtype.name == dtype:
        return [str(int(value)) for value in values]
    name, parts = components(dtype, values)
    doubles = as_double(name, parts)
    return [] if doubles is None else [float(value).hex() for value in doubles]


class _Tally:
    """Statistics over blocks, of the numbers that are not NaN."""

    def __init__(self) -> None:
        self.count = self.nan = 0
        self.low, self.high, self.sum, self.squares = math.inf, -math.inf, 0.0, 0.0

    def add(self, values: Array) -> None:
        numbers = values[~np.isnan(values)]
        self.nan += int(values.size - numbers.size)
        self.count += int(numbers.size)
        if numbers.size:
            with np.errstate(over="ignore", invalid="ignore"):
                self.low, self.high = min(self.low, float(numbers.min())), max(self.high, float(numbers.max()))
                self.sum += float(numbers.sum())
                self.squares += float(np.square(numbers).sum())

    def stats(self) -> dict[str, str]:
        found = {"nan": str(self.nan)} if self.nan else {}
        if self.count:
            values = (self.low, self.high, self.sum / self.count, math.sqrt(self.squares / self.count))
            found |= {name: float(value).hex() for name, value in zip(STATS, values, strict=True)}
        return found
