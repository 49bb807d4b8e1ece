"""Steps that the script marks itself: a row of the trace for each, with what the script tracks."""

from __future__ import annotations

import struct
import sys
from time import perf_counter
from typing import TYPE_CHECKING, Any

from reprokit.compare.values import Records, Scalar, Structure, Tensor, digest, flatten
from reprokit.digest import array_header
from reprokit.observe.beside import BesideStream
from reprokit.trace.raw import CORE, EXPLICIT, Column

if TYPE_CHECKING:
    from reprokit.compare.values import Leaf
    from reprokit.observe.recorder import Recorder
    from reprokit.observe.start import Session

_PARTS = {
    "batch": "batch", "loader": "batch", "grads": "gradients", "gradients": "gradients",
    "optimizer": "optimizer", "opt_state": "optimizer", "scheduler": "optimizer", "scaler": "optimizer",
    "key": "rng", "rng": "rng",
}  # fmt: skip
"""Where a tracked name stands in execution order; any other is a parameter."""


class MarkedSteps:
    """Writes the rows of one run's marked steps.

    Where a framework's adapter has traced updates before the first marked step, marked steps go into a stream of their
    own (``train/steps``): an update and a marked step are two ways to count.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._tracked: dict[str, Any] = {}
        self._beside: BesideStream | None = None
        self._recorder: Recorder | None = None
        self.count = 0

    def track(self, objects: dict[str, Any]) -> None:
        """Digests ``objects`` in every step from now on.

        Raises:
            UsageError: RPK070, one has no comparable content.
        """
        for name, value in objects.items():
            _leaves(name, value)
        self._tracked.update(objects)

    def step(self, loss: Any, batch: Any, tracked: dict[str, Any]) -> int:
        """Writes one row.

        Returns:
            The number of the step, from 1.
        """
        self.count += 1
        if self._session.config.get("level") == "off":
            return self.count
        recorder = self._recorder or self._begin()
        started = perf_counter()
        if loss is not None:
            value = float(loss)
            recorder.add_loss(value, struct.pack("<d", value), "float64")
        if recorder.flags & CORE:
            given = {} if batch is None else {"batch": batch}
            for name, value in (given | self._tracked | tracked).items():
                self._add(recorder, name, value)
            recorder.add_generators("after step", _torch_state())
        recorder.spend(CORE, perf_counter() - started)
        recorder.end_step(marker=EXPLICIT)
        return self.count

    def close(self) -> None:
        """Ends the stream."""
        if self._beside is not None:
            self._beside.close()

    def _begin(self) -> Recorder:
        main: Recorder = self._session.recorder()
        if (main.step or main.losses) and not main.marked:
            self._beside = BesideStream(self._session, "steps")
            main = self._beside.recorder
        main.marked = True
        self._recorder = main
        return main

    def _add(self, recorder: Recorder, name: str, value: Any) -> None:
        columns, digests = [], []
        for path, leaf in _leaves(name, value).items():
            header, data, dtype, shape = _content(leaf)
            columns.append(Column(path, path, dtype, shape))
            digests.append(recorder.hash.digest(recorder.hash.prepare(header), data))
        part = _PARTS.get(name, "parameters")
        recorder.add(recorder.block(part, tuple(columns)), b"".join(digests), part)


def _leaves(name: str, value: Any) -> dict[str, Leaf]:
    if name == "loader" and not hasattr(value, "state_dict"):
        # A PyTorch DataLoader has no state but its generators'; without one it draws from the global generator.
        sampler = getattr(value, "sampler", None)
        if sampler is not None:
            value = {"loader": getattr(value, "generator", None), "sampler": getattr(sampler, "generator", None)}
    return flatten(value, name)


def _content(leaf: Leaf) -> tuple[bytes, Any, str, str]:
    """Header, bytes, dtype and shape of a leaf."""
    if isinstance(leaf, Tensor):
        import numpy as np

        blocks = [np.ascontiguousarray(block) for block in leaf.blocks(sys.maxsize)]
        data = blocks[0].view(np.uint8) if len(blocks) == 1 else b"".join(block.tobytes() for block in blocks)
        return array_header(leaf.dtype, leaf.shape), data, leaf.dtype, ",".join(map(str, leaf.shape))
    if isinstance(leaf, Scalar):
        return f"scalar|{leaf.type}|".encode(), leaf.text.encode("utf-8", "surrogatepass"), leaf.type, ""
    if isinstance(leaf, Structure):
        return b"structure|", leaf.text.encode("utf-8", "surrogatepass"), "structure", ""
    assert isinstance(leaf, Records)
    return b"records|", digest(leaf).encode(), "records", ""


def _torch_state() -> list[tuple[str, bytes]]:
    torch = sys.modules.get("torch")
    return [] if torch is None else [("torch", bytes(torch.get_rng_state().numpy().tobytes()))]
