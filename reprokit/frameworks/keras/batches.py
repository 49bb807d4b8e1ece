"""The batch of a step, seen without taking it from the user's iterator.

- TensorFlow: ``fit`` takes batches from a ``tf.data`` iterator inside a graph. Beside the compiled step, not in it, a
  queue keeps a reference to each batch; it is read after the step. What XLA compiles stays as it was, and so do the
  bits. The queue is asked for a batch only in steps that are digested, and holds a few at most.
- JAX: the Python iterator that the step is given is wrapped; it advances when the step asks, and then only.
- PyTorch: the step is called with the batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reprokit.frameworks.keras.values import leaves
from reprokit.trace.raw import Column

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reprokit.frameworks.keras.values import Values
    from reprokit.observe.recorder import Recorder

_MOST = 8  # batches of one execution (steps_per_execution) that are kept; later ones are not seen
_TENSORS = 32


class StepBatches:
    """Writes the batches of the step that is under way, each under its number in the step."""

    def __init__(self, recorder: Recorder, values: Values) -> None:
        self._recorder, self._values = recorder, values
        self.count = 0

    def add(self, data: Any, name: str = "input") -> None:
        """Digests the tensors and numbers of one batch."""
        self.count += 1
        if self.count > _MOST:
            return
        columns, digests = [], []
        prefix = "" if self.count == 1 else f"batch {self.count}: "
        for path, value in leaves(data, name)[:_TENSORS]:
            if value is None or not (self._values.known(value) or isinstance(value, (bool, int, float))):
                continue
            shape = ",".join(map(str, getattr(value, "shape", ())))
            columns.append(Column(f"{self.count}/{path}", prefix + path, _dtype(value), shape))
            digests.append(self._values.digest(value))
        if columns:
            self._recorder.add(self._recorder.block("batch", tuple(columns)), b"".join(digests), "batch")


def _dtype(value: Any) -> str:
    dtype = getattr(value, "dtype", type(value).__name__)
    return str(getattr(dtype, "name", dtype)).removeprefix("torch.")


class Watched:
    """Stands for an iterator, and shows each batch that is taken from it."""

    def __init__(self, iterator: Any, show: Callable[[Any], None]) -> None:
        self._iterator, self._show = iter(iterator), show

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        data = next(self._iterator)
        self._show(data)
        return data


class GraphTap:
    """Keeps the batches that a compiled training function of TensorFlow takes from its iterator."""

    def __init__(self, show: Callable[[Any], None], failed: Callable[[Exception], None]) -> None:
        import tensorflow as tf

        self._tf, self._show, self._failed = tf, show, failed
        self._wanted: Any = None
        self._is_wanted = False
        self._queues: dict[Any, Any] = {}

    def before_step(self, *, wanted: bool) -> None:
        """Says whether the next execution's batches are wanted, and forgets what a failed one left."""
        if self._wanted is not None and wanted != self._is_wanted:
            self._wanted.assign(wanted)
        self._is_wanted = wanted
        for queue in self._queues.values() if wanted else ():
            while int(queue.size()):
                queue.dequeue()

    def after_step(self) -> None:
        """Shows the batches that the execution took."""
        for queue in self._queues.values() if self._is_wanted else ():
            while int(queue.size()):
                found = queue.dequeue()
                self._show(list(found) if isinstance(found, (list, tuple)) else [found])

    def put(self, data: Any) -> None:
        """Called where the training function has taken a batch: with values, or once while its graph is made."""
        try:
            tf = self._tf
            tensors = [part for part in tf.nest.flatten(data, expand_composites=True) if part is not None]
            if tf.executing_eagerly():
                if self._is_wanted or self._wanted is None:
                    self._show(tensors)
                return
            kept = [
                part for part in tensors if isinstance(part, tf.Tensor) and part.dtype not in (tf.variant, tf.resource)
            ]
            if kept:
                self._into_graph(kept)
        except Exception as error:  # noqa: BLE001 - the step is made without the tap
            self._failed(error)

    def _into_graph(self, tensors: list[Any]) -> None:
        tf = self._tf
        types = tuple(tensor.dtype for tensor in tensors)
        with tf.init_scope(), tf.device("/CPU:0"):
            if self._wanted is None:
                self._wanted = tf.Variable(
                    self._is_wanted, trainable=False, dtype=tf.bool, name="reprokit_batch_wanted"
                )
            queue = self._queues.get(types)
            if queue is None:
                queue = self._queues[types] = tf.queue.FIFOQueue(_MOST + 1, list(types))

        def enqueue() -> Any:
            with tf.control_dependencies([queue.enqueue(tensors)]):
                return tf.constant(1)

        wanted = tf.logical_and(self._wanted.read_value(), queue.size() < _MOST)
        tf.cond(wanted, enqueue, lambda: tf.constant(0))
