"""Hooks the training loop: pairs each update with the batches, losses and states that led to it."""

from __future__ import annotations

import sys
from time import perf_counter
from typing import TYPE_CHECKING, Any

from reprokit.frameworks.torch.ambient import note_first_seed
from reprokit.frameworks.torch.batch import describe
from reprokit.frameworks.torch.delayed import capturing
from reprokit.frameworks.torch.hooks import install
from reprokit.frameworks.torch.manual import ManualLoop
from reprokit.frameworks.torch.modules import RootModules
from reprokit.frameworks.torch.passing import Passing
from reprokit.frameworks.torch.ranks import Ranks
from reprokit.frameworks.torch.readings import read_generators, read_loss
from reprokit.frameworks.torch.state import Blocks, OptimizerState
from reprokit.frameworks.torch.tensors import TensorDigester
from reprokit.frameworks.torch.unrepeatable import Unrepeatable
from reprokit.trace.raw import BACKWARD, CORE, ENTRY, MOMENTS, Column

if TYPE_CHECKING:
    from reprokit.observe.recorder import Recorder
    from reprokit.observe.start import Session

_HELD_BYTES = 64 << 20
_BATCHES = 16  # model calls a step whose inputs are told apart; later ones are chained into one digest
_LATER = (Column("later", f"inputs of the calls after the {_BATCHES}th"),)


def _inside_same(frame: Any) -> bool:
    """Whether the code of ``frame`` is further up the stack too: an optimizer that steps inside another's step.

    Looking, rather than counting entries and exits, also holds when an inner step raises.
    """
    code = frame.f_code
    while (frame := frame.f_back) is not None:
        if frame.f_code is code:
            return True
    return False


