"""Whose rows a script gets that trains with two frameworks, what a row holds, and the switches of both adapters."""

from __future__ import annotations

from typing import Any

import pytest

from reprokit.trace.passed import read_all_rows
from reprokit.trace.raw import FINAL, PLAN

pytestmark = pytest.mark.frameworks

NESTED = """
import os
os.environ["KERAS_BACKEND"] = "torch"
import torch, numpy as np, keras
x, y = np.ones((64, 5), "float32"), np.zeros(64, "int64")
torch_model = torch.nn.Linear(5, 3)
torch_optimizer = torch.optim.SGD(torch_model.parameters(), 0.1)
model = keras.Sequential([keras.layers.Input((5,)), keras.layers.Dense(3, name="dense")], name="net")
criterion = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

def by_torch():
    for _ in range(3):
        torch_optimizer.zero_grad()
        torch.nn.functional.cross_entropy(torch_model(torch.tensor(x)), torch.tensor(y)).backward()
        torch_optimizer.step()

by_torch()
model.compile(keras.optimizers.SGD(0.1), criterion)
model.fit(x, y, batch_size=32, epochs=1, verbose=0)
optimizer = keras.optimizers.SGD(0.1)
for _ in range(2):
    model.zero_grad()
    criterion(torch.tensor(y), model(torch.tensor(x), training=True)).backward()
    with torch.no_grad():
        optimizer.apply([v.value.grad for v in model.trainable_weights], model.trainable_weights)
by_torch()
"""


