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

    from conftest import CommandLine, Training

pytestmark = pytest.mark.frameworks

FULL = ("--trace", "full")
ULP = "{0}[(0,) * {0}.dim()] = torch.nextafter({0}[(0,) * {0}.dim()], torch.tensor(9.0))"


@dataclass(frozen=True)
class Case:
    """A script, how many updates it makes, some names of its parameters, and where a fault of one ULP is planted.

    ``line`` is followed (or preceded) by ``code``; ``weight`` is what moves, in step ``step``.
    """

    steps: int
    names: frozenset[str]
    line: str
    code: str
    weight: str
    step: int
    after: bool = False

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


def need_compiler(name: str) -> None:
    if name == "compiled" and not (shutil.which("g++") or shutil.which("clang++")):
        pytest.skip("no C++ compiler is installed, which torch.compile needs")


@pytest.mark.parametrize("name", CASES)
def test_an_unmodified_script_replays_bitwise(training: Training, name: str) -> None:
    need_compiler(name)
    case = CASES[name]
    recording = training.record(*command(name), options=FULL)
    stream = next(s for s in recording.report["streams"] if s["steps"])
    assert (recording.report["steps"], stream["disabled"]) == (case.steps, [])
    parts = ["entry", "batch", "rng", "loss", "gradients", "lr", "parameters", "optimizer"]
    assert stream["parts"] == parts
    assert [w for w in recording.report["warnings"] if w["code"] != "RPK049"] == []
    verdict = training.replay(recording)
    assert (verdict["tier"], verdict["status"]) == ("bitwise", "verified")
    assert [trace["not_compared"] for trace in verdict["traces"]] == [[]]
    assert verdict["warnings"] == []


@pytest.mark.parametrize("name", ["lightning_automatic", "accelerated", "modes", "compiled"])
def test_without_its_seeds_too(training: Training, name: str) -> None:
    need_compiler(name)
    verdict = training.replay(training.record(*command(name), seeds=False, options=FULL))
    assert (verdict["tier"], verdict["status"]) == ("bitwise", "verified")


@pytest.mark.parametrize("name", CASES)
def test_a_weight_moved_by_one_unit_in_the_last_place_is_found(training: Training, name: str) -> None:
    need_compiler(name)
    case = CASES[name]
    fault = training.plant(case.line, case.fault, f"{name}.py", case.after)
    divergence = training.diverges(command(name), fault)["divergence"]
    assert divergence["step"] == case.step
    assert divergence["part"] in ("parameters", "loss", "gradients")


@pytest.mark.parametrize("name", CASES)
def test_parameters_have_the_names_of_the_model(
    training: Training, reprokit: CommandLine, tmp_path: Path, name: str
) -> None:
    need_compiler(name)
    recording = training.record(*command(name), options=FULL)
    unpacked = tmp_path / "unpacked"
    done = reprokit("unpack", recording.bundle, unpacked, cwd=tmp_path)
    assert done.status == 0, done.text
    index = json.loads(next((unpacked / "trace").glob("*/index.json")).read_text())
    names = {column["name"] for column in index["parts"]["parameters"]}
    assert CASES[name].names <= names
    assert not {n for n in names if "_orig_mod" in n or "/" in n}


def _weights(directory: Path) -> Any:
    import torch

    found = torch.load(directory / "model.pt")
    flat = found if all(isinstance(v, torch.Tensor) for v in found.values()) else {
        f"{way}.{key}": value for way, state in found.items() for key, value in state.items()
    }  # fmt: skip
    return {key: bytes(value.contiguous().view(-1).view(torch.uint8).tolist()) for key, value in flat.items()}


@pytest.mark.parametrize("name", CASES)
def test_the_weights_are_those_of_a_run_that_nothing_observed(
    training: Training, reprokit: CommandLine, tmp_path: Path, name: str
) -> None:
    need_compiler(name)
    recording = training.record(*command(name), options=FULL)
    for file in (recording.directory / "input.txt", recording.directory / "beyond" / f"{name}.py"):
        shutil.copy(file, tmp_path)
    environment = reprokit.environment(PYTHONHASHSEED="0")
    plain = subprocess.run([sys.executable, f"{name}.py"], cwd=tmp_path, env=environment, check=False, timeout=300)
    assert plain.returncode == 0
    ours, theirs = _weights(recording.directory), _weights(tmp_path)
    assert ours == theirs
    first = next(iter(theirs))
    assert ours != {**theirs, first: theirs[first][:-1] + bytes([theirs[first][-1] ^ 1])}
