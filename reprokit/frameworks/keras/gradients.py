"""Gradients, where they pass through Python as values: eager steps and Keras on PyTorch.

In a compiled step they are never touched. Copying them to variables changed the trained weights under XLA, while the
printed loss stayed equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reprokit.frameworks.keras.registry import path_of
from reprokit.frameworks.torch.tensors import ABSENT
from reprokit.trace.raw import Column

if TYPE_CHECKING:
    from reprokit.frameworks.keras.registry import Registry
    from reprokit.frameworks.keras.values import Values
    from reprokit.observe.recorder import Recorder


class Gradients:
    """Adds the gradients of one update to its row.

    Attributes:
        seen: the row that is under way holds gradients.
    """

    def __init__(self, recorder: Recorder, values: Values) -> None:
        self._recorder, self._values = recorder, values
        self._blocks: dict[Any, int] = {}
        self.seen = False

    def add(self, registry: Registry, optimizer: Any, grads: Any, variables: Any) -> None:
        """Digests ``grads``, one for each of ``variables``, unless they are being traced into a graph."""
        if not any(self._readable(grad) for grad in grads):
            return
        number = next((known.number for known in registry.optimizers if known.alive is optimizer), None)
        given = list(variables) if variables is not None else list(getattr(optimizer, "_trainable_variables", ()))
        if number is None or len(given) != len(grads):
            return
        key = (number, *map(id, given))
        block = self._blocks.get(key)
        if block is None:
            columns = tuple(Column(f"optimizer {number}/{at}", path_of(v)) for at, v in enumerate(given))
            block = self._blocks[key] = self._recorder.block("gradients", columns)
        self._recorder.add(block, b"".join([self._digest(grad) for grad in grads]), "gradients")
        self.seen = True

    def _readable(self, grad: Any) -> bool:
        return self._values.known(getattr(grad, "values", grad) if _sliced(grad) else grad)

    def _digest(self, grad: Any) -> bytes:
        if grad is None:
            return ABSENT
        if not _sliced(grad):
            return self._values.digest(grad)
        hasher = self._values.hash
        joined = self._values.digest(grad.values) + self._values.digest(grad.indices)
        return hasher.digest(hasher.prepare(b"slices|"), joined)


def _sliced(grad: Any) -> bool:
    """``tf.IndexedSlices``: the gradient of a lookup, as rows and their places."""
    return type(grad).__name__ == "IndexedSlices"
