"""Steps that are not digested: their loss is noted, and nothing else is done.

In a training step of 2 ms one per cent is 20 µs, and code that runs once between two matrix products finds the
processor's caches cold. So the hooks of such a step take this short way, which sets no mode aside and hashes nothing.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

from reprokit.frameworks.torch.delayed import DelayedLosses
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
        self._there: Any = None  # the loss itself, where it lies on a GPU
        self.delayed = DelayedLosses(torch, lambda dtype: self._notes.get(dtype) or self._note(dtype))
        self.on = False
        self.optimizers: set[int] = set()

    def loss(self, loss: Any) -> bool:
        """Keeps the usual loss: one real number, of no subclass, seen by no mode; the step's only one.

        A float does not keep a NaN's payload; any other value of 32 bits goes through one unchanged.
        """
        started = perf_counter()
        if type(loss) is not self._tensor or self._dtype or self._function_modes() or self._dispatch_modes():
            return False
        dtype = self._kinds.get(loss.dtype)
        if dtype is None or loss.is_neg() or self._recorder.losses or not self._take(loss):
            return False
        self._dtype = dtype
        self._recorder.spent += perf_counter() - started + _UNSEEN_SECONDS
        return True

    def _take(self, loss: Any) -> bool:
        """Keeps the loss's value, or on a GPU the loss itself."""
        if not loss.is_cpu:
            self._there = self.delayed.keep(loss)
            return self._there is not None
        try:
            self._value = value = loss.item()
        except Exception:  # noqa: BLE001 - more than one element, no memory …: the long way knows what to do
            return False
        return bool(value == value)  # noqa: PLR0124 - a NaN's payload is not kept

    def settle(self) -> None:
        """Hands the loss over before the long way is taken."""
        if self._dtype:
            value = self._value if self._there is None else float(self._there)
            self._recorder.add_loss(value, PACK[self._dtype](value), self._dtype)
            self._dtype, self._there = "", None

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
        if self._there is None:
            (self._notes.get(self._dtype) or self._note(self._dtype))(step, self._value)
        else:
            self.delayed.add(step, self._dtype, self._there)
            self._there = None
        self._dtype = ""
        recorder.spent += perf_counter() - started
        if step >= recorder.look_after:
            recorder.choose()
            self.on = not recorder.flags
        return True
