"""Whether two leaves of one value are close: what ``metric-close`` asks of values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprokit.checks.closeness import default_tolerance, elements_close
from reprokit.compare.files.content import Scalar, Tensor
from reprokit.compare.metrics import Tolerance, close

if TYPE_CHECKING:
    from reprokit.compare.files.content import Leaf

_BLOCK = 1 << 20


def is_close(a: Leaf, b: Leaf, tolerance: Tolerance | None) -> bool:
    """Whether all elements are within a tolerance; None stands for that of their type.

    Numbers have one; texts, rows and structures must be equal.
    """
    if isinstance(a, Scalar) and isinstance(b, Scalar):
        if a.type != b.type or a.type not in ("int", "float", "complex"):
            return a == b
        allowed = tolerance or default_tolerance(a.type)
        allowed = Tolerance(allowed.rel, allowed.abs, allowed.ulp, "check")
        return all(close(x, y, allowed) for x, y in zip(a.text.split(), b.text.split(), strict=True))
    if not isinstance(a, Tensor) or not isinstance(b, Tensor):
        return False
    allowed = tolerance or default_tolerance(a.dtype)
    pairs = zip(a.blocks(_BLOCK), b.blocks(_BLOCK), strict=True)
    return all(bool(elements_close(a.dtype, x, y, allowed).all()) for x, y in pairs)
