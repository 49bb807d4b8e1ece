"""Trains a few steps with JAX and gives digests: run by ``reprokit doctor``.

XLA takes its threads from the processors that the process may use, so there is one number a process;
its flags are read once.
"""

import hashlib
import os
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def digest(arrays: list[Any]) -> str:
    state = hashlib.sha256()
    for array in arrays:
        state.update(np.asarray(array).tobytes())
    return state.hexdigest()


@jax.jit
def _update(weights: Any, images: Any, labels: Any) -> Any:
    def loss(weights: Any) -> Any:
        logits = jnp.tanh(images @ weights[0]) @ weights[1]
        return -jnp.mean(jax.nn.log_softmax(logits)[jnp.arange(len(labels)), labels])

    return [w - 0.1 * g for w, g in zip(weights, jax.grad(loss)(weights), strict=True)]


def network() -> str:
    keys = jax.random.split(jax.random.key(0), 4)
    weights = [jax.random.normal(keys[0], (64, 128)) / 8, jax.random.normal(keys[1], (128, 10)) / 11]
    images, labels = jax.random.normal(keys[2], (256, 64)), jax.random.randint(keys[3], (256,), 0, 10)
    for _ in range(5):
        weights = _update(weights, images, labels)
    return digest(weights)


def scatter() -> str:
    keys = jax.random.split(jax.random.key(0), 2)
    values, index = jax.random.normal(keys[0], (400_000,)), jax.random.randint(keys[1], (400_000,), 0, 1000)
    add = jax.jit(lambda target: target.at[index].add(values))
    return digest([add(jnp.zeros(1000)) for _ in range(3)])


def facts() -> dict[str, Any]:
    """Version and device."""
    return {"version": jax.__version__, "device": jax.devices()[0].device_kind}


MODES = ("plain", "deterministic")


def probe(threads: int, mode: str) -> list[dict[str, Any]]:
    """Trains with one number of threads in one mode: the first use of XLA in its process."""
    if mode == "deterministic":
        os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_gpu_deterministic_ops=true"
        if jax.default_backend() == "cpu":
            return []  # there is no such mode: the option concerns GPUs
    found = []
    for model in (network, scatter):
        began = time.perf_counter()
        digests = [model()]  # compiling takes most of the time; the other process trains it again
        device = jax.default_backend().replace("gpu", "cuda")
        found.append({"framework": "jax", "device": device, "threads": threads, "mode": mode,
                      "model": model.__name__, "digests": digests,
                      "seconds": round(time.perf_counter() - began, 4)})  # fmt: skip
    return found
