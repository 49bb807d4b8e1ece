"""Trains on scikit-learn's digits with a loop of its own: tf.data, GradientTape, a tf.function."""

import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

keras.utils.set_random_seed(0)
data, target = load_digits(return_X_y=True)
data = (data / 16).astype("float32")


def noisy(image, label):
    return image + tf.random.normal((64,), stddev=0.02), label


batches = tf.data.Dataset.from_tensor_slices((data[:1280], target[:1280].astype("int32")))
batches = batches.shuffle(1280).map(noisy).batch(64).prefetch(2)
model = keras.Sequential(
    [keras.layers.Input((64,)), keras.layers.Dense(32, activation="relu", name="hidden"), keras.layers.Dropout(0.1),
     keras.layers.Dense(10, name="classes")], name="digits",
)  # fmt: skip
criterion = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
noise = tf.random.get_global_generator()


@tf.function
def step(images, labels):
    with tf.GradientTape() as tape:
        jittered = images + noise.normal(tf.shape(images), stddev=0.01)
        loss = criterion(labels, model(jittered, training=True))
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
    return loss


for epoch in range(2):
    for images, labels in batches:
        loss = step(images, labels)
    print("loss", epoch, float(loss))
np.savez("weights.npz", *model.get_weights())
