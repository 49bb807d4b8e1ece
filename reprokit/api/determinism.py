"""`reprokit.deterministic`: a function must give the same answer to the same arguments, bit for bit."""

from __future__ import annotations

import copy
import functools
import inspect
import sys
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from reprokit.api.seeding import generator_states
from reprokit.compare.values import difference, flatten, held
from reprokit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from reprokit.compare.values import Difference, Leaf

P = ParamSpec("P")
R = TypeVar("R")


def deterministic(
    runs: int = 2, *, equal: Callable[[Any, Any], bool] | None = None
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Calls a function several times on copies of the same arguments; the results must agree.

    Under Hypothesis the arguments shrink to the smallest for which they do not. Put ``@given`` above it.

    Args:
        runs: how often it is called, at least 2.
        equal: decides whether two results are the same; bit for bit by default.

    Returns:
        A decorator. The decorated function returns what its first call returned; nothing, where it is a test. It
        raises AssertionError where a later one gave another result: that names the leaf, the index, the largest
        difference, and the global generators that were drawn from.

    Raises:
        UsageError: RPK001, ``runs`` is below 2, or the function is a coroutine, a generator or a test that ``@given``
            has wrapped; when it is called RPK085, an argument cannot be copied, or RPK070, its result has no
            comparable content.

    >>> import numpy as np, reprokit
    >>> @reprokit.deterministic(runs=3)
    ... def scaled(array):
    ...     return array / array.sum()
    >>> scaled(np.array([1.0, 3.0]))
    array([0.25, 0.75])
    >>> generator = np.random.default_rng(0)
    >>> @reprokit.deterministic()
    ... def noisy(array):
    ...     return array + generator.random()
    >>> noisy(np.zeros(2))
    Traceback (most recent call last):
      ...
    AssertionError: noisy is not deterministic: call 2 returned another result than call 1 ...
    """
    if runs < 2:
        raise UsageError("RPK001", f"runs is {runs}; it takes 2 calls to see a difference")

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        _check(function)

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            result = _Calls(function, equal).agree(runs, args, kwargs)
            if _is_test_of(sys._getframe(1)):
                result = None  # Hypothesis and pytest take a test that returns something for a mistake
            return result  # type: ignore[no-any-return]

        return call

    return decorate


def _is_test_of(caller: FrameType) -> bool:
    """Whether a test runner calls, and not the test's own code."""
    return str(caller.f_globals.get("__name__", "")).partition(".")[0] in ("hypothesis", "_pytest")


def _check(function: Callable[..., Any]) -> None:
    kinds = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    if any(kind(function) for kind in kinds):
        raise UsageError("RPK001", f"{function.__qualname__} is a coroutine or a generator: its call computes nothing",
                         "Decorate a function that returns its result.")  # fmt: skip
    if getattr(function, "is_hypothesis_test", False):
        raise UsageError("RPK001", f"{function.__qualname__} was wrapped by @given already, so it takes no arguments "
                         "that could be given twice", "Put @given above @reprokit.deterministic.")  # fmt: skip


class _Calls:
    """The calls of one function on the same arguments."""

    def __init__(self, function: Callable[..., Any], equal: Callable[[Any, Any], bool] | None) -> None:
        self._function, self._equal = function, equal
        self._name = getattr(function, "__name__", repr(function))
        self._drawn: list[str] = []

    def agree(self, runs: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result of the first call, if the others are the same."""
        copies = [self._copied(args, kwargs) for _ in range(runs)]
        first = self._call(*copies[0])
        # The result may be changed by the next call: an array that the function keeps, or one of its own arguments.
        leaves = held(flatten(first)) if self._equal is None else {}
        kept = self._copy(first, "the result") if self._equal is not None else None
        for number in range(2, runs + 1):
            try:
                again = self._call(*copies[number - 1])
            except Exception as error:
                raise AssertionError(
                    f"{self._name} is not deterministic: call 1 returned, and call {number} on the same arguments "
                    f"raised {type(error).__name__}: {error}{self._cause()}"
                ) from error
            if self._equal is not None:
                if not self._equal(kept, again):
                    raise AssertionError(self._message(number, "`equal` says that they differ"))
            elif (found := _first_difference(leaves, again)) is not None:
                raise AssertionError(self._message(number, found))
        return first

    def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        before = generator_states()
        try:
            return self._function(*args, **kwargs)
        finally:
            after = generator_states()
            drawn = [name for name, state in after.items() if before.get(name, state) != state]
            self._drawn += [name for name in drawn if name not in self._drawn]

    def _copied(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        together: tuple[tuple[Any, ...], dict[str, Any]] = self._copy((args, kwargs), "the arguments")
        return together

    def _copy(self, value: Any, what: str) -> Any:
        try:
            return copy.deepcopy(value)
        except Exception as error:
            raise UsageError("RPK085", f"{what} of {self._name} cannot be copied: {error}") from error

    def _message(self, number: int, found: str) -> str:
        return (
            f"{self._name} is not deterministic: call {number} returned another result than call 1 on the same "
            f"arguments; {found}{self._cause()}"
        )

    def _cause(self) -> str:
        if not self._drawn:
            return ""
        return f". It drew from the global generator of {', '.join(self._drawn)}: seed that, or pass a generator"


def _first_difference(leaves: dict[str, Leaf], again: Any) -> str | None:
    found = difference(leaves, flatten(again))
    return None if found is None else described(found)


def described(found: Difference) -> str:
    """One difference in words: where, which values, how far apart."""
    where = found.where
    if found.index is not None:
        where += f" at index [{', '.join(map(str, found.index))}]"
    text = f"first at {where}: {found.a} and {found.b}"
    if found.max_abs is not None:
        text += f", at most {found.max_abs:g} apart" if isinstance(found.max_abs, float) else f", {found.max_abs} apart"
    if found.max_ulp is not None:
        text += f" ({found.max_ulp} ULP)"
    return text + (f" ({found.detail})" if found.detail else "")
