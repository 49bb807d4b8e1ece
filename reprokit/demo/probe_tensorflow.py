"""Trains a few steps with Keras on TensorFlow and gives digests: run by ``reprokit doctor``.

Two models: a small convolutional network in Keras, and a weighted ``bincount``, whose bits need not repeat with several
threads unless op determinism is on. Numbers of threads are fixed when TensorFlow starts, and a kernel that was made
before op determinism was turned on goes on as it was: there is one of each a process.
"""

import hashlib
import time
from typing import Any

import tensorflow as tf


def digest(arrays: list[Any]) -> str:
    state = hashlib.sha256()
    for array in arrays:
        state.update(tf.convert_to_tensor(array).numpy().tobytes())
    return state.hexdigest()


def network() -> str:
    tf.keras.utils.set_random_seed(0)
    tf.keras.backend.clear_session()
    layers = tf.keras.layers
    model = tf.keras.Sequential([layers.Conv2D(8, 3, activation="relu"), layers.Flatten(), layers.Dense(10)])
    model.compile("adam", tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    images = tf.random.stateless_normal((256, 8, 8, 1), (0, 1))
    labels = tf.random.stateless_uniform((256,), (0, 2), 0, 10, tf.int32)
    model.fit(images, labels, batch_size=64, epochs=1, verbose=0)
    return digest(model.get_weights())


def bincount() -> str:
    index = tf.random.stateless_uniform((400_000,), (0, 3), 0, 1000, tf.int32)
    weights = tf.random.stateless_normal((400_000,), (0, 4))
    return digest([tf.math.bincount(index, weights=weights, minlength=1000) for _ in range(5)])


def facts() -> dict[str, Any]:
    """Version and devices."""
    gpus = [gpu.name for gpu in tf.config.list_physical_devices("GPU")]
    return {"version": tf.__version__, "device": ", ".join(gpus) or "CPU only"}


MODES = ("plain", "deterministic")


def probe(threads: int, mode: str) -> list[dict[str, Any]]:
    """Trains with one number of threads in one mode: the first use of TensorFlow in its process."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    if mode == "deterministic":
        tf.config.experimental.enable_op_determinism()
    device = "cuda" if tf.config.list_physical_devices("GPU") else "cpu"
    found = []
    for framework, model in (("keras", network), ("tensorflow", bincount)):
        began = time.perf_counter()
        digests = [model()] if model is network else [model(), model()]  # compiling takes most of the time
        seconds = round(time.perf_counter() - began, 4)
        found.append({"framework": framework, "device": device, "threads": threads, "mode": mode,
                      "model": model.__name__, "digests": digests, "seconds": seconds})  # fmt: skip
    return found
