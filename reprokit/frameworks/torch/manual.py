"""Loops that update parameters by hand (``p.data.add_(…)``): each backward pass delimits a step.

The update comes after the backward pass, at a place that cannot be observed; so a step is closed when the next one
begins, or at exit, and the parameters are read then. The trace marks such steps.
"""

from __future__ import annotations

import weakref
from time import perf_counter
from typing import TYPE_CHECKING, Any

from reprokit.frameworks.torch.state import ParameterGroup
from reprokit.trace.raw import BACKWARD, CORE

if TYPE_CHECKING:
    from reprokit.frameworks.torch.steps import TorchObserver

_SEARCH_STEPS = 3
_NODES = 20_000


class ManualLoop:
    """Closes steps of a loop that has no optimizer object."""

    def __init__(self, observer: TorchObserver) -> None:
        self._observer = observer
        self._pending = False
        self._after = 0  # the recorder's step when it became pending
        self._searches = 0
        self._leaves: list[Any] = []
        self._group: ParameterGroup | None = None

    def cancel(self) -> None:
        """An optimizer has stepped: the pass before it belongs to that update."""
        self._pending = False

    def before_backward(self, roots: list[Any]) -> None:
        """Finds the leaves of the graph: the parameters of a loop without modules."""
        if self._searches >= _SEARCH_STEPS:
            return
        self._searches += 1
        found = _graph_leaves(roots)
        if [id(t) for t in found] != [id(r()) for r in self._leaves]:
            self._leaves = [weakref.ref(tensor) for tensor in found]
            self._group = None

    def after_backward(self) -> None:
        """Digests the gradients; the step stays open until its update has happened."""
        started = perf_counter()
        observer = self._observer
        if observer.recorder.flags & CORE:
            tensors = self._tensors()
            if self._group is not None:
                number, digests, part = self._group.block("gradients", [t if t is None else t.grad for t in tensors])
                observer.recorder.add(number, digests, part)
            observer.recorder.spend(CORE, perf_counter() - started)
        self._pending = True
        self._after = observer.recorder.step

    def flush(self) -> None:
        """Closes the open step: its update is done by now."""
        if not self._pending:
            return
        self._pending = False
        if self._after != self._observer.recorder.step:  # another adapter's update has closed it: a Keras optimizer's
            return
        started = perf_counter()
        observer = self._observer
        if observer.recorder.flags & CORE:
            tensors = self._tensors()
            blocks = [self._group.block("parameters", tensors)] if self._group is not None else []
            if observer.ranks.wrapped:
                observer.ranks.note(-1, self._group, tensors, observer.modules)
            for number, digests, part in blocks + observer.modules.buffers():
                observer.recorder.add(number, digests, part)
            observer.recorder.spend(CORE, perf_counter() - started)
        observer.end(float("nan"), BACKWARD)

    def _tensors(self) -> list[Any]:
        tensors = [reference() for reference in self._leaves]
        if self._group is None and tensors and all(t is not None for t in tensors):
            names: dict[int, str] = {}
            for root in self._observer.modules.alive():
                for name, parameter in root.named_parameters():
                    names.setdefault(id(parameter), name)
            entries = [(f"leaf/{i}", names.get(id(t), f"leaf {i}"), t) for i, t in enumerate(tensors)]
            self._group = ParameterGroup(self._observer.recorder, self._observer.digester, entries)
        return tensors


def _graph_leaves(roots: list[Any]) -> list[Any]:
    """The leaf tensors of a graph, in the order in which a walk from its roots meets them."""
    leaves: list[Any] = []
    waiting = [root.grad_fn for root in roots if root.grad_fn is not None]
    seen = set(waiting)
    while waiting and len(seen) < _NODES:
        node = waiting.pop()
        variable = getattr(node, "variable", None)
        if variable is not None:
            leaves.append(variable)
        for child, _ in node.next_functions:
            if child is not None and child not in seen:
                seen.add(child)
                waiting.append(child)
    return leaves
