"""Unmodified scripts in the style of public examples: each records and replays three times `bitwise`.

That these verdicts can fail is shown in `test_planted_faults.py`, on the same scripts.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

PYTHON = sys.executable
TORCHRUN = str(Path(sys.executable).parent / "torchrun")

# name -> command, updates of the first stream that has any, files it writes, files it reads
SCRIPTS = {
    "char_transformer": (
        (PYTHON, "char_transformer.py", "--out-dir", "{here}/out"), 24, {"out/ckpt.pt", "out/history.json"},
        {"input.txt", "char_transformer.py"},
    ),
    "digits_conv": (
        (PYTHON, "digits_conv.py"), 24, {"runs/checkpoint.pt", "runs/metrics.json"}, {"digits_conv.py"},
    ),
    "ddp_train": (
        (TORCHRUN, "--standalone", "--nproc-per-node", "2", "ddp_train.py"), 24, {"ddp.pt"}, {"ddp_train.py"},
    ),
    "sklearn_pipeline": (
        (PYTHON, "sklearn_pipeline.py"), 2, {"model/pipeline.joblib", "model/scores.json"}, {"sklearn_pipeline.py"},
    ),
    "numpy_loop": ((PYTHON, "numpy_loop.py"), 0, {"log.csv", "weights.npz"}, {"numpy_loop.py"}),
    "hand_update": ((PYTHON, "hand_update.py"), 20, {"fc.pt"}, {"hand_update.py"}),
    "lbfgs": ((PYTHON, "lbfgs.py"), 8, {"lbfgs_model.pt"}, {"lbfgs.py"}),
    "gan": ((PYTHON, "gan.py"), 24, {"gan.pt"}, {"gan.py"}),
    "folds": ((PYTHON, "folds.py"), 12, {"last.pt", "scores.json"}, {"folds.py"}),
    "stages": (
        ("sh", "stages.sh"), 10, {"data/points.npy", "fitted.pt"}, {"stages.sh", "prepare.py", "fit.py"},
    ),
    "module": ((PYTHON, "-m", "package.train"), 8, {"model.safetensors"}, {"package/train.py", "package/model.py"}),
    "spawn_child": ((PYTHON, "spawn_child.py"), 10, {"child.pt"}, {"spawn_child.py"}),
}  # fmt: skip
CORE = ("char_transformer", "numpy_loop")
FULL = ("--trace", "full")  # else a busy machine leaves out steps: what is digested is chosen by the clock


CASES = [pytest.param(name, id=name, marks=[] if name in CORE else [pytest.mark.slow]) for name in SCRIPTS]


def _names(recording, entries):
    return {str(Path(entry["path"]).relative_to(recording.directory)) for entry in entries
            if entry["path"].startswith(str(recording.directory))}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(
    "seeds", [pytest.param(True, id="seeded", marks=pytest.mark.slow), pytest.param(False, id="unseeded")]
)
def test_replays_bitwise_three_times(training, name, seeds):
    command, steps, outputs, inputs = SCRIPTS[name]
    recording = training.record(*command, seeds=seeds, options=FULL)
    assert _names(recording, recording.report["outputs"]) == outputs
    assert inputs <= _names(recording, recording.report["inputs"])
    assert [warning["code"] for warning in recording.report["warnings"]] == ["RPK049"]  # it is not a git checkout

    verdict = training.replay(recording, "--runs", "3")

    assert (verdict["tier"], verdict["met"], verdict["status"]) == ("bitwise", True, "verified"), verdict["reason"]
    assert verdict["between_replays"] == "bitwise"
    assert [run["tier"] for run in verdict["runs"]] == ["bitwise"] * 3
    assert {output["path"] for output in verdict["outputs"]} == outputs
    assert max((trace["steps_compared"] for trace in verdict["traces"]), default=0) == steps
    assert all(trace["steps_recorded"] == trace["steps_compared"] for trace in verdict["traces"])


@pytest.mark.parametrize("name", CASES)
def test_without_its_seeds_a_script_really_draws_anew(training, name):
    """The control of the unseeded replays: two recordings of the same unseeded script are told apart."""
    command = SCRIPTS[name][0]
    verdict = training.compare(
        training.record(*command, seeds=False, options=FULL),
        training.record(*command, seeds=False, options=FULL, again=1),
        status=1,
    )
    assert verdict["tier"] in ("re-runnable", "metric-close", "none")
    assert not all(output["equal"] for output in verdict["outputs"])
