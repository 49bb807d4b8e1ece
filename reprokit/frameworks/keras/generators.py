"""States of the generators that no model owns: Keras's global one, TensorFlow's, PyTorch's."""

from __future__ import annotations

import struct
import sys
from typing import TYPE_CHECKING, Any

from reprokit.frameworks.keras.registry import value_of

if TYPE_CHECKING:
    from reprokit.frameworks.keras.values import Values


class Generators:
    """Reads them all, by name."""

    def __init__(self, backend: str, values: Values) -> None:
        self._backend, self._values = backend, values
        self._digester: Any = None

    def states(self) -> list[tuple[str, bytes]]:
        """Names and states, in a fixed order."""
        found = []
        common = sys.modules.get("keras.src.backend.common.global_state")
        generator = common.get_global_attribute("global_seed_generator") if common is not None else None
        if generator is not None:
            found.append(("keras:global", self._values.raw(value_of(generator.state))))
        if self._backend == "tensorflow":
            found += self._tensorflow()
        elif self._backend == "torch":
            found += self._torch()
        return found

    def recording(self) -> bool:
        """Whether operations are being recorded for gradients."""
        if self._backend == "tensorflow":
            from tensorflow.python.eager import record

            return bool(record.could_possibly_record())
        return self._backend == "torch" and bool(sys.modules["torch"].is_grad_enabled())

    def _tensorflow(self) -> list[tuple[str, bytes]]:
        from tensorflow.python.eager import context
        from tensorflow.python.ops import stateful_random_ops

        found = []
        seeds = getattr(
            context.context(), "_rng", None
        )  # gives operations their seeds once tf.random.set_seed was called
        if seeds is not None:
            found.append(("tensorflow", struct.pack("<625I", *seeds.getstate()[1])))
        generator = getattr(stateful_random_ops, "global_generator", None)
        if generator is not None:
            found.append(("tensorflow:global", self._values.raw(generator.state)))
        return found

    def _torch(self) -> list[tuple[str, bytes]]:
        from reprokit.frameworks.torch.readings import read_generators
        from reprokit.frameworks.torch.tensors import TensorDigester

        torch = sys.modules["torch"]
        if self._digester is None:
            self._digester = TensorDigester(torch, self._values.hash)
        return read_generators(torch, self._digester)
