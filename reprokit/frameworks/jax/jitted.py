"""What stands in the place of ``jax.jit``, ``jax.grad``, ``jax.value_and_grad`` and ``optax.apply_updates``.

A compiled function is an object of a type that is implemented in C++, cannot be derived from and calls nothing of
Python's once it is compiled. So `Jitted` stands before it: it calls, forwards every other attribute, and passes for an
object of that type.
"""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reprokit.frameworks.jax.steps import JaxObserver


class Seen:
    """What is known of one of the script's functions.

    Attributes:
        function: the script's own function, for the names of its arguments.
        name: what to call it.
        differentiates: a gradient was taken while it was traced, or it is one.
        calls: outermost calls so far.
        role: see `reprokit.frameworks.jax.steps`.
        memory: what the observer remembers of it.
    """

    __slots__ = ("calls", "differentiates", "function", "memory", "name", "role")

    def __init__(self, function: Any, *, differentiates: bool = False) -> None:
        self.function = function
        self.name = str(getattr(function, "__name__", type(function).__name__))
        self.differentiates = differentiates
        self.calls = 0
        self.role = ""
        self.memory: Any = None


class Jitted:
    """A compiled function whose outermost calls are observed."""

    def __init__(self, compiled: Any, observer: JaxObserver) -> None:
        functools.update_wrapper(self, compiled)
        own = self.__dict__
        own["__wrapped__"] = getattr(compiled, "__wrapped__", compiled)
        own["_reprokit_compiled"] = compiled
        own["_reprokit_call"] = calling(observer, compiled, Seen(own["__wrapped__"]))
        own["_reprokit_seen"] = own["_reprokit_call"].seen

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:  # noqa: D102 - the script's own documentation shows
        return self._reprokit_call(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_reprokit_compiled"], name)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """As a method of a class."""
        if instance is None:
            return self
        import types

        return types.MethodType(self, instance)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return type(self.__dict__["_reprokit_compiled"])

    def __repr__(self) -> str:
        return repr(self.__dict__["_reprokit_compiled"])

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Pickled, and copied, as what it stands for."""
        return self.__dict__["_reprokit_compiled"].__reduce_ex__(protocol)

    def lower(self, /, *args: Any, **kwargs: Any) -> Any:
        """Traces and lowers; see ``jax.stages.Wrapped``."""
        return self._traced("lower", args, kwargs)

    def trace(self, /, *args: Any, **kwargs: Any) -> Any:
        """Traces; see ``jax.stages.Wrapped``."""
        return self._traced("trace", args, kwargs)

    def eval_shape(self, /, *args: Any, **kwargs: Any) -> Any:
        """Traces, for shapes alone."""
        return self._traced("eval_shape", args, kwargs)

    def _traced(self, how: str, args: Any, kwargs: Any) -> Any:
        """JAX keeps the trace, so a later call takes no gradient any more: what is noted must be noted here."""
        own = self.__dict__
        stack = own["_reprokit_call"].stack
        stack.append(own["_reprokit_seen"])
        try:
            return getattr(own["_reprokit_compiled"], how)(*args, **kwargs)
        finally:
            stack.pop()


def calling(observer: JaxObserver, function: Any, seen: Seen) -> Any:
    """A function that calls ``function`` and shows its outermost calls to the observer."""
    stack, clean, get_ident = observer.stack, observer.clean, threading.get_ident
    enter, leave, guarded = observer.enter, observer.leave, observer.guarded

    def call(*args: Any, **kwargs: Any) -> Any:
        if not observer.on or get_ident() != observer.thread:
            if observer.on:
                return observer.others.call(seen, function, args, kwargs)
            return function(*args, **kwargs)
        outermost = not stack and clean()
        if not outermost and seen.differentiates:
            observer.mark()
        watched = outermost and guarded(enter, seen, args, kwargs)
        stack.append(seen)
        try:
            outputs = function(*args, **kwargs)
        except BaseException:
            if watched:
                observer.cancel(seen)
            raise
        finally:
            stack.pop()
        if watched:
            guarded(leave, seen, outputs)
        return outputs

    call.seen, call.stack = seen, stack  # type: ignore[attr-defined]
    return call


def install(observer: JaxObserver) -> None:
    """Puts ours in the place of JAX's."""
    jax = observer.jax
    jax.jit = _jit(observer, jax.jit)
    for name in ("grad", "value_and_grad"):
        setattr(jax, name, _gradient(observer, getattr(jax, name)))
    _exclude_our_frames()
    observer.session.imports.add("optax", functools.partial(_hook_optax, observer))


def _jit(observer: JaxObserver, original: Any) -> Any:
    @functools.wraps(original)
    def jit(*args: Any, **kwargs: Any) -> Any:
        made = original(*args, **kwargs)
        if hasattr(made, "lower"):
            return Jitted(made, observer)
        if callable(made):  # jax.jit(static_argnums=0), to be used as a decorator
            return _factory(observer, made)
        return made

    return jit


def _factory(observer: JaxObserver, decorate: Any) -> Any:
    @functools.wraps(decorate, updated=())
    def decorator(*args: Any, **kwargs: Any) -> Any:
        made = decorate(*args, **kwargs)
        return Jitted(made, observer) if hasattr(made, "lower") else made

    return decorator


def _gradient(observer: JaxObserver, original: Any) -> Any:
    @functools.wraps(original)
    def transform(fun: Any, *args: Any, **kwargs: Any) -> Any:
        differentiated = original(fun, *args, **kwargs)
        call = calling(observer, differentiated, Seen(differentiated, differentiates=True))
        return functools.update_wrapper(call, differentiated)

    return transform


def _hook_optax(observer: JaxObserver, optax: Any) -> None:
    original = optax.apply_updates

    @functools.wraps(original)
    def apply_updates(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        outermost = observer.on and threading.get_ident() == observer.thread and not observer.stack
        if outermost and observer.clean():
            observer.guarded(observer.applied, result)
        return result

    optax.apply_updates = apply_updates


def _exclude_our_frames() -> None:
    """Keeps our frames out of JAX's error messages, and out of the source lines that it writes into compiled code."""
    try:
        from jax._src import source_info_util, traceback_util

        source_info_util.register_exclusion(__file__)
        traceback_util.register_exclusion(__file__)
    except (ImportError, AttributeError):
        return
