"""Writes a row for each outermost fit."""

from __future__ import annotations

import functools
import gc
import inspect
import sys
import threading
import types
import weakref
from time import perf_counter
from typing import TYPE_CHECKING, Any

from reprokit.frameworks.sklearn.values import Found, digest_leaves, is_circumstance
from reprokit.trace.raw import CORE, Column

if TYPE_CHECKING:
    from reprokit.observe.start import Session

METHODS = ("fit", "partial_fit", "fit_transform", "fit_predict")
_MODULE = __name__
_NUMBERED = 32  # estimators of one class that are told apart by their number
_observer: FitObserver | None = None


class FitObserver:
    """Observes the fits of one process. Every hook catches its own failures and then switches the observer off."""

    def __init__(self, sklearn: Any, session: Session) -> None:
        self.sklearn = sklearn
        self.session = session
        self.on = True
        self.depth = 0
        self._reset()

    def _reset(self) -> None:
        self._stream: Any = None
        self._numbers: dict[int, tuple[Any, str]] = {}
        self._counts: dict[str, int] = {}
        self._before: list[tuple[str, Found]] = []
        self._rng: tuple[list[str], list[bytes]] = ([], [])
        self._left_out: dict[int, Any] = {}  # estimators with a last ``partial_fit`` that was not digested
        self.depth = 0

    def arm(self) -> None:
        """Wraps the methods that fit, of every class that there is and will be."""
        global _observer  # noqa: PLW0603 - a wrapped method must not hold the observer: it may be pickled by value
        _observer = self
        base = sys.modules["sklearn.base"].BaseEstimator
        _follow_subclasses(base)
        waiting = [base]
        while waiting:
            kind = waiting.pop()
            wrap_methods(kind)
            waiting += type.__subclasses__(kind)

    def forked(self) -> None:
        """A forked child has streams of its own."""
        self._reset()

    def begin(self) -> None:
        """A run begins in a process that may have seen others."""
        self._reset()
        self.on = True

    def stop(self) -> None:
        """Observes no more."""
        self.on = False

    def close(self) -> None:
        """At exit: ends the stream."""
        if self._stream is not None:
            self.guarded(self._write_last)
            self._stream.note("cost", f"{self._stream.recorder.budget.spent:.6f}")
            self._stream.close()
            self._stream = None

    def wanted(self) -> bool:
        """Whether a call that begins here is one that the script makes itself, in its main thread."""
        if not self.on or self.depth or threading.current_thread() is not threading.main_thread():
            return False
        process = sys.modules.get("multiprocessing.process")
        return process is None or process.parent_process() is None

    def enter(self, estimator: Any, method: str, args: Any, kwargs: Any) -> None:
        """Before an outermost fit: what goes in.

        No later fit shows what was wrong with an earlier one, so the budget can only leave out the data of a fit.
        ``partial_fit`` goes on from the last one: it can be left out whole, and the last state is read at exit.
        """
        if self._stream is None:
            self._stream = self.session.beside("fits")
        started = perf_counter()
        recorder = self._stream.recorder
        self._before, self._rng = [], ([], [])
        label, key = self._label(estimator)
        data: Found = []
        if recorder.flags & CORE:
            self._rng = recorder.generators.digests(recorder.hash, [])
            names = ("X", "y", "sample_weight")
            given = [(names[i] if i < 3 else f"argument {i}", value) for i, value in enumerate(args)]
            for name, value in [*given, *sorted(kwargs.items())]:
                data += digest_leaves(recorder.hash, f"{label}({name})", f"{key}({name})", value)
        if recorder.flags & CORE or method != "partial_fit":
            settings: Found = []
            for name in _parameters(type(estimator)):
                if name in vars(estimator):
                    value = vars(estimator)[name]
                    settings += digest_leaves(recorder.hash, f"{label}: {name}", f"{key}: {name}", value)
            self._before = [("batch", data), ("lr", settings)]
            self._left_out.pop(id(estimator), None)
        elif len(self._left_out) < _NUMBERED:
            self._left_out[id(estimator)] = estimator
        recorder.spent += perf_counter() - started

    def leave(self, estimator: Any) -> None:
        """After it: what was fitted."""
        started = perf_counter()
        recorder = self._stream.recorder
        if self._before:
            names, digests = self._rng
            columns = tuple(Column(f"before forward/{name}", f"{name} (before the fit)") for name in names)
            if columns:
                recorder.add(recorder.block("rng", columns), b"".join(digests), "rng")
            for part, leaves in [*self._before, ("parameters", self._found(estimator))]:
                if leaves:
                    recorder.add(*self._block(part, leaves), part)
        # What the next fit costs has nothing to do with this one: booked as spent, and not as what a step costs.
        recorder.budget.spend(0, recorder.spent + perf_counter() - started)
        recorder.spent = 0.0
        recorder.end_step()
        self._stream.fire("sklearn.fit")
        self.session.fire("sklearn.fit")

    def _found(self, estimator: Any) -> Found:
        """What was fitted."""
        label, key = self._label(estimator)
        found: Found = []
        for name, value in sorted(_fitted(estimator).items()):
            found += digest_leaves(self._stream.recorder.hash, f"{label}.{name}", f"{key}.{name}", value)
        return found

    def _block(self, part: str, leaves: Found) -> tuple[int, bytes]:
        unique = {column.key: (column, digest) for column, digest in leaves}
        number = self._stream.recorder.block(part, tuple(column for column, _ in unique.values()))
        return number, b"".join(digest for _, digest in unique.values())

    def _write_last(self) -> None:
        left_out, self._left_out = self._left_out, {}
        found = [leaf for estimator in left_out.values() for leaf in self._found(estimator)]
        if found:
            self._stream.recorder.final([self._block("parameters", found)])

    def _label(self, estimator: Any) -> tuple[str, str]:
        """``LogisticRegression#1``: the first object of that class that was fitted; as label and as key."""
        known = self._numbers.get(id(estimator))
        if known is None or known[0]() is not estimator:
            kind = type(estimator).__name__
            number = self._counts[kind] = self._counts.get(kind, 0) + 1
            label = f"{kind}#{number}" if number <= _NUMBERED else f"{kind}#{_NUMBERED}+"
            known = self._numbers[id(estimator)] = (weakref.ref(estimator), label)
        return known[1], known[1]

    def guarded(self, function: Any, *arguments: Any) -> None:
        """Runs one of our own functions; a failure switches the observer off and the script goes on.

        A forest has thousands of values. The garbage collector would be set off by the objects that describe them, and
        look through all that the script has imported: 90 ms where digesting takes 5.
        """
        if not self.on:
            return
        collects = gc.isenabled()
        gc.disable()
        try:
            function(*arguments)
        except Exception as error:  # noqa: BLE001 - whatever it is, the script must not see it
            self.stop()
            self.session.failed("sklearn", error)
        finally:
            if collects:
                gc.enable()


