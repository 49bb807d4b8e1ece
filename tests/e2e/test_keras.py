"""Keras and TensorFlow scripts, recorded as they are: replays are bitwise, planted faults are found and named."""

from __future__ import annotations

import shutil
import sys
from typing import Any

import pytest

FIT = (sys.executable, "keras_digits.py")
TAPE = (sys.executable, "tf_tape.py")
BY_HAND = (sys.executable, "tf_by_hand.py")

pytestmark = pytest.mark.frameworks


def on(backend: str, *command: str) -> tuple[str, ...]:
    """The command on another backend of Keras."""
    return (shutil.which("env") or "env", f"KERAS_BACKEND={backend}", *command)


def _place(verdict: Any) -> tuple[Any, ...]:
    found = verdict["divergence"]
    return found["step"], found["part"], found["tensor"], found["cause"]


@pytest.mark.parametrize(
    ("command", "steps", "observer"),
    [
        (FIT, 40, "keras.fit"),
        ((*FIT, "--steps-per-execution", "4"), 40, "keras.fit"),
        (on("torch", *FIT), 40, "keras.fit"),
        (on("jax", *FIT), 40, "keras.fit"),
        (TAPE, 40, "keras.optimizer"),
        (BY_HAND, 20, "tensorflow.GradientTape"),
    ],
    ids=["fit", "several-steps-an-execution", "on-torch", "on-jax", "tape", "by-hand"],
)
@pytest.mark.parametrize("seeds", [True, False], ids=["seeded", "unseeded"])
def test_a_replay_is_bitwise(training: Any, command: tuple[str, ...], steps: int, observer: str, seeds: bool) -> None:
    recording = training.record(*command, seeds=seeds)
    assert recording.report["steps"] == steps
    assert observer in recording.report["observers"]
    verdict = training.replay(recording)
    assert verdict["tier"] == "bitwise"
    assert verdict["scope"]["traced_steps"] > 0


@pytest.mark.parametrize("command", [FIT, TAPE, BY_HAND], ids=["fit", "tape", "by-hand"])
def test_two_recordings_of_an_unseeded_script_differ(training: Any, command: tuple[str, ...]) -> None:
    """What is given back in a replay is drawn anew in a recording: nothing pins an unseeded script to one run."""
    first, second = training.record(*command, seeds=False), training.record(*command, seeds=False, again=1)
    verdict = training.compare(first, second, status=1)
    assert verdict["divergence"]["step"] == 1
    assert verdict["divergence"]["cause"] in ("random draws", "initial state, or random draws before it")


NUDGE = """\
if self.seen == 17:
    values = keras.ops.convert_to_numpy(self.model.get_layer("hidden").kernel).copy()
    values[3, 4] = np.nextafter(values[3, 4], np.float32(9))
    self.model.get_layer("hidden").kernel.assign(values)
"""


@pytest.mark.parametrize("backend", ["tensorflow", "torch"])
def test_a_weight_moved_by_one_ulp_between_two_updates(training: Any, backend: str) -> None:
    fault = training.plant("self.seen += 1", NUDGE, after=True)
    verdict = training.diverges(on(backend, *FIT), fault)
    assert _place(verdict) == (18, "parameters", "digits/hidden/kernel", "update")
    assert verdict["divergence"]["tensors"] == ["digits/hidden/kernel"]
    assert "between update 17 and the forward pass of step 18" in verdict["divergence"]["detail"]


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_two_samples_that_changed_places(training: Any, backend: str) -> None:
    fault = training.plant("order = np.arange(1280)", "order[[100, 900]] = order[[900, 100]]", after=True)
    verdict = training.diverges(on(backend, *FIT), fault)
    step, part, tensor, cause = _place(verdict)
    assert (part, tensor, cause) == ("batch", "input[0]", "data order")
    assert 1 <= step <= 20, "each sample is drawn once in the first epoch"


def test_a_changed_learning_rate(training: Any) -> None:
    code = "if self.seen == 9:\n    self.model.optimizer.learning_rate = 1.1e-3"
    verdict = training.diverges(on("tensorflow", *FIT), training.plant("self.seen += 1", code, after=True))
    assert _place(verdict) == (10, "lr", "adam/learning_rate", "update")


def test_another_momentum(training: Any) -> None:
    """A setting that is no variable."""
    fault = training.plant("optimizer = keras.optimizers.Adam(1e-3)", "optimizer.beta_1 = 0.91", after=True)
    verdict = training.diverges(on("tensorflow", *FIT), fault)
    assert _place(verdict) == (1, "lr", "settings of adam", "update")


def test_another_seed_of_dropout(training: Any) -> None:
    fault = training.plant("dropout_seed = 7", "dropout_seed = 8", after=True)
    step, part, tensor, cause = _place(training.diverges(on("tensorflow", *FIT), fault))
    assert (step, part, cause) == (1, "rng", "random draws")
    assert "seed_generator_state" in tensor


def test_a_changed_loss(training: Any) -> None:
    line = "loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(target[at : at + 64], logits))"
    fault = training.plant(line, "loss = loss * (1.0000003 if at == 640 else 1.0)", after=True)
    assert _place(training.diverges(BY_HAND, fault)) == (11, "loss", "loss", "forward numerics")


def test_an_update_by_hand_that_is_one_ulp_off(training: Any) -> None:
    code = "if at == 640:\n    weight[3, 4].assign(np.nextafter(weight[3, 4].numpy(), np.float32(9)))"
    verdict = training.diverges(BY_HAND, training.plant("bias.assign_sub(0.5 * by_bias)", code, after=True))
    assert _place(verdict) == (11, "parameters", "weight", "update")


def test_an_operation_that_determinism_ended(reprokit: Any, tmp_path: Any) -> None:
    """The script's own error passes as it is; the record names the operation, the line and a weaker setting."""
    (tmp_path / "train.py").write_text(
        "import tensorflow as tf\n\n\ndef now():\n    return tf.timestamp()\n\n\nprint(float(now()))\n"
    )
    arguments = (
        "record",
        "--json",
        "-o",
        "b.repro.tar.zst",
        "--policy",
        "deterministic",
        "--",
        sys.executable,
        "train.py",
    )
    done = reprokit(*arguments, cwd=tmp_path)
    assert done.status == 1
    assert b"Timestamp cannot be called when determinism is enabled" in done.stderr
    found = [warning for warning in done.json["warnings"] if warning["code"] == "RPK125"]
    assert len(found) == 1
    assert "Timestamp" in found[0]["message"]
    assert "train.py:5" in found[0]["message"]
    assert "tensorflow.op_determinism" in found[0]["message"]
