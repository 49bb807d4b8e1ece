"""Steps that are not digested: their loss is noted, and nothing else is done.

In a training step of 2 ms one per cent is 20 µs, and code that runs once between two matrix products finds the
processor's caches cold. So the hooks of such a step take this short way, which sets no mode aside and hashes nothing.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

from reprokit.trace.passed import PACK

if TYPE_CHECKING:
    from collections.abc import Callable

    from reprokit.observe.recorder import Recorder

_UNSEEN_SECONDS = 10e-6
"""What a passed step costs beside what is timed here: calls of the hooks, colder caches. Measured with
benchmarks/bench_hooks.py: 20 µs in all on the machine of the published figures."""


class Passing:
    """The short way through backward pass and update. Each part says False where the long way must be taken.

    Attributes:
        on: the step under way is not digested, and an optimizer will end it.
        optimizers: identities of the optimizers that have stepped, and are known to the observer.
    """

    def __init__(self, torch: Any, recorder: Recorder) -> None:
        self._recorder = recorder
        self._tensor = torch.Tensor
        self._kinds = {dtype: str(dtype) for dtype in (torch.float32, torch.float64)}
        self._dispatch_modes = torch._C._len_torch_dispatch_stack
        self._function_modes = torch._C._len_torch_function_stack
        self._notes: dict[str, Callable[[int, float], None]] = {}
        self._value = 0.0
        self._dtype = ""
        self.on = False
        self.optimizers: set[int] = set()

    def loss(self, loss: Any) -> bool:
        """Keeps the usual loss: one real number on the CPU, of no subclass, seen by no mode; the step's only one.

        A float does not keep a NaN's payload; any other value of 32 bits goes through one unchanged.
        """
        started = perf_counter()
        if type(loss) is not self._tensor or self._dtype or self._function_modes() or self._dispatch_modes():
            return False
        dtype = self._kinds.get(loss.dtype)
        if dtype is None or not loss.is_cpu or loss.is_neg() or self._recorder.losses:
            return False
        try:
            value = loss.item()
        except Exception:  # noqa: BLE001 - more than one element, no memory …: the long way knows what to do
            return False
        if value != value:  # noqa: PLR0124 - NaN
            return False
        self._value, self._dtype = value, dtype
        self._recorder.spent += perf_counter() - started + _UNSEEN_SECONDS
        return True

    def settle(self) -> None:
        """Hands the loss over before the long way is taken."""
        if self._dtype:
            self._recorder.add_loss(self._value, PACK[self._dtype](self._value), self._dtype)
            self._dtype = ""

    def _note(self, dtype: str) -> Callable[[int, float], None]:
        note = self._notes[dtype] = self._recorder.passed(dtype)
        return note

    def step(self, optimizer: Any) -> bool:
        """Ends the step, if ``optimizer`` is one of `optimizers` and the loss went the short way."""
        if not self._dtype or id(optimizer) not in self.optimizers:
            return False
        recorder = self._recorder
        started = perf_counter()
        recorder.step = step = recorder.step + 1
        (self._notes.get(self._dtype) or self._note(self._dtype))(step, self._value)
        self._dtype = ""
        recorder.spent += perf_counter() - started
        if step >= recorder.look_after:
            recorder.choose()
            self.on = not recorder.flags
        return True
