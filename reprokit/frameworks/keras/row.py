"""What one row of the trace holds: gathered before an update, and after it."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

from reprokit.frameworks.keras.batches import StepBatches
from reprokit.frameworks.keras.generators import Generators
from reprokit.frameworks.keras.gradients import Gradients
from reprokit.frameworks.keras.jax_state import JaxState
from reprokit.frameworks.keras.values import leaves
from reprokit.trace.raw import CORE, ENTRY, MOMENTS, OPAQUE, Column

if TYPE_CHECKING:
    from reprokit.frameworks.keras.registry import Layout
    from reprokit.frameworks.keras.values import Values
    from reprokit.observe.recorder import Recorder

_LOGS = 16
_NAN = float("nan")


class KerasRow:
    """The row that is under way.

    Attributes:
        entered: the state before the update has been gathered.
        calls: calls that belong to it and updated nothing yet (gradients are being accumulated).
    """

    def __init__(self, recorder: Recorder, values: Values, backend: str) -> None:
        self._recorder, self._values = recorder, values
        self.batches = StepBatches(recorder, values)
        self.gradients = Gradients(recorder, values)
        self.generators = Generators(backend, values)
        self.state = JaxState()
        self.entered = False
        self.calls = 0
        self._last: Layout | None = None
        self._held: list[Any] = []  # a small model is held until exit, so that its last state can be read
        self._finished_at = -1

    def before(self, layout: Layout) -> None:
        """Gathers parameters and generators' states, once a row."""
        self.entered = True
        recorder, read = self._recorder, self.state.read
        if recorder.flags & ENTRY and layout.parameters is not None:
            started = perf_counter()
            recorder.add(*layout.parameters.block("entry", read))
            self._book(ENTRY, perf_counter() - started)
        seeds = layout.seeds.states(read) if layout.seeds is not None else []
        recorder.add_generators("before forward", seeds + self.generators.states())

    def inputs(self, given: dict[str, Any]) -> None:
        """Adds what a call was given, as far as it can be read."""
        for name, value in given.items():
            if any(self._values.known(leaf) for _, leaf in leaves(value, name)):
                self.batches.add(value, name)

    def results(self, result: Any) -> None:
        """Adds the loss, and other numbers that a step returned: of ``fit``, means over the epoch so far."""
        numbers = []
        for name, value in leaves(result, "result")[:_LOGS]:
            found = self._values.number(value) if value is not None else None
            if found is not None:
                numbers.append((name.removeprefix("result").lstrip("."), found))
        recorder = self._recorder
        if not recorder.losses and numbers:
            at = next((i for i, (name, _) in enumerate(numbers) if name in ("loss", "")), 0)
            recorder.add_loss(*numbers[at][1])
        if recorder.flags & CORE and numbers:
            columns = tuple(Column(f"result/{name}", name or "result", found[2]) for name, found in numbers)
            hasher = recorder.hash
            digests = [hasher.digest(hasher.prepare(b"result|"), found[1]) for _, found in numbers]
            recorder.add(recorder.block("loss", columns), b"".join(digests), "loss")

    def after(self, layout: Layout) -> float:
        """Adds the state after the update; returns the learning rate of the first optimizer."""
        recorder, read = self._recorder, self.state.read
        self._last, self._held = layout, layout.held
        if layout.parameters is not None:
            recorder.add(*layout.parameters.block("parameters", read))
        if layout.settings is not None:
            recorder.add(*layout.settings)
        if recorder.flags & MOMENTS and layout.slots is not None:
            started = perf_counter()
            recorder.add(*layout.slots.block("optimizer", read))
            self._book(MOMENTS, perf_counter() - started)
        if layout.rates is None:
            return _NAN
        recorder.add(*layout.rates.block("lr", read))
        first = layout.rates.references[0]()
        found = self._values.number(read(first)) if first is not None else None
        return found[0] if found is not None else _NAN

    def _book(self, kind: int, seconds: float) -> None:
        """Books time on ``kind`` that the caller, who measures the whole, will book on CORE."""
        self._recorder.spend(kind, seconds)
        self._recorder.spend(CORE, -seconds)

    def end(self, rate: float, updates: int) -> None:
        """Writes the row."""
        self._recorder.end_step(rate=rate, marker=0 if self.gradients.seen else OPAQUE, updates=updates)
        self._clear()

    def fall(self) -> None:
        """A call that updated nothing, or raised: what was gathered for it belongs to no row."""
        if not self.calls:
            self._recorder.drop()
            self._clear()

    def _clear(self) -> None:
        self.entered, self.calls = False, 0
        self.batches.count = 0
        self.gradients.seen = False

    def finish(self) -> None:
        """Writes the state at exit, once."""
        recorder, layout = self._recorder, self._last
        if recorder.step == self._finished_at:
            return
        self._finished_at = recorder.step
        if layout is not None and self._held and recorder.step and not recorder.light:
            read = self.state.read
            groups = ((layout.parameters, "parameters"), (layout.slots, "optimizer"))
            recorder.final([group.block(part, read)[:2] for group, part in groups if group is not None])
