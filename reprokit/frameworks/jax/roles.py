"""The roles of a script's functions, and what the observer remembers of each.

- **update**: takes a gradient (seen while it was traced) and its outputs come back as its inputs, as the same arrays.
  Each call is a step.
- **gradient**: takes a gradient, gives something of the shapes of one of its arguments, and its outputs do not come
  back. It opens a step, which ends when the gradients are applied: by an *apply* call, by ``optax.apply_updates``, or,
  where neither has been seen, before the next call of the function. The parameters that it is called with then are the
  ones that the step gave.
- **apply**: takes no gradient; its outputs come back as its inputs and hold floating-point numbers. Where the process
  takes no gradients at all, each call is a step (k-means, evolution strategies); where it does and no step is open, it
  is none (moving averages, caches, simulators).
- **plain**: everything else: evaluation, preprocessing. Not observed after its third call.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reprokit.frameworks.jax.arrays import LeafDigester
    from reprokit.frameworks.jax.trees import Call
    from reprokit.frameworks.jax.update import Update

UPDATE, GRADIENT, APPLY, PLAIN = "update", "gradient", "apply", "plain"
_MOST = 4096  # arrays of earlier calls that are remembered
LOOKS = 3  # calls after which a function that neither differentiates nor feeds itself is plain


class Memory:
    """What the observer remembers of one function.

    Attributes:
        calls: names and correspondences, by the structure of the inputs.
        call: those of the last call.
        first: its first call, until its role is known.
        mirrors: its outputs have the shapes of one of its arguments.
    """

    def __init__(self) -> None:
        self.calls: dict[Any, Call] = {}
        self.call: Call | None = None
        self.first: Update | None = None
        self.mirrors = False
        self._last: dict[int, tuple[Any, int]] = {}
        self._earlier: dict[int, tuple[Any, int]] = {}

    def remember(self, outputs: list[Any], digester: LeafDigester) -> None:
        """Keeps weak references to the arrays that a call gave, beside those of earlier calls that are still in use."""
        kept = self._earlier | self._last if len(self._earlier) < _MOST else self._last
        self._earlier = {key: known for key, known in kept.items() if known[0]() is not None}
        self._last = {
            id(leaf): (weakref.ref(leaf), place) for place, leaf in enumerate(outputs) if digester.is_array(leaf)
        }

    def coming_back(self, inputs: list[Any], *, earlier: bool = False) -> dict[int, int]:
        """Output leaf of the function's last call -> the input leaf that is the same array.

        Args:
            inputs: the leaves of a call that begins.
            earlier: look through earlier calls too: one function may train several models in turn.
        """
        back = {}
        for index, leaf in enumerate(inputs):
            known = self._last.get(id(leaf)) or (self._earlier.get(id(leaf)) if earlier else None)
            if known is not None and known[0]() is leaf:
                back[known[1]] = index
        return back
