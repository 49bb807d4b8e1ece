"""Hooks the training loop: pairs each update with the batches, losses and states that led to it."""

from __future__ import annotations

import functools
import weakref
from time import perf_counter
from typing import TYPE_CHECKING, Any

from reprokit.frameworks.torch.batch import describe
from reprokit.frameworks.torch.manual import ManualLoop
from reprokit.frameworks.torch.state import Blocks, ModelBuffers, OptimizerState
from reprokit.frameworks.torch.switches import read_all
from reprokit.frameworks.torch.tensors import TensorDigester
from reprokit.trace.raw import BACKWARD, CORE, ENTRY, MOMENTS

if TYPE_CHECKING:
    from reprokit.observe.recorder import Recorder
    from reprokit.observe.start import Session

_BATCHES = 16  # model calls a step whose inputs are told apart; later ones are chained into the last


class TorchObserver:
    """Observes one process's training loop. Every hook catches its own failures and then switches the observer off."""

    def __init__(self, torch: Any, session: Session) -> None:
        self.torch = torch
        self.session = session
        self.recorder: Recorder = session.recorder()
        self.digester = TensorDigester(torch, self.recorder.hash)
        self.on = True
        self._depth = 0
        self._nested_backward = 0
        self._stepping: list[int] = []
        self._reset()

    def _reset(self) -> None:
        self.optimizers: dict[int, OptimizerState] = {}
        self._created: Any = weakref.WeakSet()
        self._roots: list[Any] = []
        self.buffers = ModelBuffers(self.recorder, self.digester)
        self.manual = ManualLoop(self)
        self._entered = False
        self._calls = 0

    def arm(self) -> None:
        """Installs the hooks."""
        torch = self.torch
        from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

        register_optimizer_step_pre_hook(self._before_step)
        register_optimizer_step_post_hook(self._after_step)
        torch.autograd.backward = self._wrap_backward(torch.autograd.backward)
        torch.nn.Module.__call__ = self._wrap_call(torch.nn.Module)
        original = torch.optim.Optimizer.__init__
        created = self._note_optimizer

        @functools.wraps(original)
        def __init__(optimizer: Any, *args: Any, **kwargs: Any) -> None:
            original(optimizer, *args, **kwargs)
            created(optimizer)

        torch.optim.Optimizer.__init__ = __init__

    def forked(self) -> None:
        """A forked child that trains has a trace of its own."""
        self.recorder.forked()
        self._depth = self._nested_backward = 0
        self._reset()

    def close(self) -> None:
        """At exit: the last state, and the switches as they are now."""
        if self.on:
            self._guarded(self._close)

    def _close(self) -> None:
        self.manual.flush()
        recorder = self.recorder
        if recorder.step and not recorder.light:
            blocks: Blocks = []
            for state in self.optimizers.values():
                if state.alive:
                    blocks += state.parameters(self.roots()) + state.moments(self.roots())
            recorder.final([(number, digests) for number, digests, _part in blocks])
        self._note_switches("end")
        self.session.note("cost", f"{recorder.budget.spent:.6f}")

    def _note_switches(self, when: str) -> None:
        for name, value in read_all(self.torch).items():
            self.session.note("switch", when, name, repr(value))

    def _guarded(self, function: Any, *arguments: Any) -> None:
        """Runs one of our own functions; a failure switches the observer off and is noted."""
        try:
            function(*arguments)
        except Exception as error:  # noqa: BLE001 - whatever it is, the script must not see it
            self.on = False
            self.session.failed("torch", error)

    def roots(self) -> list[Any]:
        """The modules whose outermost call was observed and that still exist."""
        return [root for reference in self._roots if (root := reference()) is not None]

    def has_optimizer(self) -> bool:
        """Whether the script has made an optimizer object."""
        return bool(self.optimizers) or len(self._created) > 0

    def _note_optimizer(self, optimizer: Any) -> None:
        if self.on:
            self._guarded(self._created.add, optimizer)

    # The outermost call of a module: the batch.

    def _wrap_call(self, module_class: Any) -> Any:
        observer = self
        grad_enabled = self.torch.is_grad_enabled
        compiling = self.torch.compiler.is_compiling

        @functools.wraps(module_class._wrapped_call_impl)
        def __call__(module: Any, *args: Any, **kwargs: Any) -> Any:
            if compiling() or observer._depth or not observer.on or not grad_enabled():
                return module._wrapped_call_impl(*args, **kwargs)
            observer._guarded(observer._enter, module, args, kwargs)
            observer._depth = 1
            try:
                return module._wrapped_call_impl(*args, **kwargs)
            finally:
                observer._depth = 0

        return __call__

    def _enter(self, module: Any, args: Any, kwargs: Any) -> None:
        started = perf_counter()
        self.manual.flush()
        recorder = self.recorder
        if all(reference() is not module for reference in self._roots):
            self._roots = [r for r in self._roots if r() is not None][-15:]
            self._roots.append(weakref.ref(module))
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
            recorder.add_generators("before forward", self._generators())
            self.session.fire("torch.batch")
        self._calls += 1
        if self._calls <= _BATCHES:
            columns, digests = describe(self.torch, self.digester, self._calls, args, kwargs)
            if columns:
                recorder.add(recorder.block("batch", columns), digests, "batch")
        recorder.spend(CORE, perf_counter() - started)

    def _entry_state(self) -> Blocks:
        states = list(self.optimizers.values())
        if not states:
            for optimizer in self._created:
                self._state(optimizer)
            states = list(self.optimizers.values())
        blocks: Blocks = []
        for state in states:
            blocks += state.parameters(self.roots(), "entry")
        return blocks

    def _generators(self) -> list[tuple[str, bytes]]:
        torch = self.torch
        states = [("torch", self.digester.raw(torch.default_generator.get_state()))]
        if torch.cuda.is_available() and torch.cuda.is_initialized():
            states += [
                (f"cuda:{i}", self.digester.raw(torch.cuda.get_rng_state(i))) for i in range(torch.cuda.device_count())
            ]
        return states

    # The backward pass: the loss.

    def _wrap_backward(self, original: Any) -> Any:
        observer = self

        @functools.wraps(original)
        def backward(tensors: Any, *args: Any, **kwargs: Any) -> None:
            if not observer.on or observer._nested_backward:
                original(tensors, *args, **kwargs)
                return
            observer._guarded(observer._before_backward, tensors)
            observer._nested_backward = 1
            try:
                original(tensors, *args, **kwargs)
            finally:
                observer._nested_backward = 0
            if observer.on and not observer.has_optimizer():
                observer._guarded(observer.manual.after_backward)

        return backward

    def _before_backward(self, tensors: Any) -> None:
        started = perf_counter()
        if not self.has_optimizer():
            self.manual.flush()
        roots = [tensors] if isinstance(tensors, self.torch.Tensor) else list(tensors)
        recorder = self.recorder
        loss = roots[0] if roots else None
        if loss is not None and loss.numel() == 1 and loss.device.type == "cpu":
            recorder.add_loss(float(loss.detach()), self.digester.raw(loss), str(loss.dtype))
            self.session.fire("torch.backward")
        elif loss is not None:
            value = float(loss.detach()) if loss.numel() == 1 else float("nan")
            recorder.add_loss(value, self.digester.one(loss), str(loss.dtype))
        if not self.has_optimizer():
            self.manual.before_backward(roots)
        if recorder.flags & CORE and len(recorder.losses) == 1:
            recorder.add_generators("before backward", self._generators())
            recorder.spend(CORE, perf_counter() - started)

    # The optimizer's step: gradients, parameters, moments.

    def _before_step(self, optimizer: Any, _args: Any, _kwargs: Any) -> None:
        if id(optimizer) in self._stepping:  # the last step of this optimizer raised
            self._stepping.clear()
        self._stepping.append(id(optimizer))

    def _after_step(self, optimizer: Any, _args: Any, _kwargs: Any) -> None:
        if self._stepping:
            self._stepping.pop()
        if self._stepping or not self.on:
            return
        self._guarded(self._end_step, optimizer)

    def _state(self, optimizer: Any) -> OptimizerState:
        state = self.optimizers.get(id(optimizer))
        if state is None or not state.alive:
            ordinal = len(self.optimizers)
            state = OptimizerState(self.torch, self.recorder, self.digester, optimizer, ordinal)
            self.optimizers[id(optimizer)] = state
        return state

    def _end_step(self, optimizer: Any) -> None:
        started = perf_counter()
        self.manual.cancel()
        recorder, flags = self.recorder, self.recorder.flags
        rate = float("nan")
        if flags & CORE:
            state, roots = self._state(optimizer), self.roots()
            rate, rates = state.rates()
            blocks = state.gradients(roots) + state.parameters(roots) + self.buffers.blocks(roots) + rates
            for number, digests, part in blocks:
                recorder.add(number, digests, part)
            recorder.spend(CORE, perf_counter() - started)
            if flags & MOMENTS:
                before = perf_counter()
                for number, digests, part in state.moments(roots):
                    recorder.add(number, digests, part)
                recorder.spend(MOMENTS, perf_counter() - before)
        self.end(rate, 0)

    def end(self, rate: float, marker: int) -> None:
        """Closes the step that is under way."""
        first = self.recorder.step == 0
        self.recorder.end_step(rate=rate, marker=marker)
        self._entered, self._calls = False, 0
        if first:
            self._note_switches("first step")
            self.session.fire("torch.backward loop" if marker & BACKWARD else "torch.optimizer")
