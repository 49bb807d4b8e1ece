"""The state and the results that Hugging Face's ``Trainer`` writes: how long something took is no content."""

from __future__ import annotations

import json

import pytest

from reprokit.compare.files import compare_files
from tests.unit.compare_files import framework_bytes as fb


def _written(path, **changes):
    """What Transformers 5 writes after an evaluation, with `changes` in the entry of the evaluation."""
    evaluation = {
        "epoch": 1.0, "eval_loss": 0.693217396736145, "eval_runtime": 0.0445, "eval_samples_per_second": 718.849,
        "eval_steps_per_second": 89.856, "step": 4, **changes,
    }  # fmt: skip
    log = [{"epoch": 0.25, "learning_rate": 5e-05, "loss": 0.69, "step": 1}, evaluation]
    path.write_text(json.dumps({"best_metric": None, "global_step": 4, "log_history": log}))
    return path


def _compared(tmp_path, name="out/checkpoint-4/trainer_state.json", **changes):
    return compare_files(_written(tmp_path / "a"), _written(tmp_path / "b", **changes), name)


_SLOWER = {"eval_runtime": 0.0062, "eval_samples_per_second": 5161.29, "eval_steps_per_second": 645.161}


def test_the_time_of_an_evaluation_is_not_content(tmp_path):
    result = _compared(tmp_path, **_SLOWER)
    assert result.equal, result
    assert result.method.startswith("trainer state: ")


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"eval_loss": 0.6932173967361451}, "eval_loss"),
        ({"step": 5}, "step"),
        ({"eval_runtime": "long"}, "eval_runtime"),
        ({"predict_runtime": 2.0}, "predict_runtime"),
        ({"eval_f1": 0.5}, "eval_f1"),
    ],
)
def test_everything_else_is(tmp_path, changes, where):
    result = _compared(tmp_path, **(_SLOWER | changes))
    assert not result.equal
    assert [difference.where for difference in result.differences] == [f"log_history/1/{where}"]


def test_the_same_words_in_another_file_are_content(tmp_path):
    assert not _compared(tmp_path, name="timings.json", **_SLOWER).equal


def test_results_that_the_trainer_saves(tmp_path):
    for name, seconds in (("a", 1.5), ("b", 2.5)):
        (tmp_path / name).write_text(
            json.dumps({"train_loss": 0.5, "train_runtime": seconds, "train_samples_per_second": 9 / seconds})
        )
    assert compare_files(tmp_path / "a", tmp_path / "b", "out/train_results.json").equal
    (tmp_path / "b").write_text(json.dumps({"train_loss": 0.5, "train_runtime": 3.0}))
    assert not compare_files(tmp_path / "a", tmp_path / "b", "out/train_results.json").equal


def test_a_damaged_state_is_compared_as_text(tmp_path):
    for name, end in (("a", "}"), ("b", "]")):
        (tmp_path / name).write_text('{"log_history": [], "eval_samples_per_second": 1' + end)
    assert not compare_files(tmp_path / "a", tmp_path / "b", "trainer_state.json").equal


def _events(tmp_path, name, **values):
    """An event file with one value a tag; ``__`` stands for the slash of a tag."""
    scalars = [(tag.replace("__", "/"), 4, float(value)) for tag, value in values.items()]
    (tmp_path / name).write_bytes(fb.events(scalars))
    return tmp_path / name


@pytest.mark.parametrize(
    ("other", "equal"),
    [
        ({}, True),
        ({"eval__loss": 0.25}, False),
        ({"eval__steps_per_second": 7}, True),
        ({"train__runtime": 7}, False),
        ({"mine__runtime": 7}, False),
    ],
)
def test_the_trainers_times_in_event_files(tmp_path, other, equal):
    same = {"eval__loss": 0.5, "mine__runtime": 1, "mine__samples_per_second": 1, "train__runtime": 1}
    first = {"eval__runtime": 2, "eval__samples_per_second": 16, "eval__steps_per_second": 2, **same}
    second = {"eval__runtime": 4, "eval__samples_per_second": 8, "eval__steps_per_second": 1, **same, **other}
    timed = ("train__train_runtime", "train__train_samples_per_second", "eval__a_runtime", "eval__a_samples_per_second")
    a = _events(tmp_path, "a", **first, **dict.fromkeys(timed, 1))
    b = _events(tmp_path, "b", **second, **dict.fromkeys(timed, 3))
    result = compare_files(a, b, "runs/events.out.tfevents.1.host.1.0")
    assert (result.equal, result.method.startswith("TensorBoard events: ")) == (equal, True), result