@pytest.fixture(scope="module")
def nested(shared_runner: Any) -> Any:
    """The observed run of a script that trains with PyTorch, Keras on PyTorch, and PyTorch again."""
    ran = shared_runner.observed(NESTED, CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3")
    assert ran.status == 0, ran.stderr
    return ran


def test_each_update_has_one_row_whoever_made_it(nested: Any) -> None:
    assert nested.process.disabled == {}
    assert [row.step for row in nested.rows] == list(range(1, 11))


def test_rows_name_the_model_that_was_trained(nested: Any) -> None:
    for step in (1, 2, 3, 8, 9, 10):
        assert nested.names("parameters", step) == ["weight", "bias"]
    for step in (4, 5, 6, 7):
        assert nested.names("parameters", step) == ["net/dense/kernel", "net/dense/bias"]
        assert nested.names("gradients", step) == ["net/dense/kernel", "net/dense/bias"]
        assert nested.names("batch", step)


SWITCHES = """
import json, os
os.environ["KERAS_BACKEND"] = "tensorflow"
import tensorflow as tf, keras
from tensorflow.python.eager import context
from reprokit.frameworks import keras as of_keras, tensorflow as of_tensorflow

before = {**of_tensorflow.read_back(tf), **of_keras.read_back(keras)}
refused = of_tensorflow.apply(tf, {
    "tensorflow.op_determinism": True, "tensorflow.inter_op_threads": 2, "tensorflow.intra_op_threads": 1,
    "tensorflow.nonsense": 1,
})
refused |= of_keras.apply(keras, {"keras.floatx": "float64", "keras.backend": "jax", "keras.dtype_policy": "no such"})
of_tensorflow.seed(tf, 2**63 + 5)
of_keras.seed(keras, -(2**70))
started = context.context()._initialized
after = {**of_tensorflow.read_back(tf), **of_keras.read_back(keras)}
draws = [float(tf.random.normal(())), float(keras.random.normal(()))]
refused |= {"late": of_tensorflow.apply(tf, {"tensorflow.inter_op_threads": 3}).get("tensorflow.inter_op_threads", "")}
print(json.dumps({"before": before, "after": after, "refused": refused, "started": started, "draws": draws}))
"""


def test_switches_are_set_read_back_and_refused(runner: Any) -> None:
    found, again = (runner.plain(SWITCHES, TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="").json for _ in range(2))
    assert found["before"]["tensorflow.op_determinism"] is False
    assert found["after"]["tensorflow.op_determinism"] is True
    assert (found["after"]["tensorflow.inter_op_threads"], found["after"]["tensorflow.intra_op_threads"]) == (2, 1)
    assert found["after"]["keras.floatx"] == "float64"
    assert set(found["refused"]) == {"tensorflow.nonsense", "keras.backend", "keras.dtype_policy", "late"}
    assert "KERAS_BACKEND" in found["refused"]["keras.backend"]
    assert found["refused"]["late"], "threads cannot be chosen once TensorFlow has started"
    assert found["started"] is False, "nothing here may start TensorFlow: the script could choose no device any more"
    assert found["draws"] == again["draws"]


STEPS = """
import json
import keras, numpy as np
x, y = np.ones((96, 5), "float32"), np.zeros(96)
model = keras.Sequential([keras.layers.Input((5,)), keras.layers.Dropout(0.5), keras.layers.Dense(1)], name="net")
model.compile(keras.optimizers.SGD(0.1, gradient_accumulation_steps=3), "mse", run_eagerly=True)
model.fit(x, y, batch_size=16, epochs=1, verbose=0)
model.evaluate(x, y, verbose=0)
model.predict(x, verbose=0)
"""


def test_accumulated_batches_belong_to_one_row(runner: Any) -> None:
    ran = runner.observed(STEPS, KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")
    assert ran.status == 0, ran.stderr
    assert ran.process.disabled == {}
    assert [row.step for row in ran.rows] == [1, 2]
    assert sum("input[0]" in name for name in ran.names("batch", 1)) == 3
    assert any("seed_generator_state" in name for name in ran.names("rng", 1))
    assert ran.names("gradients", 2)[-2:] == ["net/dense/kernel", "net/dense/bias"]


COUNTERS = """
import os
os.environ["KERAS_BACKEND"] = "tensorflow"
import keras, numpy as np, tensorflow as tf
x, y = np.ones((64, 5), "float32"), np.zeros(64, "int64")
keras.utils.set_random_seed(0)
first = keras.Sequential([keras.layers.Input((5,)), keras.layers.Dense(3)])
first.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
first.fit(x, y, batch_size=32, epochs=3, verbose=0)
first.save("first.keras")
resumed = keras.models.load_model("first.keras")
resumed.fit(x, y, batch_size=32, epochs=1, verbose=0)
resumed.optimizer.iterations.assign(0)
resumed.fit(x, y, batch_size=32, epochs=1, verbose=0)

maker = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(5)], name="maker")
judge = keras.Sequential([keras.layers.Input((5,)), keras.layers.Dense(1)], name="judge")
of_maker, of_judge = keras.optimizers.Adam(), keras.optimizers.Adam()
for _ in range(3):
    with tf.GradientTape() as one, tf.GradientTape() as other:
        made = judge(maker(tf.random.normal((8, 2)), training=True), training=True)
        cheat, find = tf.reduce_mean(-made), tf.reduce_mean(made - judge(x[:8], training=True))
    gradients = one.gradient(cheat, maker.trainable_variables), other.gradient(find, judge.trainable_variables)
    of_maker.apply_gradients(zip(gradients[0], maker.trainable_variables))
    of_judge.apply_gradients(zip(gradients[1], judge.trainable_variables))
weight = tf.Variable(1.0)
for _ in range(2):
    with tf.GradientTape() as tape:
        loss = weight * weight
    weight.assign_sub(0.1 * tape.gradient(loss, weight))
"""


@pytest.fixture(scope="module")
def counters(shared_runner: Any) -> Any:
    """A script that restores and sets back an optimizer's counter, trains two models in turn, and one by hand."""
    ran = shared_runner.observed(COUNTERS, CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3")
    assert ran.status == 0, ran.stderr
    return ran


def test_a_restored_counter_and_gradients_of_two_models_count_no_updates(counters: Any) -> None:
    assert counters.process.disabled == {}
    assert [row.step for row in counters.rows] == list(range(1, 6 + 2 + 2 + 6 + 2 + 1))


def test_two_models_in_turn_have_a_row_each(counters: Any) -> None:
    for step in (11, 13, 15):
        assert {name.partition("/")[0] for name in counters.names("parameters", step)} == {"maker"}
        assert {name.partition("/")[0] for name in counters.names("parameters", step + 1)} == {"judge"}
    assert counters.names("parameters", 17) == ["Variable"]


BY_HAND = """
import os
os.environ["KERAS_BACKEND"] = "tensorflow"
import tensorflow as tf

def train():
    weight, unused = tf.Variable([1.0, 2.0]), tf.Variable(1.0)
    for step in range(6):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(weight * weight) + 0.0 * unused
        for variable, gradient in zip((weight, unused), tape.gradient(loss, [weight, unused])):
            variable.assign_sub(0.1 * gradient)
        if step == 3 and "FAULT" in os.environ:
            unused.assign(1.0000001)

train()
"""


def test_the_state_at_exit_of_a_loop_by_hand_shows_what_its_losses_hide(runner: Any) -> None:
    quiet = {"CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
    plan = bytes([PLAN, 0, 0, 0, 0, 0])
    ran = [runner.observed(BY_HAND, plan=plan, **quiet, **more) for more in ({}, {}, {"FAULT": "1"})]
    all_rows = [list(read_all_rows(one.process.directory, one.blocks)) for one in ran]
    finals = [[row.blocks for row in rows if row.flags & FINAL] for rows in all_rows]
    assert [one.process.disabled for one in ran] == [{}] * 3
    assert [row.loss for row in ran[0].rows] == pytest.approx([row.loss for row in ran[2].rows], nan_ok=True)
    assert finals[0] == finals[1] != finals[2]
    assert all(len(final) == 1 for final in finals)
