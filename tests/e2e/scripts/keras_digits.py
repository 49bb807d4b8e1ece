"""Trains a small network on scikit-learn's digits with Keras, on whichever backend is chosen."""

import argparse

import keras
import numpy as np
from sklearn.datasets import load_digits

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=2)
parser.add_argument("--steps-per-execution", type=int, default=1)
args = parser.parse_args()
dropout_seed = 7
keras.utils.set_random_seed(0)
data, target = load_digits(return_X_y=True)
data = (data / 16).astype("float32").reshape(-1, 8, 8, 1)
order = np.arange(1280)


class Counter(keras.callbacks.Callback):
    """Counts batches."""

    seen = 0

    def on_train_batch_end(self, batch, logs=None):
        self.seen += 1


model = keras.Sequential(
    [
        keras.layers.Input((8, 8, 1)),
        keras.layers.Conv2D(8, 3, activation="relu"),
        keras.layers.BatchNormalization(),
        keras.layers.Flatten(),
        keras.layers.Dense(32, activation="relu", name="hidden"),
        keras.layers.Dropout(0.2, seed=dropout_seed),
        keras.layers.Dense(10, name="classes"),
    ],
    name="digits",
)
optimizer = keras.optimizers.Adam(1e-3)
model.compile(
    optimizer,
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
    steps_per_execution=args.steps_per_execution,
)
history = model.fit(
    data[order], target[order], batch_size=64, epochs=args.epochs, verbose=0, callbacks=[Counter()],
    validation_data=(data[1280:], target[1280:]),
)  # fmt: skip
model.save("model.keras")
model.save_weights("model.weights.h5")
np.save("predictions.npy", model.predict(data[1280:], verbose=0))
print("val_loss", history.history["val_loss"][-1])
