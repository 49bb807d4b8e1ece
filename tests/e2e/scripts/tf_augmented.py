"""Trains on scikit-learn's digits with noise that several threads draw from one generator, in whatever order they come."""

import keras
import tensorflow as tf
from sklearn.datasets import load_digits

keras.utils.set_random_seed(0)
data, target = load_digits(return_X_y=True)
data = (data / 16).astype("float32")


def noisy(image, label):
    return image + tf.random.normal((64,), stddev=0.05), label


pairs = tf.data.Dataset.from_tensor_slices((data[:1280], target[:1280]))
batches = pairs.map(noisy, num_parallel_calls=4).batch(64).prefetch(1)
model = keras.Sequential(
    [keras.layers.Input((64,)), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(10)], name="digits"
)
criterion = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(keras.optimizers.Adam(1e-3), criterion, metrics=["accuracy"])
model.fit(batches, epochs=2, verbose=0)
model.save_weights("model.weights.h5")
