"""Digests of what goes into and comes out of JAX's functions: arrays of any dtype and sharding, keys, numbers.

An array on the CPU is read through its buffer's address. ``numpy.asarray`` would keep a view of the buffer in the
array, and while there is a view XLA does not donate the buffer but copies it: the script would need more memory than
it does without us (measured with JAX 0.10.2; a test holds it).
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

from reprokit.digest import array_header

if TYPE_CHECKING:
    from reprokit.digest import TensorHash

NOT_DIGESTED = bytes(16)
_KINDS: dict[int, Any] = {}


def _buffer(pointer: int, size: int) -> Any:
    kind = _KINDS.get(size)
    if kind is None:
        if len(_KINDS) > 4096:
            _KINDS.clear()
        kind = _KINDS[size] = ctypes.c_char * size
    return kind.from_address(pointer)


class LeafDigester:
    """Digests leaves of pytrees with the recorder's hash."""

    def __init__(self, jax: Any, hasher: TensorHash) -> None:
        import numpy as np

        self._np = np
        self.array_class = jax.Array
        self._prepare, self._digest = hasher.prepare, hasher.digest
        self._headers: dict[tuple[Any, Any], Any] = {}

    def is_array(self, leaf: Any) -> bool:
        """Whether it is one of JAX's own arrays or keys, and no tracer."""
        return isinstance(leaf, self.array_class) and hasattr(leaf, "is_deleted")

    def is_known(self, leaf: Any) -> bool:
        """Whether `one` can digest it."""
        kind = type(leaf)
        known = issubclass(kind, (bool, int, float, complex, str, self._np.ndarray, self._np.generic))
        return known or leaf is None or self.is_array(leaf)

    def describe(self, leaf: Any) -> tuple[str, str]:
        """The dtype and the shape of a leaf, as in a column."""
        if hasattr(leaf, "dtype") and hasattr(leaf, "shape"):
            return str(leaf.dtype), ",".join(map(str, leaf.shape))
        return type(leaf).__name__, ""

    def one(self, leaf: Any) -> bytes:
        """The 16 bytes of one leaf; `NOT_DIGESTED` for an array that was donated or lies on other hosts."""
        if self.is_array(leaf):
            return self._array(leaf)
        if isinstance(leaf, (self._np.ndarray, self._np.generic)):
            plain = self._np.ascontiguousarray(leaf)
            if plain.dtype.hasobject:
                return NOT_DIGESTED
            seed = self._header(str(plain.dtype), plain.shape)
            return (
                self._digest(seed, plain.reshape(-1).view(self._np.uint8)) if plain.nbytes else self._digest(seed, b"")
            )
        return self._digest(self._prepare(f"{type(leaf).__name__}|".encode()), repr(leaf).encode())

    def _header(self, dtype: str, shape: Any) -> Any:
        seed = self._headers.get((dtype, shape))
        if seed is None:
            if len(self._headers) > 4096:
                self._headers.clear()
            seed = self._headers[dtype, shape] = self._prepare(array_header(dtype, shape))
        return seed

    def _array(self, array: Any) -> bytes:
        if array.is_deleted():
            return NOT_DIGESTED
        dtype, shape = str(array.dtype), tuple(array.shape)
        base = getattr(
            array, "_base_array", None
        )  # of a typed key: https://docs.jax.dev/en/latest/jep/9263-typed-keys.html
        if base is not None:
            return self._digest(self._header(dtype, shape), self._array(base))
        seed = self._header(dtype, shape)
        if len(array.sharding.device_set) == 1:
            return self._local(array, seed)
        return self._sharded(array, seed)

    def _sharded(self, array: Any, seed: Any) -> bytes:
        """The shards of this process, each once: a replicated one has the same index on several devices."""
        parts = []
        for shard in array.addressable_shards:
            index = repr(shard.index).encode()
            data = self._header(str(array.dtype), tuple(shard.data.shape))
            parts.append(index + self._local(shard.data, data))
        if not parts:
            return NOT_DIGESTED
        return self._digest(seed, b"".join(dict.fromkeys(sorted(parts))))

    def _local(self, array: Any, seed: Any) -> bytes:
        size = array.size * array.dtype.itemsize
        if not size:
            return self._digest(seed, b"")
        (device,) = array.sharding.device_set
        if device.platform == "cpu" and _plain_layout(array):
            array.block_until_ready()
            return self._digest(seed, _buffer(array.unsafe_buffer_pointer(), size))
        copied = self._np.array(array.addressable_data(0))
        return self._digest(seed, copied.reshape(-1).view(self._np.uint8))

    def read(self, array: Any) -> tuple[bytes, str]:
        """The bytes and the dtype of a small array: a loss."""
        if array.is_deleted():
            return b"", str(array.dtype)
        local = array if len(array.sharding.device_set) == 1 else array.addressable_data(0)
        (device,) = local.sharding.device_set
        size = local.size * local.dtype.itemsize
        if device.platform == "cpu" and _plain_layout(local):
            local.block_until_ready()
            return bytes(_buffer(local.unsafe_buffer_pointer(), size)), str(local.dtype)
        return self._np.array(local).tobytes(), str(local.dtype)

    def number(self, raw: bytes, dtype: str) -> float:
        """The value of what `read` returned; NaN where it is no real number."""
        import ml_dtypes

        kind = getattr(ml_dtypes, dtype, None) or dtype
        values = self._np.frombuffer(raw, self._np.dtype(kind))
        return float(values[0]) if values.size == 1 else float("nan")


def _plain_layout(array: Any) -> bool:
    """Whether the buffer is the array's elements in C order, a whole number of bytes each."""
    kind = array.dtype
    if kind.name in _PACKED:
        return False
    if array.ndim < 2:
        return True
    layout = getattr(getattr(array, "format", None), "layout", None)
    order = getattr(layout, "major_to_minor", None)
    return order is not None and tuple(order) == tuple(range(array.ndim)) and not getattr(layout, "tiling", None)


_PACKED = {"int4", "uint4", "int2", "uint2", "float4_e2m1fn", "int1", "uint1"}
