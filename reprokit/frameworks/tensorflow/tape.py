"""Loops that update variables by hand: ``tape.gradient`` and ``assign_sub``, without an optimizer object.

Each ``gradient`` of a scalar outside of a graph delimits a step, which is closed when the next one begins, since the
update comes after it. In a ``tf.function`` the whole call is the step: a function in whose graph gradients were taken.
A Keras optimizer that updates makes the step its own: gradients of what it trains delimit none here.
"""

from __future__ import annotations

import functools
import weakref
from time import perf_counter
from typing import TYPE_CHECKING, Any

from reprokit.frameworks.keras.registry import HELD_BYTES, Group, size_of, value_of
from reprokit.frameworks.keras.row import KerasRow
from reprokit.frameworks.keras.values import TensorFlowValues
from reprokit.frameworks.tensorflow.unrepeatable import note_what_ended
from reprokit.trace.raw import BACKWARD, CORE, ENTRY, OPAQUE

if TYPE_CHECKING:
    from reprokit.observe.recorder import Recorder
    from reprokit.observe.start import Session


class TapeObserver:
    """Observes loops without an optimizer. Its own failures switch it off, and nothing else."""

    def __init__(self, tf: Any, session: Session) -> None:
        self._tf = tf
        self.session = session
        self.recorder: Recorder = session.recorder()
        self.values = TensorFlowValues(self.recorder.hash)
        self.on = True
        self._finished = False
        self._reset()

    def _reset(self) -> None:
        self._row = KerasRow(self.recorder, self.values, "tensorflow")
        self._groups: dict[tuple[int, ...], Group] = {}
        self._pending: Group | None = None
        self._pending_at = 0
        self._pending_state = b""  # of the variables, where it is not known who will update them
        self._last: tuple[Group, list[Any]] | None = None  # what was updated last, held if it is small
        self._function: Any = None  # the outermost one that is being called
        self._trained: dict[int, tuple[Any, list[Any]]] = {}

    def arm(self) -> None:
        """Installs the hooks."""
        from tensorflow.python.eager.backprop import GradientTape
        from tensorflow.python.eager.polymorphic_function.polymorphic_function import Function

        Function.__call__ = self._function_call(Function.__call__)
        GradientTape.gradient = self._gradient(GradientTape.gradient)

    def _guarded(self, function: Any, *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except Exception as error:  # noqa: BLE001 - whatever it is, the script must not see it
            self.on = False
            self.session.failed("tensorflow", error)

    # What stands in the place of TensorFlow's own.

    def _gradient(self, original: Any) -> Any:
        @functools.wraps(original)
        def gradient(tape: Any, target: Any, sources: Any, *args: Any, **kwargs: Any) -> Any:
            if not self.on or self.recorder.outer:
                return original(tape, target, sources, *args, **kwargs)
            if not self._tf.executing_eagerly():
                self._guarded(self._traced, sources)
                return original(tape, target, sources, *args, **kwargs)
            loss = self._guarded(self._before_gradient, target, sources)
            found = original(tape, target, sources, *args, **kwargs)
            if loss and self.on:
                self._guarded(self._after_gradient, found)
            return found

        return gradient

    def _function_call(self, original: Any) -> Any:
        @functools.wraps(original)
        def __call__(function: Any, /, *args: Any, **kwargs: Any) -> Any:  # noqa: N807
            inner = self._function is not None or not self.on or self.recorder.outer
            if inner or not self._tf.executing_eagerly():
                return original(function, *args, **kwargs)
            self._function = function
            try:
                self._guarded(self._before_function, function, {"input": list(args), **kwargs})
                result = original(function, *args, **kwargs)
                if self.on:
                    self._guarded(self._after_function, function, result)
                return result
            finally:
                self._function = None

        return __call__

    # Outside of graphs.

    def _before_gradient(self, target: Any, sources: Any) -> bool:
        found = self.values.number(target) if self.values.known(target) else None
        variables = self._variables(sources)
        if found is None or not variables:
            return False
        self._flush()
        optimizers = self._optimizers()
        if _train(optimizers, variables):
            return False
        self.recorder.add_loss(*found)
        self._pending, self._pending_at = self._group(variables), self.recorder.step
        self._pending_state = b"" if all(one.built for one in optimizers) else self._state(self._pending)
        if self.recorder.flags & CORE:
            self._state_before(self._pending)
        return True

    def _after_gradient(self, found: Any) -> None:
        grads = self._tf.nest.flatten(found)
        if self._pending is not None and self.recorder.flags & CORE and len(grads) == len(self._pending.references):
            started = perf_counter()
            digests = b"".join([self.values.digest(grad) for grad in grads])
            self.recorder.add(self._pending.number("gradients"), digests, "gradients")
            self.recorder.spend(CORE, perf_counter() - started)

    def _flush(self) -> None:
        """Closes the open step: its update is done by now."""
        group, self._pending = self._pending, None
        if group is None or self._pending_at != self.recorder.step:  # a Keras optimizer has made it its own
            return
        if self._pending_state and self._pending_state == self._state(group):
            return  # a Keras optimizer that knows no variables yet is about to: it will, after other gradients
        self._end(group, 0)

    def _optimizers(self) -> list[Any]:
        """The Keras optimizers that there are."""
        registries = [getattr(adapter, "registry", None) for adapter in self.session.adapters]
        known = [known for registry in registries for known in getattr(registry, "optimizers", ())]
        return [optimizer for one in known if (optimizer := one.alive) is not None]

    def _state(self, group: Group) -> bytes:
        return b"".join([self.values.digest(reference()) for reference in group.references])

    # In graphs.

    def _traced(self, sources: Any) -> None:
        variables = self._variables(sources)
        if self._function is not None and variables:
            with self._tf.init_scope():  # or the graph that is being made would get what is read here
                self._flush()
            references = [weakref.ref(variable) for variable in variables]
            self._trained[id(self._function)] = weakref.ref(self._function), references

    def _known(self, function: Any) -> list[Any]:
        reference, variables = self._trained.get(id(function), (None, []))
        alive = [variable for known in variables if (variable := known()) is not None]
        return alive if reference is not None and reference() is function else []

    def _before_function(self, function: Any, inputs: dict[str, Any]) -> None:
        variables = self._known(function)
        if variables:
            self._flush()
        if variables and self.recorder.flags & CORE:
            started = perf_counter()
            self._row.inputs(inputs)
            self.recorder.spend(CORE, perf_counter() - started)
            self._state_before(self._group(variables))

    def _after_function(self, function: Any, result: Any) -> None:
        variables = self._known(function)
        if variables:
            self._row.results(result)
            self._end(self._group(variables), OPAQUE)

    # Both.

    def _variables(self, sources: Any) -> list[Any]:
        found = [value_of(source) for source in self._tf.nest.flatten(sources)]
        return [source for source in found if isinstance(source, self._tf.Variable)]

    def _group(self, variables: list[Any]) -> Group:
        key = tuple(map(id, variables))
        group = self._groups.get(key)
        known = [reference() for reference in group.references] if group is not None else []
        if group is None or any(one is not other for one, other in zip(known, variables, strict=True)):
            entries = [(f"variable {at}", variable) for at, variable in enumerate(variables)]
            group = self._groups[key] = Group(self.recorder, self.values, entries)
        return group

    def _state_before(self, group: Group) -> None:
        started = perf_counter()
        if self.recorder.flags & ENTRY:
            self.recorder.add(*group.block("entry", value_of))
        self.recorder.add_generators("before forward", self._row.generators.states())
        self.recorder.spend(CORE, perf_counter() - started)

    def _end(self, group: Group, marker: int) -> None:
        started = perf_counter()
        if self.recorder.flags & CORE:
            self.recorder.add(*group.block("parameters", value_of))
        self.recorder.spend(CORE, perf_counter() - started)
        self.recorder.end_step(marker=marker | BACKWARD)
        if self._last is None or self._last[0] is not group:
            held = [variable for reference in group.references if (variable := reference()) is not None]
            self._last = group, held if sum(map(size_of, held)) <= HELD_BYTES else []
        self._row.batches.count = 0
        self.session.fire("tensorflow.GradientTape")

    # The ends.

    def forked(self) -> None:
        """A forked child that trains has a trace of its own."""
        self.recorder.forked()
        self._reset()

    def begin(self) -> None:
        """A run begins in a process that may have seen others."""
        self.forked()
        self.on, self._finished = True, False

    def stop(self) -> None:
        """Observes no more."""
        self.on = False

    def close(self) -> None:
        """Closes the open step, and says what ended the script."""
        if self._finished:
            return
        self._finished = True
        if self.on:
            self._guarded(self._flush)
            self._guarded(self._write_last)
        note_what_ended(self.session)

    def _write_last(self) -> None:
        """The state at exit: of most steps of a fast loop only the loss is noted."""
        if self._last is not None and self._last[1] and not self.recorder.light:
            self.recorder.final([self._last[0].block("parameters", value_of)[:2]])


def _train(optimizers: list[Any], variables: list[Any]) -> bool:
    """Whether one of the optimizers trains one of the variables."""
    wanted = set(map(id, variables))
    trained = (value_of(known) for one in optimizers for known in getattr(one, "_trainable_variables", ()))
    return any(id(variable) in wanted for variable in trained)
