"""What seeds TensorFlow when the script does not: operations without a seed, and generators without a state.

Without ``tf.random.set_seed`` each operation without a seed of its own draws one from the system, inside the runtime,
where nothing can be intercepted. So such an operation is given a seed here, out of one number that is drawn at import
and kept: fresh in every recording, and the same in a replay. The script's own seeds are never touched.

``tf.random.set_seed`` would do less well in place of that: with a global seed, functions that draw alike draw the same
numbers, which an unseeded run does not.
"""

from __future__ import annotations

import os
import sys
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reprokit.observe.ambient import Ambient

_LARGEST = 0x7FFF_FFFF


def arm_ambient(ambient: Ambient, *, determinism: bool) -> None:
    """Gives seeds to operations without one, and keeps the states that generators draw.

    Args:
        ambient: what keeps them.
        determinism: a policy, and not the script, asks for ``enable_op_determinism``, under which an operation without
            a seed raises. A script that works without the policy must not end for want of a seed that it gets here.
    """
    from tensorflow.python.framework import random_seed
    from tensorflow.python.ops import stateful_random_ops

    data, _given = ambient.value("tensorflow.seed", lambda: os.urandom(8), site=False)
    random_seed.get_seed = _get_seed(random_seed.get_seed, int.from_bytes(data, "little"), determinism)
    stateful_random_ops.non_deterministic_ints = _ints(stateful_random_ops.non_deterministic_ints, ambient)


def _get_seed(original: Any, drawn: int, determinism: bool) -> Any:  # noqa: FBT001
    from tensorflow.python.eager import context
    from tensorflow.python.framework import ops

    first = drawn % _LARGEST or 1
    shift = drawn >> 32
    count = 0

    def get_seed(op_seed: Any) -> Any:
        nonlocal count
        eager = context.executing_eagerly()
        unseeded = op_seed is None and (context.global_seed() if eager else ops.get_default_graph().seed) is None
        if not (determinism and unseeded):
            seeds = original(op_seed)  # raises where the script has determinism on, as it would without us
            if seeds != (None, None):
                return seeds
        caller = sys._getframe(1)
        if eager and not caller.f_code.co_filename.endswith("random_seed.py"):
            # Eager operations of a kind share one kernel, which goes on from call to call; another seed for each call
            # would leave a kernel behind for each.
            return first, (zlib.crc32(caller.f_code.co_name.encode()) ^ shift) % _LARGEST + 1
        count += 1  # in a graph or a data set each operation is one of its own
        return first, (shift + count) % _LARGEST + 1

    get_seed.__doc__, get_seed.__module__ = original.__doc__, original.__module__
    return get_seed


def _ints(original: Any, ambient: Ambient) -> Any:
    import tensorflow as tf

    def non_deterministic_ints(shape: Any, dtype: Any = tf.int64) -> Any:
        if not tf.executing_eagerly():
            return original(shape, dtype)
        drawn: list[Any] = []

        def draw() -> bytes:
            drawn.append(original(shape, dtype))
            return bytes(drawn[0].numpy().tobytes())

        data, given = ambient.value("tensorflow.Generator", draw)
        if not given and drawn:
            return drawn[0]
        kind = tf.as_dtype(dtype)
        size = 1
        for extent in shape:
            size *= int(extent)
        if len(data) != size * kind.size:  # a record of another script
            return original(shape, dtype)
        import numpy as np

        return tf.constant(np.frombuffer(data, kind.as_numpy_dtype).reshape([int(extent) for extent in shape]))

    non_deterministic_ints.__doc__, non_deterministic_ints.__module__ = original.__doc__, original.__module__
    return non_deterministic_ints