def _fitted(estimator: Any) -> dict[str, Any]:
    """What a fit has set, and the parameters that it may have changed: a pipeline fits the steps that it was given."""
    settings = set(_parameters(type(estimator)))
    plain = (bool, int, float, str, type(None), types.FunctionType, types.BuiltinFunctionType)
    return {
        name: value
        for name, value in vars(estimator).items()
        if (name not in settings or not isinstance(value, plain)) and not is_circumstance(name, value)
    }


def _follow_subclasses(base: Any) -> None:
    """Wraps the methods of every class that is derived from now on, right after it has been made."""
    original = base.__init_subclass__.__func__

    def __init_subclass__(cls: Any, **kwargs: Any) -> None:  # noqa: N807
        original(cls, **kwargs)
        wrap_methods(cls)

    base.__init_subclass__ = classmethod(__init_subclass__)  # type: ignore[arg-type]


def wrap_methods(kind: Any) -> None:
    """Wraps the methods that fit which a class defines itself; those that it inherits are wrapped where they are."""
    for name in METHODS:
        defined = kind.__dict__.get(name)
        if isinstance(defined, types.FunctionType) and not hasattr(defined, "_reprokit_fit"):
            setattr(kind, name, _fitting(defined))
        elif type(defined).__name__ == "_AvailableIfDescriptor" and not hasattr(defined.fn, "_reprokit_fit"):
            defined.fn = _fitting(defined.fn)  # a method that is there only if another object has one


def _fitting(original: Any) -> Any:
    """What stands in the place of a method that fits.

    It finds the observer by its module's name: joblib pickles classes of the main script with their methods, and a
    worker process need not have reprokit.
    """
    where, method = _MODULE, original.__name__

    @functools.wraps(original)
    def fit(self: Any, *args: Any, **kwargs: Any) -> Any:
        ours = sys.modules.get(where)
        observer = ours._observer if ours is not None else None
        if observer is None or not observer.wanted():
            return original(self, *args, **kwargs)
        observer.guarded(observer.enter, self, method, args, kwargs)
        observer.depth += 1
        try:
            result = original(self, *args, **kwargs)
        finally:
            observer.depth -= 1
        observer.guarded(observer.leave, self)
        return result

    fit._reprokit_fit = True  # type: ignore[attr-defined]
    return fit


def _parameters(kind: Any) -> tuple[str, ...]:
    """The names of an estimator's parameters: those of its constructor. ``get_params`` may be the script's own."""
    try:
        parameters = inspect.signature(kind.__init__).parameters
    except (TypeError, ValueError):
        return ()
    return tuple(name for name in parameters if name != "self")
