"""Pairs each update of a Keras model with the batch, the states and the loss that led to it.

A row of the trace ends with the outermost call that updated: of ``model.train_function`` (``fit``, ``train_on_batch``),
of a ``tf.function``, or of ``optimizer.apply``. Whether it updated, and how often, is read from the optimizers' own
counters, so a call that only evaluates ends no row, and one that makes four updates (``steps_per_execution=4``) ends
one row that stands for four.
"""

from __future__ import annotations

import contextlib
import weakref
from time import perf_counter
from typing import TYPE_CHECKING, Any

from reprokit.frameworks.keras.batches import Watched
from reprokit.frameworks.keras.registry import Known, Registry
from reprokit.frameworks.keras.row import KerasRow
from reprokit.frameworks.keras.values import values_of
from reprokit.trace.raw import CORE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reprokit.observe.recorder import Recorder
    from reprokit.observe.start import Session

_TAP = "_reprokit_tap"
_ONE_TENSOR = 1


class KerasObserver:
    """Observes one process's training with Keras. Its own failures switch it off, and nothing else."""

    def __init__(self, keras: Any, session: Session) -> None:
        self.session = session
        self.backend = str(keras.backend.backend())
        self.recorder: Recorder = session.recorder()
        self.values = values_of(self.backend, self.recorder.hash)
        self.registry = Registry(self.recorder, self.values)
        self.on = True
        self.depth = 0
        self.tap: Any = None  # of the training function that is being made
        self._executing = self._eager_check()
        self.reset()

    def reset(self) -> None:
        """A new trace begins."""
        self.row = KerasRow(self.recorder, self.values, self.backend)
        self._usual: dict[int, list[Known]] = {}
        self._quiet: dict[int, Any] = {}
        self._models: dict[Any, list[Known]] = {}

    def _eager_check(self) -> Callable[[], bool]:
        if self.backend != "tensorflow":
            return lambda: True
        from tensorflow.python.eager import context

        return lambda: bool(context.executing_eagerly())

    def outermost(self) -> bool:
        """Whether a call that begins now is no part of an update that is under way, nor of a graph."""
        return self.on and not self.depth and not self.recorder.outer and self._executing()

    def guarded(self, function: Any, *arguments: Any, **named: Any) -> Any:
        """Runs one of our own functions; a failure switches the observer off."""
        try:
            return function(*arguments, **named)
        except Exception as error:  # noqa: BLE001 - whatever it is, the script must not see it
            self.on = False
            self.session.failed("keras", error)

    @contextlib.contextmanager
    def _inside(self) -> Iterator[None]:
        self.guarded(self.registry.count, self.row.state.read)  # what was restored since is no update
        self.depth, self.recorder.outer = 1, "keras"
        try:
            yield
        except BaseException:
            self.guarded(self.row.fall)
            raise
        finally:
            self.depth, self.recorder.outer = 0, ""

    # The outermost calls.

    def around_train(self, model: Any, original: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Calls a model's training function."""
        tap = model.__dict__.get(_TAP)
        self.guarded(self._enter_train, model, tap, args)
        if self.backend == "jax" and self.on and self.recorder.flags & CORE and len(args) > 1:
            args = (args[0], Watched(args[1], self.show_batch), *args[2:])
        with self._inside():
            result = original(*args, **kwargs)
        if self.on:
            self.guarded(self._leave_train, model, tap, result)
        return result

    def around_function(self, function: Any, original: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Calls a ``tf.function`` that may contain an update."""
        key = id(function)
        quiet = key in self._quiet and self._quiet[key]() is function
        opens = not quiet and not self.row.entered
        if not quiet:
            self.guarded(self._enter, None, key, {"input": list(args), **kwargs})
        with self._inside():
            result = original(function, *args, **kwargs)
        if self.on:
            self.guarded(self._leave_function, function, result, opens=opens)
        return result

    def around_apply(self, original: Any, args: tuple[Any, ...]) -> Any:
        """Calls ``optimizer.apply`` in a loop that is not compiled."""
        with self._inside():
            result = original(*args)
        if self.on:
            self.guarded(self._leave, None, None, None)
        return result

    def eager_call(self, model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Before the outermost call of a model whose operations are being recorded for gradients."""
        if self.recorder.flags & CORE and self.row.generators.recording():
            self._enter([self.registry.known_model(model)], id(model), {"input": list(args), **kwargs})

    def loss(self, target: Any) -> None:
        """Before gradients of ``target`` are computed, outside of a graph."""
        found = self.values.number(target) if self.values.known(target) else None
        if found is not None:
            self.recorder.add_loss(*found)

    def before_apply(self, optimizer: Any, grads: Any, variables: Any) -> None:
        """Before an optimizer's update, wherever it is called."""
        if self.recorder.flags & CORE:
            started = perf_counter()
            self.row.gradients.add(self.registry, optimizer, grads, variables)
            self.recorder.spend(CORE, perf_counter() - started)

    # Batches.

    def show_batch(self, data: Any) -> None:
        """A batch has been taken by the step that is under way."""
        if self.on and self.recorder.flags & CORE:
            started = perf_counter()
            self.guarded(self.row.batches.add, data)
            self.recorder.spend(CORE, perf_counter() - started)

    def fail_tap(self, error: Exception) -> None:
        """A training function could not be tapped: its batches are not seen."""
        self.session.failed("keras.batch", error)

    def keep_tap(self, model: Any, tap: Any) -> None:
        """The batches of ``model`` are kept by ``tap``, which lives as long as the model."""
        model.__dict__[_TAP] = tap

    # What is gathered before and after.

    def _enter_train(self, model: Any, tap: Any, args: tuple[Any, ...]) -> None:
        wanted = bool(self.recorder.flags & CORE)
        if tap is not None:
            started = perf_counter()
            tap.before_step(wanted=wanted)
            self.recorder.spend(CORE, perf_counter() - started)
        if self.backend == "jax":
            self.row.state.take(model, args[0] if args else None)
        self._enter([self.registry.known_model(model)], id(model), {})
        if wanted and self.backend == "torch" and args:
            data = args[0]
            self.show_batch(data[0] if isinstance(data, (list, tuple)) and len(data) == _ONE_TENSOR else data)

    def _enter(self, models: list[Known] | None, key: int, inputs: dict[str, Any]) -> None:
        if not self.recorder.flags & CORE:
            return
        started = perf_counter()
        if not self.row.entered:
            usual = self._usual.get(key, [])
            models = models or self._models_of(usual) or self.registry.all_models()
            self.row.before(self.registry.layout(models, usual))
        self.row.inputs(inputs)
        self.recorder.spend(CORE, perf_counter() - started)

    def _leave_train(self, model: Any, tap: Any, result: Any) -> None:
        if self.backend == "jax" and isinstance(result, tuple) and len(result) > 1:
            result, state, *_ = result
            self.row.state.take(model, state)
        if tap is not None:
            started, booked = perf_counter(), self.recorder.spent
            tap.after_step()  # what is shown books itself
            self.recorder.spend(CORE, perf_counter() - started - (self.recorder.spent - booked))
        self.session.fire("keras.fit")
        if not self._leave([self.registry.known_model(model)], id(model), result):
            self.row.calls += 1  # gradients are being accumulated: the row goes on
        self.row.state.drop()

    def _leave_function(self, function: Any, result: Any, *, opens: bool) -> None:
        if self._leave(None, id(function), result):
            self._quiet.pop(id(function), None)
            return
        self._quiet[id(function)] = weakref.ref(function)
        if opens:
            self.row.fall()

    def _leave(self, models: list[Known] | None, key: int | None, result: Any) -> int:
        """Ends the row, if an optimizer has updated; returns how many updates there were."""
        started = perf_counter()
        moved, updates = self.registry.moved(self.row.state.read)
        rate = float("nan")
        if updates:
            self.row.results(result)
            if self.recorder.flags & CORE:
                models = models or self._models_of(moved)
                rate = self.row.after(self.registry.layout(models, moved))
                for caller in (key, *(id(known.alive) for known in models)):
                    if caller is not None:
                        self._usual[caller] = moved
        self.recorder.spend(CORE, perf_counter() - started)
        if updates:
            self.session.fire("keras.optimizer")
            self.row.end(rate, updates)
        return updates

    def _models_of(self, optimizers: list[Known]) -> list[Known]:
        key = (*(known.number for known in optimizers), "|", self.registry.made_models)
        found = self._models.get(key)
        if found is None:
            found = self._models[key] = self.registry.models_of(optimizers)
        return found

    # The ends.

    def forked(self) -> None:
        """A forked child that trains has a trace of its own."""
        self.recorder.forked()
        self.depth = 0
        self.registry.forget()
        self.reset()

    def begin(self) -> None:
        """A run begins in a process that may have seen others."""
        self.forked()
        self.registry.moved(self.row.state.read)
        self.on = True

    def stop(self) -> None:
        """Observes no more."""
        self.on = False

    def close(self) -> None:
        """Writes the last state."""
        if self.on:
            self.guarded(self._close)

    def _close(self) -> None:
        self.row.finish()
        self.recorder.close()
        self.session.note("cost", f"{self.recorder.budget.spent:.6f}")
