"""Trains a little and writes what TensorFlow, Keras, JAX, PyTorch or the tree libraries write; run by the tests.

Usage: write_framework_files.py tensorflow|jax|trees|torch [SEED]; it writes into the working directory.
"""

from __future__ import annotations

import os
import sys

import numpy as np

SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 1
X = np.random.default_rng(0).random((64, 8), dtype=np.float32)
Y = (X.sum(1) > 4).astype(np.int32)


def tensorflow():
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()
    layers = [
        keras.layers.Input((8,)), keras.layers.Dense(16, activation="relu"), keras.layers.BatchNormalization(),
        keras.layers.Dense(2),
    ]  # fmt: skip
    model = keras.Sequential(layers)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    board = keras.callbacks.TensorBoard("logs", histogram_freq=1)
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[board], validation_data=(X, Y))
    model.save("model.keras")
    model.save_weights("model.weights.h5")
    model.save("model.h5")
    model.export("exported", verbose=False)
    if os.environ.get("TRACE_MORE"):  # moves the numbers in the names of all functions that follow
        tf.function(lambda x: x + 1)(tf.constant(1))
    tf.saved_model.save(model, "saved")
    tf.train.CheckpointManager(tf.train.Checkpoint(model=model), "checkpoints", 2).save()
    inputs = keras.Input((4,))
    shared = keras.layers.Dense(4, kernel_regularizer=keras.regularizers.L2(1e-3))
    keras.Model(inputs, shared(inputs) + shared(inputs)).save("shared.keras")


def jax():
    import jax
    import orbax.checkpoint as ocp
    from flax import serialization

    state = {
        "layer": {"w": jax.random.normal(jax.random.key(SEED), (4, 3)), "b": jax.numpy.zeros(3, jax.numpy.bfloat16)},
        "step": jax.numpy.int32(3), "count": 7,
    }  # fmt: skip
    ocp.PyTreeCheckpointer().save(os.path.abspath("orbax"), state)
    ocp.PyTreeCheckpointer(use_ocdbt=False).save(os.path.abspath("zarr"), state)
    manager = ocp.CheckpointManager(os.path.abspath("managed"))
    manager.save(1, args=ocp.args.StandardSave(state))
    manager.wait_until_finished()
    with open("state.msgpack", "wb") as file:
        file.write(serialization.to_bytes(state))


def trees():
    import joblib
    import lightgbm
    import xgboost
    from sklearn.ensemble import RandomForestClassifier

    settings = {"objective": "binary:logistic", "seed": SEED, "subsample": 0.5}
    booster = xgboost.train(settings, xgboost.DMatrix(X, Y), 3)
    booster.save_model("model.json")
    booster.save_model("model.ubj")
    settings = {"objective": "binary", "verbose": -1, "seed": SEED, "bagging_fraction": 0.5, "bagging_freq": 1}
    settings |= {"min_data_in_leaf": 2, "deterministic": True}
    lightgbm.train(settings, lightgbm.Dataset(X, Y), 3).save_model("model.txt")
    forest = RandomForestClassifier(3, random_state=SEED).fit(X, Y)
    joblib.dump(forest, "forest.joblib", compress=3)


def torch():
    import torch
    from torch.distributed import checkpoint
    from torch.utils.tensorboard import SummaryWriter
    from transformers import TrainingArguments

    torch.manual_seed(SEED)
    model = torch.nn.Linear(4, 3)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(2, 4)).sum().backward()
    optimizer.step()
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}
    checkpoint.save(state, checkpoint_id="sharded")
    with SummaryWriter() as writer:
        for step in range(3):
            writer.add_scalar("loss", step * 0.5 * SEED, step)
        writer.add_histogram("weights", np.arange(9.0), 1)
        writer.add_text("note", "hello")
    torch.save(TrainingArguments(output_dir="out", report_to=[], seed=SEED), "training_args.bin")


if __name__ == "__main__":
    globals()[sys.argv[1]]()
