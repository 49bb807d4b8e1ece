"""Whether a leaf is what its baseline holds: to the bit, or close, and on what that is founded."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from reprokit.checks.statistics import STATS, places, summarised
from reprokit.compare.files.dtypes import as_double, components, from_texts, is_float, steps
from reprokit.compare.metrics.tolerance import Tolerance, close
from reprokit.compare.values import Difference, Scalar, Tensor, described, difference, digest
from reprokit.compare.values.arrays import array_leaf

if TYPE_CHECKING:
    from reprokit.compare.values import Leaf
    from reprokit.schema.baseline import BaselineLeaf

Array = np.ndarray[Any, Any]

# Other kernels sum in another order: a few roundings of the element's own type. The values for short floats are those
# of torch.testing.assert_close; the wider ones are the metrics' default (see `reprokit.compare.metrics.tolerance`).
_RELATIVE = {
    "float16": 1e-3, "bfloat16": 1.6e-2, "complex32": 1e-3,
    "float8_e4m3fn": 0.13, "float8_e5m2": 0.25, "float8_e4m3fnuz": 0.13, "float8_e5m2fnuz": 0.25,
}  # fmt: skip
_SPACING = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "complex64": 2.0**-23}


@dataclass(frozen=True)
class Judgement:
    """What was found of one leaf.

    Attributes:
        equal: every bit is the same, by digest.
        close: it is within the tolerance, as far as the baseline can tell.
        basis: on what ``close`` is founded: ``all 12 elements``, ``64 of 1000 elements, and statistics`` ...
        difference: where they differ; None where they are equal.
    """

    equal: bool
    close: bool
    basis: str
    difference: Difference | None


def default_tolerance(dtype: str) -> Tolerance:
    """The tolerance for elements of a type where the check names none: exact for integers and whatever is no float."""
    if not (is_float(dtype) or dtype in {"float", "complex", "float128", "complex256"}):
        return Tolerance(source="exact")
    relative = _RELATIVE.get(dtype, 1e-5)
    return Tolerance(rel=relative, abs=1e-8 if relative <= 1e-5 else relative * 1e-2, source="default")


def judge(path: str, leaf: Leaf | None, stored: BaselineLeaf | None, tolerance: Tolerance | None,
          array: Tensor | None = None) -> Judgement:  # fmt: skip
    """Holds a leaf against its baseline.

    Args:
        path: the leaf's name.
        leaf: what the test has now, or None if it has no such leaf.
        stored: what the baseline holds, or None.
        tolerance: the check's; None for the default of the leaf's type.
        array: the stored array itself, where there is one.
    """
    if leaf is None or stored is None:
        texts = (_text(stored), "(missing)" if leaf is None else _described(leaf))
        return Judgement(False, False, "names", _said(path, texts, "the leaf is missing on one side"))  # noqa: FBT003
    if digest(leaf) == stored.digest:
        return Judgement(True, True, "digest", None)  # noqa: FBT003
    dtype, shape = described(leaf)
    if (dtype, list(shape) if isinstance(leaf, Tensor) else None) != (stored.dtype, stored.shape):
        return Judgement(False, False, "type and shape",  # noqa: FBT003
                         _said(path, (_text(stored), _described(leaf)), "type or shape differ"))  # fmt: skip
    allowed = tolerance or default_tolerance(dtype)
    if isinstance(leaf, Tensor):
        return _array(path, leaf, stored, allowed, array)
    if isinstance(leaf, Scalar) and stored.value is not None:
        near = leaf.type in {"int", "float", "complex"} and _scalar_close(stored.value, leaf.text, allowed)
        found = difference({path: Scalar(leaf.type, stored.value)}, {path: leaf})
        return Judgement(False, near, "the value", found)  # noqa: FBT003
    return Judgement(False, False, "digest", _said(path, (_text(stored), _described(leaf)), "the digests differ"))  # noqa: FBT003


def _array(path: str, leaf: Tensor, stored: BaselineLeaf, allowed: Tolerance, array: Tensor | None) -> Judgement:
    if array is not None:
        found = difference({path: array}, {path: leaf})
        near = bool(elements_close(leaf.dtype, array.array().reshape(-1), leaf.array().reshape(-1), allowed).all())
        return Judgement(False, near, f"all {math.prod(leaf.shape)} stored elements", found)  # noqa: FBT003
    size, wanted = math.prod(leaf.shape), len(stored.sample)
    width = 2 if leaf.dtype.startswith("complex") else 1
    at = places(size, wanted // width)
    before = from_texts(leaf.dtype, stored.sample) if stored.sample else None
    if before is None:
        why = _said(path, (_text(stored), _described(leaf)), "the digests differ; such elements are not kept")
        return Judgement(False, False, "digest", why)  # noqa: FBT003
    now = leaf.array().reshape(-1)[at]
    near = bool(elements_close(leaf.dtype, before, now, allowed).all())
    basis = f"all {size} elements"
    if len(at) < size:
        near, basis = (
            near and _stats_close(path, leaf, stored, allowed),
            f"{len(at)} of {size} elements, and statistics",
        )
    return Judgement(False, near, basis, _of_sample(path, leaf, before, now, at))  # noqa: FBT003


def _of_sample(path: str, leaf: Tensor, before: Array, now: Array, at: list[int]) -> Difference:
    """The difference among the elements that were kept, with the place in the whole array."""
    found = difference({path: array_leaf(before, leaf.dtype)}, {path: array_leaf(now, leaf.dtype)})
    if found is None:
        kept = f"none of the {len(at)} elements kept; the digests do"
        if len(at) == math.prod(leaf.shape):  # what is left: the payload of a NaN, or a file that was edited
            kept = f"none of its {len(at)} elements, and yet the digest: is the baseline's file damaged?"
        return _said(path, (_described(leaf), _described(leaf)), kept)
    index = tuple(int(n) for n in np.unravel_index(at[found.index[0]], leaf.shape)) if found.index else None
    kept = "" if len(at) == math.prod(leaf.shape) else " kept"
    unequal = round((found.share or 0) * len(at))
    detail = f"{unequal} of {len(at)} elements{kept} differ"
    share = found.share if not kept else None
    return Difference(path, index, found.a, found.b, found.max_abs, found.max_ulp, share, detail)


def _stats_close(path: str, leaf: Tensor, stored: BaselineLeaf, allowed: Tolerance) -> bool:
    """Statistics move less than elements do; the mean may lie near zero, so the root mean square carries ``rel``."""
    now = summarised({path: leaf})[path].stats
    if now.get("nan") != stored.stats.get("nan") or now.keys() != stored.stats.keys():
        return False
    rms = float.fromhex(stored.stats["rms"]) if "rms" in stored.stats else 0.0
    # n ulp of any element are at most n epsilon of its magnitude.
    relative = allowed.rel + (allowed.ulp or 0) * _SPACING.get(leaf.dtype, 2.0**-52)
    absolute = allowed.abs + relative * (rms if math.isfinite(rms) else 0.0)
    wider = Tolerance(rel=relative, abs=absolute, source=allowed.source)
    if wider.source == "exact" and not (wider.rel or wider.abs):
        return all(now[name] == stored.stats[name] for name in STATS if name in now)
    return all(close(float.fromhex(stored.stats[n]), float.fromhex(now[n]), _named(wider)) for n in STATS if n in now)


def _named(tolerance: Tolerance) -> Tolerance:
    """Whole numbers among statistics of floats are no counts: the metrics' exact rule for those must not hold."""
    return Tolerance(tolerance.rel, tolerance.abs, tolerance.ulp, "check")


