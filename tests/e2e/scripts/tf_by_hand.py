"""Logistic regression on scikit-learn's digits without an optimizer: variables that the script updates itself."""

import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

tf.random.set_seed(0)
data, target = load_digits(return_X_y=True)
data = (data / 16).astype("float32")
weight = tf.Variable(tf.random.normal((64, 10), stddev=0.05), name="weight")
bias = tf.Variable(tf.zeros(10), name="bias")
for at in range(0, 1280, 64):
    with tf.GradientTape() as tape:
        logits = data[at : at + 64] @ weight + bias
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(target[at : at + 64], logits))
    by_weight, by_bias = tape.gradient(loss, [weight, bias])
    weight.assign_sub(0.5 * by_weight)
    bias.assign_sub(0.5 * by_bias)
print("loss", float(loss))
np.savez("weights.npz", weight=weight.numpy(), bias=bias.numpy())
