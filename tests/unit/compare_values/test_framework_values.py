"""Values of TensorFlow, Keras and JAX are taken apart to their last bit."""

from __future__ import annotations

import numpy as np
import pytest

from reprokit.compare.values import differences, flatten
from reprokit.compare.values.node import UnknownValueError

pytestmark = pytest.mark.frameworks


def tensorflow_values():
    import tensorflow as tf

    yield "float", tf.constant([1.0, 2.0]), tf.constant([1.0, np.nextafter(np.float32(2), np.float32(3))])
    yield "bfloat16", tf.constant([1.0], tf.bfloat16), tf.constant([1.0078125], tf.bfloat16)
    yield "texts", tf.constant(["a", "b\0"]), tf.constant(["a", "b"])
    yield "variable", tf.Variable([1, 2]), tf.Variable([1, 3])
    yield "ragged", tf.ragged.constant([[1], [2, 3]]), tf.ragged.constant([[1, 2], [3]])
    yield "sparse", tf.sparse.from_dense([[0, 1]]), tf.sparse.from_dense([[1, 0]])
    yield "generator", tf.random.Generator.from_seed(1), tf.random.Generator.from_seed(2)
    yield "algorithm", tf.random.Generator.from_seed(1, alg="philox"), tf.random.Generator.from_seed(1, alg="threefry")


def keras_values():
    import keras

    def model(value):
        made = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(2, kernel_initializer="ones")])
        made.layers[0].bias.assign([0.0, value])
        return made

    def optimizer(value):
        made = keras.optimizers.SGD(0.5, momentum=0.9)
        made.build(model(0.0).trainable_variables)
        made.variables[-1].assign([0.0, value])
        return made

    yield "model", model(0.0), model(1e-45)
    yield "optimizer", optimizer(0.0), optimizer(1.0)
    yield "variable", keras.Variable([1.0]), keras.Variable([-1.0])
    yield "seed generator", keras.random.SeedGenerator(1), keras.random.SeedGenerator(2)


def jax_values():
    import jax
    import jax.numpy as jnp
    import optax

    yield "array", jnp.zeros(3), jnp.array([0.0, -0.0, 0.0])
    yield "bfloat16", jnp.ones(2, jnp.bfloat16), jnp.array([1, 1.0078125], jnp.bfloat16)
    yield "float8", jnp.ones(2, jnp.float8_e4m3fn), jnp.zeros(2, jnp.float8_e4m3fn)
    yield "int4", jnp.ones(2, jnp.int4), jnp.zeros(2, jnp.int4)
    yield "key", jax.random.key(0), jax.random.key(1)
    yield "algorithm", jax.random.key(0, impl="rbg"), jax.random.key(0, impl="unsafe_rbg")
    yield "tree", {"a": (jnp.ones(1), [7])}, {"a": (jnp.ones(1), [8])}
    yield "optimizer", optax.adam(1e-3).init({"w": jnp.ones(2)}), optax.adam(1e-3).init({"w": jnp.ones(3)})


@pytest.mark.parametrize("values", [tensorflow_values, keras_values, jax_values])
def test_a_value_equals_itself_and_not_one_that_differs_in_one_place(values):
    for name, value, other in values():
        assert not differences(flatten(value), flatten(value)).differing, name
        assert differences(flatten(value), flatten(other)).differing, name


def test_what_cannot_be_read_is_said():
    import jax
    import keras

    with pytest.raises(UnknownValueError, match="no variables yet"):
        flatten(keras.optimizers.Adam())
    given = jax.numpy.ones(3)
    given.delete()
    with pytest.raises(UnknownValueError, match="donated"):
        flatten(given)
