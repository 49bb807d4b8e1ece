"""Two results of one function: whether they agree, and the error that says where they do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reprokit.checks.closeness import elements_close
from reprokit.checks.messages import described
from reprokit.compare.metrics.tolerance import Tolerance, close
from reprokit.compare.values import Scalar, Tensor, difference, flatten, held
from reprokit.errors import ReprokitError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from reprokit.compare.values import Difference, Leaf


class InvarianceError(ReprokitError, AssertionError):
    """RPK075 or RPK079: a result depends on something on which it should not."""


def result_of(function: Callable[..., Any], *arguments: Any) -> dict[str, Leaf]:
    """Calls a function and takes its result, which nothing changes afterwards.

    Raises:
        UsageError: RPK070 or RPK071, the result cannot be compared; RPK077, there is none.
    """
    value = function(*arguments)
    if value is None:
        raise UsageError("RPK077", f"{name_of(function)} returns nothing that could be compared", "Return the result.")
    return held(flatten(value))


def tolerance_of(rtol: float | None, atol: float | None, ulp: int | None) -> Tolerance | None:
    """The tolerance that a check was given, or None for bit by bit.

    Raises:
        UsageError: RPK077, a part is negative or not finite.
    """
    if rtol is None and atol is None and ulp is None:
        return None
    try:
        return Tolerance(rel=rtol or 0.0, abs=atol or 0.0, ulp=ulp, source="check")
    except UsageError as error:
        raise UsageError("RPK077", error.message, "rtol, atol and ulp are finite numbers, at least 0.") from None


def disagreement(a: Mapping[str, Leaf], b: Mapping[str, Leaf], tolerance: Tolerance | None = None) -> Difference | None:
    """The first difference that a tolerance does not cover; None if there is none."""
    return next(disagreements(a, b, tolerance), None)


def disagreements(
    a: Mapping[str, Leaf], b: Mapping[str, Leaf], tolerance: Tolerance | None = None
) -> Iterator[Difference]:
    """The first difference of every leaf that differs by more than a tolerance, in the order of the leaves."""
    for path in {**a, **b}:
        left = {path: a[path]} if path in a else {}
        right = {path: b[path]} if path in b else {}
        found = difference(left, right)
        if found is not None and not (tolerance and path in a and path in b and _near(a[path], b[path], tolerance)):
            yield found


def _near(a: Leaf, b: Leaf, tolerance: Tolerance) -> bool:
    if isinstance(a, Tensor) and isinstance(b, Tensor) and (a.dtype, a.shape) == (b.dtype, b.shape):
        return bool(elements_close(a.dtype, a.array().reshape(-1), b.array().reshape(-1), tolerance).all())
    if isinstance(a, Scalar) and isinstance(b, Scalar) and a.type == b.type and a.type in {"int", "float"}:
        return close(a.text, b.text, tolerance)
    return False


def text_of(found: Difference) -> str:
    """One difference, with the leaf's name where it has one."""
    name = "" if found.where == "(root)" else f"{found.where}: "
    return name + described(found)


def name_of(function: Any) -> str:
    """A function's name, as messages show it."""
    return str(getattr(function, "__qualname__", None) or type(function).__qualname__)
