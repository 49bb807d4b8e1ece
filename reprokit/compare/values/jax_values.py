"""JAX's values: keys of random generators, arrays on one device or spread over processes, registered pytrees."""

from __future__ import annotations

import sys
from collections import deque
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
    if len(value.sharding.device_set) == 1:
        # A copy: while NumPy has a view of the buffer, XLA copies it where the script donates it.
        import numpy as np

        from reprokit.compare.values.numpy_values import array_node

        return array_node(np.array(value.addressable_data(0)))
    return None


def read_pytree(value: Any) -> Node | None:
    """The children of an object whose class JAX was told of; None for the containers that everyone has.

    A train state holds functions beside its arrays. They are no children, and no content.
    """
    jax = sys.modules.get("jax")
    if jax is None or not hasattr(jax, "tree_util") or isinstance(value, (dict, list, tuple, deque, type(None))):
        return None
    if jax.tree_util.all_leaves([value]):
        return None
    found = jax.tree_util.tree_flatten_with_path(value, is_leaf=lambda child: child is not value)[0]
    children = [(jax.tree_util.keystr(path).strip(".[]'\""), child) for path, child in found]
    return Branch(f"pytree {type(value).__qualname__}", children)