class TorchObserver:
    """Observes one process's training loop. Every hook catches its own failures and then switches the observer off."""

    def __init__(self, torch: Any, session: Session) -> None:
        self.torch = torch
        self.session = session
        self.recorder: Recorder = session.recorder()
        self.digester = TensorDigester(torch, self.recorder.hash)
        self.on = True
        self._compiling = torch.compiler.is_dynamo_compiling
        self.depth = 0
        self.nested_backward = 0
        self.ranks = Ranks(torch, session)
        self.unrepeatable = Unrepeatable(torch, session)
        self._captured = False  # a backward pass or an update went into a CUDA graph
        self._reset()

    def _reset(self) -> None:
        self.optimizers: dict[int, OptimizerState] = {}
        self._made = 0
        self._later = b""
        self.modules = RootModules(self.recorder, self.digester)
        self.manual = ManualLoop(self)
        self._entered = False
        self._calls = 0
        self._last: Any = None
        self.passing = Passing(self.torch, self.recorder)
        self._nests = False  # an optimizer was seen to step inside another's step

    def arm(self) -> None:
        """Installs the hooks."""
        install(self)
        self.unrepeatable.look()

    def forked(self) -> None:
        """A forked child that trains has a trace of its own."""
        self.recorder.forked()
        self.ranks.forked()
        self.depth = self.nested_backward = 0
        self._reset()

    def begin(self) -> None:
        """A run begins in a process that may have seen others."""
        wrapped = self.ranks.wrapped  # before the run
        self.forked()
        self.ranks.wrapped = wrapped
        self.on = True
        note_first_seed(self.torch, self.session.ambient)

    def close(self) -> None:
        """At exit: the last state."""
        self.guarded(self.unrepeatable.close)
        if self.on:
            self.guarded(self._close)

    def _close(self) -> None:
        self.manual.flush()
        self.passing.delayed.flush()
        recorder = self.recorder
        if recorder.step and not recorder.light:
            blocks: Blocks = []
            for state in self.optimizers.values():
                if state.alive:
                    roots = self.modules.alive()
                    blocks += state.parameters(roots) + state.moments(roots)
            if blocks:
                recorder.final([(number, digests) for number, digests, _part in blocks])
        self._last = None
        self.ranks.note_place()
        if self._captured:
            self.session.failed("torch.cuda.graph", RuntimeError("what a CUDA graph replays is not seen step by step"))
        recorder.close()
        self.session.note("cost", f"{recorder.budget.spent:.6f}")

    def guarded(self, function: Any, *arguments: Any) -> None:
        """Runs one of our own functions, unseen by the script's modes; a failure switches the observer off.

        Nothing is run while a CUDA graph is captured: to wait for the GPU would break the capture.
        """
        torch = self.torch
        if capturing(torch):
            self._captured = self._captured or function != self.enter
            return
        try:
            with torch._C.DisableTorchFunction(), torch.no_grad():
                if not torch._C._len_torch_dispatch_stack():
                    function(*arguments)
                    return
                from torch.utils._python_dispatch import _disable_current_modes

                with _disable_current_modes():
                    function(*arguments)
        except Exception as error:  # noqa: BLE001 - whatever it is, the script must not see it
            self._fail(error)

    def stop(self) -> None:
        """Observes no more."""
        self.on = self.passing.on = False

    def _fail(self, error: Exception) -> None:
        self.stop()
        self.session.failed("torch", error)

    def has_optimizer(self) -> bool:
        """Whether the script has made an optimizer object."""
        return self._made > 0

    # The outermost call of a module: the batch.

    def enter(self, module: Any, args: Any, kwargs: Any) -> None:
        """Before the outermost call of a module."""
        started = perf_counter()
        self.manual.flush()
        recorder = self.recorder
        self.modules.note(module)
        if recorder.step < 2:
            self.unrepeatable.look()
        if not recorder.flags & CORE:
            return
        if not self._entered:
            self._entered = True
            if recorder.flags & ENTRY:
                before = perf_counter()
                for number, digests, part in self._entry_state():
                    recorder.add(number, digests, part)
                spent = perf_counter() - before
                recorder.spend(ENTRY, spent)
                started += spent
            recorder.add_generators("before forward", read_generators(self.torch, self.digester))
            self.session.fire("torch.batch")
        self._calls += 1
        if self._calls <= _BATCHES:
            columns, digests = describe(self.torch, self.digester, self._calls, args, kwargs)
            if columns:
                recorder.add(recorder.block("batch", columns), digests, "batch")
        else:
            self._later = self._chain(self._later, describe(self.torch, self.digester, 1, args, kwargs)[1])
        recorder.spend(CORE, perf_counter() - started)

    def _chain(self, before: bytes, digests: bytes) -> bytes:
        hasher = self.recorder.hash
        return hasher.digest(hasher.prepare(b"later calls|"), before + digests)

    def _entry_state(self) -> Blocks:
        alive = [state for state in self.optimizers.values() if state.alive]
        states = [state for state in alive if state.stepped] or alive
        blocks: Blocks = []
        for state in states:
            blocks += state.parameters(self.modules.alive(), "entry")
        return blocks

    # The backward pass: the loss.

    def before_backward(self, tensors: Any) -> None:
        """Before an outermost backward pass from ``tensors``."""
        started = perf_counter()
        self.passing.settle()
        if not self.has_optimizer():
            self.manual.flush()
        if self.recorder.step < 2:
            self.unrepeatable.look()
        given = [tensors] if isinstance(tensors, self.torch.Tensor) else list(tensors)
        roots = [root for root in given if isinstance(root, self.torch.Tensor)]  # the others are GradientEdges
        recorder = self.recorder
        if roots:
            recorder.add_loss(*read_loss(self.digester, roots[0]))
            self.session.fire("torch.backward")
        if not self.has_optimizer():
            self.manual.before_backward(roots)
        if recorder.flags & CORE and len(recorder.losses) == 1:
            recorder.add_generators("before backward", read_generators(self.torch, self.digester))
        recorder.spend(CORE, perf_counter() - started)

    # The optimizer's step: gradients, parameters, moments.

    def after_step(self, optimizer: Any, _args: Any, _kwargs: Any) -> None:
        """After ``optimizer`` has stepped."""
        if self._compiling():  # being traced into a compiled step: one break of that graph could move a bit
            return
        if not self.on:
            return
        if self.passing.on and not self._nests:
            try:
                if self.passing.step(optimizer):
                    return
            except Exception as error:  # noqa: BLE001 - whatever it is, the script must not see it
                self._fail(error)
                return
        if _inside_same(sys._getframe(1)):
            self._nests = True
        else:
            self.guarded(self._end_step, optimizer)

    def state_of(self, optimizer: Any) -> OptimizerState:
        """What is known of ``optimizer``, which begins here when it is new."""
        state = self.optimizers.get(id(optimizer))
        if state is None or not state.alive:
            self.optimizers = {key: known for key, known in self.optimizers.items() if known.alive}
            state = OptimizerState(self.torch, self.recorder, self.digester, optimizer, self._made)
            self._made += 1
            self.optimizers[id(optimizer)] = state
            self.passing.optimizers.discard(id(optimizer))
        return state

    def _end_step(self, optimizer: Any) -> None:
        started = perf_counter()
        self.passing.settle()
        self.manual.cancel()
        recorder, flags = self.recorder, self.recorder.flags
        rate = float("nan")
        state = self.state_of(optimizer)
        state.stepped = True
        self.passing.optimizers.add(id(optimizer))
        if flags & CORE:
            roots = self.modules.alive()
            rate, rates = state.rates()
            blocks = state.gradients(roots) + state.parameters(roots) + self.modules.buffers() + rates
            for number, digests, part in blocks:
                recorder.add(number, digests, part)
            if self.ranks.wrapped:
                self.ranks.note(state.ordinal, state.group, state.tensors(), self.modules)
            if flags & MOMENTS:
                before = perf_counter()
                for number, digests, part in state.moments(roots):
                    recorder.add(number, digests, part)
                spent = perf_counter() - before
                recorder.spend(MOMENTS, spent)
                started += spent
            # A small optimizer is held until exit, so that its last state can be read; a large one may be freed.
            self._last = optimizer if state.nbytes <= _HELD_BYTES else None
        recorder.spend(CORE, perf_counter() - started)
        self.end(rate, 0)

    def end(self, rate: float, marker: int) -> None:
        """Closes the step that is under way."""
        first = self.recorder.step == 0
        if self._later:
            self.recorder.add(self.recorder.block("batch", _LATER), self._later)
        self.recorder.end_step(rate=rate, marker=marker)
        self._entered, self._calls, self._later = False, 0, b""
        self.modules.end_step()
        self.passing.on = self._made > 0 and not self.recorder.flags
        if first:
            self.ranks.note_place()
            self.session.fire("torch.backward loop" if marker & BACKWARD else "torch.optimizer")