def elements_close(dtype: str, a: Array, b: Array, allowed: Tolerance) -> Array:
    """Which elements of two flat arrays in storage type are within a tolerance.

    NaN is close to NaN and an infinity to itself. Both parts of a complex number must be close.

    Returns:
        bool, 1-D; for complex types two entries an element.
    """
    name, left = components(dtype, np.ascontiguousarray(a))
    right = components(dtype, np.ascontiguousarray(b))[1]
    x, y = as_double(name, left), as_double(name, right)
    if x is None or y is None:
        return np.asarray(a == b)
    with np.errstate(invalid="ignore", over="ignore"):
        limit = allowed.abs + allowed.rel * np.maximum(np.abs(x), np.abs(y))
        near = (x == y) | (np.isnan(x) & np.isnan(y)) | ((np.abs(x - y) <= limit) & np.isfinite(x) & np.isfinite(y))
    if left.dtype.kind in "iu" and left.dtype.itemsize == 8 and not (allowed.rel or allowed.abs):
        near = left == right  # beyond 2^53 doubles cannot tell neighbours apart
    if allowed.ulp and is_float(name):
        near |= np.isfinite(x) & np.isfinite(y) & (steps(name, left, right) <= allowed.ulp)
    return np.asarray(near)


def _scalar_close(before: str, now: str, allowed: Tolerance) -> bool:
    pairs = list(zip(before.split(" "), now.split(" "), strict=False))
    named = allowed if allowed.source == "exact" else _named(allowed)
    return all(close(x, y, named) for x, y in pairs)


def _said(path: str, texts: tuple[str, str], detail: str) -> Difference:
    return Difference(path or "(value)", None, *texts, None, None, None, detail)


def _described(leaf: Leaf) -> str:
    dtype, shape = described(leaf)
    text = getattr(leaf, "text", None)
    return f"{dtype}{list(shape)}" if isinstance(leaf, Tensor) else f"{dtype} {text}"[:80] if text else dtype


def _text(stored: BaselineLeaf | None) -> str:
    if stored is None:
        return "(missing)"
    return f"{stored.dtype}{stored.shape}" if stored.shape is not None else f"{stored.dtype} {stored.value or ''}"[:80]
