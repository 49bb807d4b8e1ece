"""`reprokit.recorded`: a function whose every call is a run."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from reprokit.api.params import plain_value
from reprokit.api.run import Run, run
from reprokit.errors import UsageError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")


@overload
def recorded(function: Callable[P, R], /) -> Callable[P, R]: ...


@overload
def recorded(
    *,
    seed: int | None = None,
    name: str | None = None,
    output: str | os.PathLike[str] | None = None,
    policy: str | None = None,
    trace: str | None = None,
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...


def recorded(
    function: Callable[..., Any] | None = None,
    /,
    *,
    seed: int | None = None,
    name: str | None = None,
    output: str | os.PathLike[str] | None = None,
    policy: str | None = None,
    trace: str | None = None,
) -> Any:
    """Makes every call of a function a run (see `reprokit.run`); its arguments are the run's parameters.

    An argument that is no plain value is stored as the name of its type. What the function returns passes through.

    Args:
        function: the function, where the decorator is used without parentheses; a coroutine function too.
        seed: seeds the generators at the start of each call.
        name: the bundle's name; the function's by default.
        output: the bundle to write, which each call replaces; by default a free name for each.
        policy: as for `reprokit.run`.
        trace: as for `reprokit.run`.

    Raises:
        UsageError: RPK001, it is a generator function, whose body does not run when it is called.

    >>> import reprokit
    >>> @reprokit.recorded(seed=7, output="train.repro.tar.zst")
    ... def train(rate, steps=3):
    ...     return (1 - rate) ** steps
    >>> train(0.5)
    0.125
    >>> reprokit.open("train.repro.tar.zst").params
    {'rate': 0.5, 'steps': 3}
    """
    if function is None:
        return functools.partial(_decorate, seed=seed, name=name, output=output, policy=policy, trace=trace)
    return _decorate(function, seed=seed, name=name, output=output, policy=policy, trace=trace)


def _decorate(function: Callable[..., Any], *, name: str | None, **options: Any) -> Callable[..., Any]:
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise UsageError("RPK001", f"{function.__qualname__} is a generator function, which cannot be recorded",
                         "Use `with reprokit.run(...)` in the code that consumes it.")  # fmt: skip
    signature, title = inspect.signature(function), name or function.__name__.strip("<>_") or "run"

    def begin(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Run:
        return run(params=_params(signature, args, kwargs), name=title, **options)

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def call_async(*args: Any, **kwargs: Any) -> Any:
            with begin(args, kwargs):
                return await function(*args, **kwargs)

        return call_async

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with begin(args, kwargs):
            return function(*args, **kwargs)

    return call


def _params(signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments by the names of the parameters, defaults included.

    Raises:
        TypeError: they do not fit; the function is not called then.
    """
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    params = {}
    for name, value in bound.arguments.items():
        try:
            params[name] = plain_value(value, name)
        except UsageError:
            params[name] = f"<{type(value).__module__}.{type(value).__qualname__}>"
    return params
