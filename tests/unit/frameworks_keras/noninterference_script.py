"""Trains in every mode of one Keras backend and prints a digest of each case's final weights, and its updates."""

import hashlib
import json
import os

import keras
import numpy as np

BACKEND = keras.backend.backend()
PLANTED = "PLANT" in os.environ
rng = np.random.default_rng(7)
X = rng.standard_normal((160, 12)).astype("float32")
Y = rng.integers(0, 4, 160).astype("int32")
CASES = {}


def case(*backends):
    def keep(function):
        if not backends or BACKEND in backends:
            CASES[function.__name__] = function
        return function

    return keep


def network(dtype=None):
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((12,)),
            layers.Dense(16, activation="relu", dtype=dtype),
            layers.Dropout(0.2, dtype=dtype),
            layers.BatchNormalization(dtype=dtype),
            layers.Dense(4, dtype="float32"),
        ]
    )


def loss():
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def fitted(model, data=None, epochs=2, **settings):
    model.compile(settings.pop("optimizer", "adam"), loss(), metrics=["accuracy"], **settings)
    if data is None:
        model.fit(X, Y, batch_size=32, epochs=epochs, verbose=0)
    else:
        model.fit(data, epochs=epochs, verbose=0)
    return model


@case()
def default():
    return fitted(network())


@case("tensorflow", "jax")
def compiled():
    return fitted(network(), jit_compile=True)


@case()
def eager():
    return fitted(network(), run_eagerly=True)


@case("tensorflow", "jax")
def several_steps_an_execution():
    return fitted(network(), steps_per_execution=2)


@case("tensorflow")
def several_compiled_steps_an_execution():
    return fitted(network(), steps_per_execution=2, jit_compile=True)


@case()
def bfloat16():
    return fitted(network("mixed_bfloat16"))


@case("tensorflow")
def float16_with_loss_scaling():
    return fitted(network("mixed_float16"))


@case()
def accumulated():
    return fitted(network(), optimizer=keras.optimizers.Adam(gradient_accumulation_steps=2), epochs=4)


@case()
def validation_and_callbacks():
    model = network()
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss())
    halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / (1 + epoch))
    model.fit(X, Y, batch_size=32, epochs=2, verbose=0, validation_split=0.2, callbacks=[halve])
    model.evaluate(X, Y, verbose=0)
    model.predict(X, verbose=0)
    return model


@case()
def one_batch_at_a_time():
    model = network()
    model.compile("rmsprop", loss())
    for at in range(0, 160, 32):
        model.train_on_batch(X[at : at + 32], Y[at : at + 32])
    return model


@case()
def a_data_set_in_python():
    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 5

        def __getitem__(self, at):
            return X[32 * at : 32 * at + 32], Y[32 * at : 32 * at + 32]

    return fitted(network(), Batches())


@case("tensorflow")
def a_pipeline():
    import tensorflow as tf

    def noisy(x, y):
        return x + tf.random.normal(tf.shape(x), stddev=0.1, seed=3), y

    data = tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(160, seed=5).map(noisy).batch(32).prefetch(2)
    return fitted(network(), data)


@case("tensorflow")
def ragged_and_named_inputs():
    import tensorflow as tf

    inputs = {"a": keras.Input((12,), name="a"), "b": keras.Input((1,), name="b")}
    joined = keras.layers.Concatenate()(list(inputs.values()))
    model = keras.Model(inputs, keras.layers.Dense(4)(joined))
    data = tf.data.Dataset.from_tensor_slices(({"a": X, "b": X[:, :1]}, Y, np.ones(160, "float32"))).batch(32)
    return fitted(model, data)


@case("tensorflow")
def a_mirrored_strategy():
    import tensorflow as tf

    with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
        model = network()
        model.compile("adam", loss())
    model.fit(X, Y, batch_size=32, epochs=2, verbose=0)
    return model


@case("tensorflow")
def a_loop_in_a_function():
    import tensorflow as tf

    model, optimizer, criterion = network(), keras.optimizers.Adam(), loss()

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            value = criterion(y, model(x, training=True))
        grads = tape.gradient(value, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables, strict=True))
        return value

    for at in range(0, 160, 32):
        step(X[at : at + 32], Y[at : at + 32])
    return model


@case("tensorflow")
def a_compiled_function():
    import tensorflow as tf

    model, optimizer, criterion = network(), keras.optimizers.SGD(0.1), loss()
    optimizer.build(model.trainable_variables)

    @tf.function(jit_compile=True)
    def step(x, y):
        with tf.GradientTape() as tape:
            value = criterion(y, model(x, training=True))
        grads = tape.gradient(value, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables, strict=True))
        return value

    for at in range(0, 160, 32):
        step(tf.constant(X[at : at + 32]), tf.constant(Y[at : at + 32]))
    return model


@case("tensorflow")
def a_loop_outside_of_functions():
    import tensorflow as tf

    model, optimizer, criterion = network(), keras.optimizers.Adam(), loss()
    for at in range(0, 160, 32):
        with tf.GradientTape() as tape:
            value = criterion(Y[at : at + 32], model(tf.constant(X[at : at + 32]), training=True))
        grads = tape.gradient(value, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables, strict=True))
    return model


@case("tensorflow")
def a_lookup_and_autograph():
    """Rows of an embedding get a sparse gradient, and the function has a loop that AutoGraph converts."""
    import tensorflow as tf

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.table = keras.layers.Embedding(50, 8)
            self.out = keras.layers.Dense(4)

        def call(self, x, training=False):
            h = self.table(x)
            return self.out(keras.ops.mean(h, axis=1))

    words = (np.abs(X) * 10).astype("int32") % 50
    model, optimizer, criterion = Model(), keras.optimizers.Adam(), loss()
    model(words[:1])
    optimizer.build(model.trainable_variables)

    @tf.function
    def step(x, y):
        for _ in tf.range(2):
            with tf.GradientTape() as tape:
                value = criterion(y, model(x, training=True))
            grads = tape.gradient(value, model.trainable_variables)
            optimizer.apply_gradients(zip(grads, model.trainable_variables, strict=True))
        return criterion(y, model(x))

    for at in range(0, 160, 32):
        step(words[at : at + 32], Y[at : at + 32])
    return model


@case("torch")
def a_torch_optimizer():
    import torch

    model = network()
    optimizer = torch.optim.Adam(model.parameters())
    for at in range(0, 160, 32):
        optimizer.zero_grad()
        output = model(torch.tensor(X[at : at + 32]), training=True)
        torch.nn.functional.cross_entropy(output, torch.tensor(Y[at : at + 32]).long()).backward()
        optimizer.step()
    return model


def digest(model):
    weights = model.get_weights()
    if PLANTED:
        weights[0].reshape(-1)[0] = np.nextafter(weights[0].reshape(-1)[0], np.float32(9))
    return hashlib.sha256(b"".join(np.ascontiguousarray(weight).tobytes() for weight in weights)).hexdigest()


def updates(model):
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None:
        return 10 if isinstance(model.layers[0], keras.layers.Embedding) else 5
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    return int(keras.ops.convert_to_numpy(inner._iterations)) // (inner.gradient_accumulation_steps or 1)


if BACKEND == "tensorflow":
    import tensorflow as tf

    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )
found = {}
for name, function in CASES.items():
    keras.utils.set_random_seed(11)
    model = function()
    found[name] = digest(model), updates(model)
print(json.dumps(found))
