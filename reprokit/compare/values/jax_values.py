"""JAX's values that NumPy cannot read: keys of random generators, and arrays that are spread over processes."""

from __future__ import annotations

import sys
from typing import Any

from reprokit.compare.values.node import Branch, Node, unreadable


def read(value: Any) -> Node | None:
    """The node for one of JAX's values, or None for what `numpy.asarray` reads."""
    jax: Any = sys.modules["jax"]
    if not isinstance(value, jax.Array):
        return None
    return _array(jax, value)


def _array(jax: Any, value: Any) -> Node | None:
    if isinstance(value, jax.core.Tracer):
        raise unreadable("a traced array", "it has no elements while a function is traced")
    if jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key):
        # Keys of two algorithms may hold the same words.
        return Branch(f"key of {jax.random.key_impl(value)}", [("words", jax.random.key_data(value))])
    if value.is_deleted():
        raise unreadable("an array", "its memory was given away (donated) or freed", "Check a copy of it.")
    if not value.is_fully_addressable and not value.is_fully_replicated:
        parts = [(str(number), shard.data) for number, shard in enumerate(value.addressable_shards)]
        return Branch(f"the parts of {value.dtype}{list(value.shape)} in this process", parts)
    return None
