"""Training that is no plain loop: Lightning, Hugging Face, Accelerate, compiled models, scaled and skipped updates."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import CommandLine, Recording, Training

pytestmark = pytest.mark.frameworks

FULL = ("--trace", "full")
ULP = "{0}[(0,) * {0}.dim()] = torch.nextafter({0}[(0,) * {0}.dim()], torch.tensor(9.0))"


@dataclass(frozen=True)
class Case:
    """A script, how many updates it makes, some names of its parameters, and where a fault of one ULP is planted.

    ``code`` is put in front of ``line``; ``weight`` is what moves, in step ``step``.
    """

    steps: int
    names: frozenset[str]
    line: str
    code: str
    weight: str
    step: int

    @property
    def fault(self) -> str:
        return self.code.replace("NUDGE", ULP.format(self.weight))


CASES = {
    "lightning_automatic": Case(
        8, frozenset({"body.0.weight", "head.bias"}), "inputs, targets = batch",
        "if self.global_step == 3 and index % 2 == 0:\n    NUDGE", "self.head.weight.data", 4,
    ),
    "lightning_manual": Case(
        24, frozenset({"maker.0.weight", "critic.2.bias"}), "first.zero_grad()",
        "if index == 3 and self.current_epoch == 0:\n    NUDGE", "self.maker[0].weight.data", 8,
    ),
    "hf_trainer": Case(
        6, frozenset({"transformer.wte.weight=lm_head.weight", "transformer.h.0.ln_1.bias"}), "trainer.train()",
        "seen = []\ndef nudge(module, *_):\n    seen.append(1)\n    if len(seen) == 5:\n        NUDGE\n"
        "model.register_forward_pre_hook(nudge)", "model.transformer.wpe.weight.data", 3,
    ),
    "accelerated": Case(
        8, frozenset({"0.weight", "3.bias"}), "loss = nn.functional.cross_entropy(model(x).float(), y)",
        "if schedule.scheduler.last_epoch == 4:\n    NUDGE", "model[0].weight.data", 5,
    ),
    "compiled": Case(
        8, frozenset({"body.0.weight", "head.bias"}), "averaged.update_parameters(model)",
        "if int(averaged.n_averaged) == 2:\n    NUDGE", "model.head.weight.data", 4,
    ),
    "modes": Case(
        9, frozenset({"0.weight", "weight", "3.bias"}), "mean.update_parameters(model)",
        "if step == 1:\n    NUDGE", "model[0].weight.data", 8,
    ),
}  # fmt: skip


def command(name: str) -> tuple[str, ...]:
    return (sys.executable, f"beyond/{name}.py")


@pytest.mark.parametrize("name", CASES)
def test_it_is_recorded_whole_replayed_bitwise_and_not_disturbed(
    training: Training, reprokit: CommandLine, tmp_path: Path, name: str
) -> None:
    """One test a script, so that each is recorded once, whatever process of the session runs it."""
    if name == "compiled" and not (shutil.which("g++") or shutil.which("clang++")):
        pytest.skip("no C++ compiler is installed, which torch.compile needs")
    recording = training.record(*command(name), options=FULL)
    _is_whole(recording.report, CASES[name])
    _names_what_the_model_names(reprokit, recording, CASES[name], tmp_path / "unpacked")
    _has_the_weights_of_a_run_that_nothing_observed(reprokit, recording, tmp_path, name)
    verdict = training.replay(recording)
    assert (verdict["tier"], verdict["status"], verdict["warnings"]) == ("bitwise", "verified", [])
    assert [trace["not_compared"] for trace in verdict["traces"]] == [[]]
    _finds_one_unit_in_the_last_place(training, CASES[name], name)


@pytest.mark.parametrize("name", ["lightning_automatic", "accelerated", "modes"])
def test_without_its_seeds_too(training: Training, name: str) -> None:
    verdict = training.replay(training.record(*command(name), seeds=False, options=FULL))
    assert (verdict["tier"], verdict["status"]) == ("bitwise", "verified")


def _is_whole(report: Any, case: Case) -> None:
    stream = next(s for s in report["streams"] if s["steps"])
    assert (report["steps"], stream["disabled"]) == (case.steps, [])
    assert stream["parts"] == ["entry", "batch", "rng", "loss", "gradients", "lr", "parameters", "optimizer"]
    assert [w for w in report["warnings"] if w["code"] != "RPK049"] == []


def _names_what_the_model_names(reprokit: CommandLine, recording: Recording, case: Case, unpacked: Path) -> None:
    done = reprokit("unpack", recording.bundle, unpacked, cwd=unpacked.parent)
    assert done.status == 0, done.text
    index = json.loads(next((unpacked / "trace").glob("*/index.json")).read_text())
    names = {column["name"] for column in index["parts"]["parameters"]}
    assert case.names <= names
    assert not {name for name in names if "_orig_mod" in name or "/" in name}


def _finds_one_unit_in_the_last_place(training: Training, case: Case, name: str) -> None:
    divergence = training.diverges(command(name), training.plant(case.line, case.fault, f"{name}.py"))["divergence"]
    assert divergence["step"] == case.step
    assert divergence["part"] in ("parameters", "loss", "gradients")


def _has_the_weights_of_a_run_that_nothing_observed(
    reprokit: CommandLine, recording: Recording, directory: Path, name: str
) -> None:
    for file in (recording.directory / "input.txt", recording.directory / "beyond" / f"{name}.py"):
        shutil.copy(file, directory)
    environment = reprokit.environment(PYTHONHASHSEED="0")
    plain = subprocess.run([sys.executable, f"{name}.py"], cwd=directory, env=environment, check=False, timeout=300)
    assert plain.returncode == 0
    ours, theirs = _weights(recording.directory), _weights(directory)
    assert ours == theirs
    first = next(iter(theirs))
    assert ours != {**theirs, first: theirs[first][:-1] + bytes([theirs[first][-1] ^ 1])}


def _weights(directory: Path) -> Any:
    import torch

    found = torch.load(directory / "model.pt")
    flat = found if all(isinstance(v, torch.Tensor) for v in found.values()) else {
        f"{way}.{key}": value for way, state in found.items() for key, value in state.items()
    }  # fmt: skip
    return {key: bytes(value.contiguous().view(-1).view(torch.uint8).tolist()) for key, value in flat.items()}
