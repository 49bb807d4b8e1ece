"""Which calls are updates, and where each begins and ends.

JAX has no optimizer object and no backward pass that could be observed while compiled code runs. What shows is which
arrays go into the outermost calls and come out of them. From that each function of the script gets a role (see
`roles`), and from the roles follows what a call does to the step that is under way.

A step's outputs are digested when the next observed call begins, not when the call returns: until then the script can
prepare its next batch while XLA computes.
"""

from __future__ import annotations

import threading
from time import perf_counter
from typing import TYPE_CHECKING, Any

from reprokit.frameworks.jax import trees
from reprokit.frameworks.jax.arrays import LeafDigester
from reprokit.frameworks.jax.jitted import Seen, install
from reprokit.frameworks.jax.last import LastState
from reprokit.frameworks.jax.passing import PassedSteps
from reprokit.frameworks.jax.roles import APPLY, GRADIENT, LOOKS, PLAIN, UPDATE, Memory
from reprokit.frameworks.jax.threads import OtherThreads
from reprokit.frameworks.jax.update import Update

if TYPE_CHECKING:
    from reprokit.observe.recorder import Recorder
    from reprokit.observe.start import Session


class JaxObserver:
    """Observes one process's training loop. Every hook catches its own failures and then switches the observer off."""

    def __init__(self, jax: Any, session: Session) -> None:
        from jax._src.core import trace_state_clean

        self.jax = jax
        self.session = session
        self.recorder: Recorder = session.recorder()
        self.digester = LeafDigester(jax, self.recorder.hash)
        self.clean = trace_state_clean
        self.on = True
        self.thread = threading.get_ident()
        self.stack: list[Seen] = []
        self._reset()

    def _reset(self) -> None:
        self.open: Update | None = None  # the step under way
        self._settling: Update | None = None  # has outputs that are not yet digested
        self._differentiates = False  # some function of the process takes gradients
        self._appliers = False  # steps have been ended by applying gradients
        self._passed = PassedSteps(self.recorder, self.digester)
        self.last = LastState(self.digester)
        self.others = OtherThreads(self)
        self._generation = object()  # what functions remember is of one run

    def arm(self) -> None:
        """Installs the hooks."""
        install(self)

    def forked(self) -> None:
        """A forked child that trains has a trace of its own."""
        self.recorder.forked()
        del self.stack[:]
        self.thread = threading.get_ident()
        self._reset()

    def begin(self) -> None:
        """A run begins in a process that may have seen others."""
        self.forked()
        self.on = True

    def stop(self) -> None:
        """Observes no more."""
        self.on = False

    def close(self) -> None:
        """At exit: the step under way."""
        if self.on:
            self.guarded(self._close)
        self.stop()

    def _close(self) -> None:
        self._settle()
        if self.open is not None:
            self._end(self.open)
        self._passed.read(0)
        self.last.write(self.recorder)
        self.recorder.close()
        self.session.note("cost", f"{self.recorder.budget.spent:.6f}")

    def guarded(self, function: Any, *arguments: Any) -> Any:
        """Runs one of our own functions; a failure switches the observer off and the script goes on."""
        try:
            return function(*arguments)
        except Exception as error:  # noqa: BLE001 - whatever it is, the script must not see it
            self.stop()
            self._settling = self.open = None
            self.session.failed("jax", error)
            return None

    def mark(self) -> None:
        """A gradient is taken inside the functions that are under way."""
        self._differentiates = True
        for seen in self.stack:
            seen.differentiates = True

    # An outermost call.

    def enter(self, seen: Seen, args: Any, kwargs: Any) -> bool:
        """Before an outermost call of a function; says whether `leave` is wanted after it."""
        recorder = self.recorder
        if seen.memory is None or seen.memory[0] is not self._generation:
            seen.memory, seen.role, seen.calls = (self._generation, Memory()), "", 0
        seen.calls += 1
        if seen.role == PLAIN or recorder.outer or recorder.marked:
            return False
        started, memory = perf_counter(), seen.memory[1]
        self._settle()
        if seen.role == UPDATE and not recorder.flags and self.open is None:
            return True
        inputs = trees.flatten(self.jax, (args, kwargs))
        self._find_role(seen, memory, inputs)
        if seen.role == PLAIN:
            return False
        self._begin_call(seen, memory, inputs, args, kwargs)
        recorder.spent += perf_counter() - started
        return True

    def _find_role(self, seen: Seen, memory: Memory, inputs: trees.Leaves) -> None:
        """Looks whether outputs of the function's last call come back."""
        if seen.role in (UPDATE, APPLY) and memory.call is not None and memory.call.pairs:
            return
        back = memory.coming_back(inputs.values, earlier=True)
        first, memory.first = memory.first, None
        if memory.call is not None and any(trees.is_float(inputs.values[index]) for index in back.values()):
            memory.call.pairs = back
            seen.role = UPDATE if seen.differentiates else APPLY
        elif seen.differentiates and seen.calls > 1 and seen.role != UPDATE:
            seen.role = GRADIENT if memory.mirrors else PLAIN if seen.calls > LOOKS else ""
        elif seen.calls > LOOKS and not seen.differentiates and not seen.role:
            seen.role = PLAIN
        if seen.role == UPDATE and self.open is not None and self.open.seen is seen:
            self.open.calls = [made for made in self.open.calls if not made.applies]  # a moving average of it
            self._end(self.open)
        elif seen.role == APPLY and first is not None and not self._differentiates:
            self._end(first)

    def _begin_call(self, seen: Seen, memory: Memory, inputs: trees.Leaves, args: Any, kwargs: Any) -> None:
        opened = self.open
        takes_gradients = opened is not None and not seen.differentiates and self._gradients_in(opened, inputs.values)
        if opened is not None and seen.differentiates and self._is_over(opened, seen, inputs.values):
            by_hand = not opened.ended and not any(made.applies for made in opened.calls)
            if opened.seen is seen and seen.role == GRADIENT and by_hand:
                opened.applied(inputs.values)
            self._end(opened)
            opened = None
        if seen.role == APPLY:
            if opened is None and self._differentiates:
                self._settling = None
                return
            update = opened or Update(self, seen)
        else:
            joins = opened is not None and (seen.differentiates or takes_gradients)
            update = opened if joins and opened is not None else Update(self, seen)
        named = memory.calls.get(inputs.tree)
        if named is None:
            named = trees.name_inputs(self.jax, seen.function, args, kwargs)
            if len(memory.calls) < 64:
                memory.calls[inputs.tree] = named
        if memory.call is not None and not named.pairs:
            named.pairs, named.mirrored = memory.call.pairs, memory.call.mirrored
        memory.call = named
        update.enter(seen, named, inputs.values, applies=update is opened and not seen.differentiates)
        update.calls[-1].gradients = takes_gradients or set()
        self._settling = update
        if seen.role in (UPDATE, GRADIENT, APPLY):
            self.open = update

    def _is_over(self, opened: Update, seen: Seen, inputs: list[Any]) -> bool:
        """Whether the open step has ended when a function that takes gradients is called again."""
        if seen.role == UPDATE or opened.ended or any(made.applies for made in opened.calls):
            return True
        if self._appliers:
            return False  # gradients are accumulated until they are applied
        return opened.seen is not seen or not opened.has_same_parameters(inputs)

    def _gradients_in(self, opened: Update, inputs: list[Any]) -> set[int]:
        """Which inputs are outputs of the open step's last call that took gradients."""
        seen = next((made.seen for made in reversed(opened.calls) if made.seen.differentiates), None)
        return set(seen.memory[1].coming_back(inputs).values()) if seen is not None and seen.memory else set()

    def leave(self, seen: Seen, outputs: Any) -> None:
        """After it: remembers the outputs until the next call begins."""
        started = perf_counter()
        recorder, memory, update = self.recorder, seen.memory[1], self._settling
        if update is None or update.calls[-1].seen is not seen:
            if seen.role == UPDATE and memory.call is not None:
                leaves, at = self.jax.tree_util.tree_leaves(outputs), memory.call.loss
                self._passed.add(leaves[at] if 0 <= at < len(leaves) else None)
                self.last.keep(seen, memory.call, leaves)
                recorder.spent += perf_counter() - started
            return
        named: trees.Call = memory.call
        leaves = self.jax.tree_util.tree_leaves(outputs)
        trees.correspond(
            self.jax, self.digester, named, update.calls[-1].shapes, outputs, leaves, gradients=seen.differentiates
        )
        if seen.role in ("", GRADIENT) or not named.pairs:
            memory.mirrors = bool(named.mirrored)
            memory.remember(leaves, self.digester)
        update.leave(leaves)
        if update.calls[-1].applies:
            self._leave_apply(seen, update, named)
        elif seen.differentiates:
            self._leave_gradient(seen, update, memory)
        elif not seen.role and memory.first is None and seen.calls == 1:
            memory.first = update
        recorder.spent += perf_counter() - started

    def _leave_gradient(self, seen: Seen, update: Update, memory: Memory) -> None:
        """A function that takes gradients has returned: a step is under way, unless all it gave are numbers."""
        self._differentiates = True
        if memory.mirrors or seen.role == UPDATE:
            if self.open is not None and self.open is not update:
                self._end(self.open)  # its first call was not yet known to take gradients when it began
            self.open = update

    def _leave_apply(self, seen: Seen, update: Update, named: trees.Call) -> None:
        """A function that was given gradients has returned: it applied them if it gave new versions of something else.

        Clipping gives new gradients, and a norm a number.
        """
        made = update.calls[-1]
        if seen.role != APPLY and not set(named.mirrored.values()) - made.gradients:
            update.calls.pop()
            self._settling = None
            return
        if update.calls[0].seen.role:
            seen.role = APPLY  # else the next call will tell whether gradients were applied or a model was averaged

    def cancel(self, seen: Seen) -> None:
        """The call raised: it was none."""
        update = self._settling
        if update is not None and update.calls and update.calls[-1].seen is seen:
            update.calls.pop()
            self._settling = None
            if self.open is update and not update.calls:
                self.open = None

    def applied(self, after: Any) -> None:
        """``optax.apply_updates`` has run outside compiled code: the step's parameters are ``after``."""
        if self.recorder.outer or self.recorder.marked:
            return
        self._settle()
        update = self.open
        if update is None:
            update = Update(self, Seen(self.jax.tree_util.tree_map))
            update.generators()
        self._appliers = True
        names = [f"params{path.removeprefix('output')}" for path in trees.name_outputs(self.jax, after)]
        update.is_ended()
        update.parameters(names, self.jax.tree_util.tree_leaves(after))
        self.session.fire("optax.apply_updates")
        self._end(update)

    # The end of a step.

    def _settle(self) -> None:
        """Digests the outputs of the last call, which is the last moment: the next one may be given their buffers."""
        update, self._settling = self._settling, None
        if update is None:
            return
        update.settle()
        if update is self.open and update.calls:
            seen = update.calls[-1].seen
            if seen.role in (UPDATE, APPLY):
                self._end(update)

    def _end(self, update: Update) -> None:
        """Writes the row."""
        if self.open is update:
            self.open = None
        recorder = self.recorder
        if recorder.marked or recorder.outer:
            return
        applied = [made for made in update.calls if made.applies]
        if applied:
            update.is_ended()
            self._appliers = True
            for made in applied:
                made.seen.role = APPLY
        self._passed.read(0)
        update.write(recorder)
        recorder.end_step(marker=update.marker)
        self.session.fire(f"jax.{update.role or UPDATE}")
