"""Reads the values of Keras variables and tensors, on each backend, without changing or copying them.

- TensorFlow: an eager tensor shows its memory (``memoryview``); only types that Python's buffers lack are copied.
- JAX: through the array's pointer. ``numpy.asarray`` would leave a second owner of the buffer behind, and the step that
  was given the buffer to reuse (``donate_argnums``) would have to copy it.
- PyTorch: as PyTorch's own adapter does.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

from reprokit.digest import array_header
from reprokit.frameworks.torch.tensors import ABSENT, NOT_DIGESTED

if TYPE_CHECKING:
    from reprokit.digest import TensorHash

_NAN = float("nan")


class Values:
    """Digests, bytes and numbers of one backend's tensors; NumPy arrays and numbers are read on every backend."""

    def __init__(self, hasher: TensorHash) -> None:
        self.hash = hasher

    def known(self, value: Any) -> bool:
        """Whether ``value`` is a tensor that can be read: a real one, not one that is being traced."""
        return type(value).__module__.partition(".")[0] in ("numpy", "ml_dtypes") and hasattr(value, "dtype")

    def content(self, value: Any) -> tuple[str, tuple[int, ...], Any]:
        """Dtype, shape, and the bytes in C order."""
        import numpy as np

        array = np.asarray(value)
        shape = array.shape
        if array.dtype.hasobject:
            return "object", shape, repr(array.tolist()).encode("utf-8", "backslashreplace")
        return array.dtype.name, shape, np.ascontiguousarray(array).reshape(-1).view(np.uint8)

    def digest(self, value: Any) -> bytes:
        """16 bytes; `ABSENT` for None, `NOT_DIGESTED` for what cannot be read."""
        if value is None:
            return ABSENT
        try:
            dtype, shape, data = self.content(value)
            return self.hash.digest(self.hash.prepare(array_header(dtype, shape)), data)
        except Exception:  # noqa: BLE001 - a donated, deleted or symbolic tensor: not read, and not claimed
            return NOT_DIGESTED

    def raw(self, value: Any) -> bytes:
        """The bytes of a small tensor."""
        return bytes(self.content(value)[2])

    def number(self, value: Any) -> tuple[float, bytes, str] | None:
        """Value, bytes and dtype of a real number or of a tensor with one element; else None."""
        import struct

        import numpy as np

        if isinstance(value, (bool, int, float)):
            return float(value), struct.pack("<d", float(value)), "float64"
        if not self.known(value):
            return None
        try:
            dtype, shape, data = self.content(value)
            size = 1
            for extent in shape:
                size *= extent
            if size != 1 or np.dtype(dtype).kind == "c":
                return None
            # not float(value): a variable that is mirrored on several devices has none
            return float(np.frombuffer(bytes(data), np.dtype(dtype))[0]), bytes(data), dtype
        except Exception:  # noqa: BLE001 - a text, a type that NumPy lacks
            return None


class TensorFlowValues(Values):
    """Eager tensors and variables."""

    def __init__(self, hasher: TensorHash) -> None:
        super().__init__(hasher)
        import tensorflow as tf
        from tensorflow.python.framework.ops import EagerTensor  # asking a tensor for its type would start the runtime

        self._tf = tf
        self._eager = EagerTensor

    def known(self, value: Any) -> bool:
        """See `Values.known`."""
        return isinstance(value, (self._eager, self._tf.Variable)) or super().known(value)

    def content(self, value: Any) -> tuple[str, tuple[int, ...], Any]:
        """See `Values.content`."""
        if not isinstance(value, self._eager):
            if not isinstance(value, self._tf.Variable):
                return super().content(value)
            value = self._tf.convert_to_tensor(value)
        shape = tuple(value.shape)
        try:
            view = memoryview(value)
        except (ValueError, BufferError):  # bfloat16 and the like
            return super().content(value.numpy())
        if view.format == "O":
            return super().content(value.numpy())
        return value.dtype.name, shape, view if view.nbytes else b""


class JaxValues(Values):
    """Concrete arrays."""

    def __init__(self, hasher: TensorHash) -> None:
        super().__init__(hasher)
        import jax

        self._array, self._tracer = jax.Array, jax.core.Tracer

    def known(self, value: Any) -> bool:
        """See `Values.known`."""
        kind = isinstance(value, self._array) and not isinstance(value, self._tracer)
        return kind or super().known(value)

    def content(self, value: Any) -> tuple[str, tuple[int, ...], Any]:
        """See `Values.content`."""
        if not isinstance(value, self._array):
            return super().content(value)
        value.block_until_ready()
        device = next(iter(value.devices()))
        if len(value.devices()) > 1 or device.platform != "cpu":
            return super().content(value)
        data: Any = b""
        if value.nbytes:
            data = (ctypes.c_char * value.nbytes).from_address(value.unsafe_buffer_pointer())
        return value.dtype.name, value.shape, data


class TorchValues(Values):
    """Parameters and tensors."""

    def __init__(self, hasher: TensorHash) -> None:
        super().__init__(hasher)
        import torch

        from reprokit.frameworks.torch.tensors import TensorDigester

        self._torch, self._digester = torch, TensorDigester(torch, hasher)

    def known(self, value: Any) -> bool:
        """See `Values.known`."""
        return isinstance(value, self._torch.Tensor) or super().known(value)

    def content(self, value: Any) -> tuple[str, tuple[int, ...], Any]:
        """See `Values.content`."""
        if not isinstance(value, self._torch.Tensor):
            return super().content(value)
        plain = value.detach().cpu()
        return str(plain.dtype).removeprefix("torch."), tuple(plain.shape), self._digester.raw(plain)

    def digest(self, value: Any) -> bytes:
        """See `Values.digest`."""
        if not isinstance(value, self._torch.Tensor):
            return super().digest(value)
        with self._torch.no_grad():
            return self._digester.one(value)


_KINDS: dict[str, type[Values]] = {"tensorflow": TensorFlowValues, "jax": JaxValues, "torch": TorchValues}


def values_of(backend: str, hasher: TensorHash) -> Values:
    """What reads the tensors of a Keras backend."""
    return _KINDS.get(backend, Values)(hasher)


def leaves(value: Any, name: str, depth: int = 0) -> list[tuple[str, Any]]:
    """What nested tuples, lists and dictionaries hold, by name: ``input[0]``, ``input.mask``."""
    if depth < 4 and isinstance(value, dict):
        return [leaf for key, item in value.items() for leaf in leaves(item, f"{name}.{key}", depth + 1)]
    if depth < 4 and isinstance(value, (list, tuple)):
        return [leaf for at, item in enumerate(value) for leaf in leaves(item, f"{name}[{at}]", depth + 1)]
    return [(name, value)]
