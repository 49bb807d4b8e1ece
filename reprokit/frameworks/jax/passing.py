"""Steps of which nothing but the loss is noted; it is read steps later, so that nothing waits for XLA."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reprokit.trace.raw import OPAQUE

if TYPE_CHECKING:
    from collections.abc import Callable

    from reprokit.frameworks.jax.arrays import LeafDigester
    from reprokit.observe.recorder import Recorder

_WAITING = 32  # losses that are not yet read
_NOTED = ("float32", "float64")


class PassedSteps:
    """The losses of steps that were passed over, in order."""

    def __init__(self, recorder: Recorder, digester: LeafDigester) -> None:
        self._recorder, self._digester = recorder, digester
        self._losses: list[tuple[int, Any]] = []  # number of the step, and the array
        self._notes: dict[str, Callable[[int, float], None]] = {}

    def add(self, loss: Any) -> None:
        """Ends a step.

        Args:
            loss: the array, or None where the step gives none.
        """
        recorder = self._recorder
        if loss is None or str(loss.dtype) not in _NOTED:
            if loss is not None:
                raw, dtype = self._digester.read(loss)
                recorder.add_loss(self._digester.number(raw, dtype), raw, dtype)
            self.read(0)
            recorder.end_step(marker=OPAQUE)
            return
        recorder.step += 1
        self._losses.append((recorder.step, loss))
        if len(self._losses) > _WAITING:
            self.read(_WAITING // 2)
        if recorder.step >= recorder.look_after:
            recorder.choose()

    def read(self, keep: int) -> None:
        """Reads the waiting losses, all but the last ``keep``."""
        while len(self._losses) > keep:
            step, loss = self._losses.pop(0)
            raw, dtype = self._digester.read(loss)
            note = self._notes.get(dtype)
            if note is None:
                note = self._notes[dtype] = self._recorder.passed(dtype)
            note(step, self._digester.number(raw, dtype))
