"""Switches of TensorFlow, Keras and JAX, and what they share: XLA."""

from __future__ import annotations

from reprokit.policy.switch import Switch
from reprokit.policy.values import Flag, OneOf, Options, Whole

_DETERMINISM = "https://www.tensorflow.org/api_docs/python/tf/config/experimental/enable_op_determinism"
_THREADING = "https://www.tensorflow.org/api_docs/python/tf/config/threading"
_SLOW = "operations, and pipelines that run in parallel, are slower"
_FREE = "none"
_OWN = ("tensorflow",)

TENSORFLOW: tuple[Switch, ...] = (
    Switch(
        "tensorflow.seed", Whole(None), "seed", "seeds TensorFlow's global seed (`tf.random.set_seed`)", _FREE,
        "https://www.tensorflow.org/api_docs/python/tf/random/set_seed", frameworks=_OWN,
    ),
    Switch(
        "keras.seed", Whole(None), "seed", "seeds Keras and its backend (`keras.utils.set_random_seed`)", _FREE,
        "https://keras.io/api/utils/python_utils/#setrandomseed-function", frameworks=("keras",),
    ),
    Switch(
        "tensorflow.op_determinism", Flag(), "call",
        "operations repeat, or raise where they have no deterministic kernel; random ones raise without a seed, so the "
        "generators are seeded first",
        _SLOW, _DETERMINISM, "tensorflow 2.8", _OWN, order=(False, True),
    ),
    Switch(
        "tensorflow.deterministic_ops", Flag(), "variable", "as `tensorflow.op_determinism`, set before the start",
        _SLOW, _DETERMINISM, "tensorflow 2.1", _OWN, variable="TF_DETERMINISTIC_OPS", order=(False, True),
    ),
    Switch(
        "tensorflow.onednn_opts", Flag(), "variable",
        "off: oneDNN's kernels, which round differently, are not used",
        "some models are up to 3 times slower on the CPU",
        "https://www.tensorflow.org/guide/intel_optimizations", "tensorflow 2.5", _OWN, ("cpu",),
        "TF_ENABLE_ONEDNN_OPTS",
    ),
    Switch(
        "tensorflow.intra_op_threads", Whole(0, 1 << 16), "call",
        "an operation is split over this many threads (0: as many as there are processors)",
        "with fewer threads: up to proportionally slower", _THREADING, "tensorflow 2.0", _OWN, ("cpu",),
    ),
    Switch(
        "tensorflow.inter_op_threads", Whole(0, 1 << 16), "call", "this many operations run side by side (0: many)",
        "graphs with independent parts are slower with fewer", _THREADING, "tensorflow 2.0", _OWN, ("cpu",),
    ),
    Switch(
        "tensorflow.tensor_float_32", Flag(), "call", "off: matrix products and convolutions do not use TensorFloat-32",
        "slower on Ampere and later GPUs",
        "https://www.tensorflow.org/api_docs/python/tf/config/experimental/enable_tensor_float_32_execution",
        "tensorflow 2.4", _OWN, ("cuda",), order=(True, False),
    ),
)  # fmt: skip
"""Switches of TensorFlow and Keras."""

JAX: tuple[Switch, ...] = (
    Switch(
        "jax.xla_flags", Options(), "options",
        "--xla_gpu_deterministic_ops=true: operations on a GPU repeat, or fail to compile. Added to the user's own "
        "flags",
        "scatter operations and convolutions on a GPU are slower", "https://openxla.org/xla/determinism", "jax 0.1",
        ("jax", "tensorflow"), ("cuda",), "XLA_FLAGS",
    ),
    Switch(
        "jax.default_matmul_precision",
        OneOf(("default", "high", "highest", "bfloat16", "tensorfloat32", "float32"), {"none": "default"}), "call",
        "highest: products of float32 matrices are computed in float32 on every device",
        "slower on GPUs and TPUs", "https://docs.jax.dev/en/latest/_autosummary/jax.default_matmul_precision.html",
        "jax 0.2", ("jax",), ("cuda",),
    ),
    Switch(
        "jax.threefry_partitionable", Flag(), "call",
        "random draws do not depend on how an array is split over devices", _FREE,
        "https://docs.jax.dev/en/latest/jax.random.html", "jax 0.4 (default since 0.5)", ("jax",),
        order=(False, True),
    ),
)  # fmt: skip
"""Switches of JAX. It has no global generator: a script makes its keys from a number."""
