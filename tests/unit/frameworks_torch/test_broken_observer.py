"""An observer that breaks is switched off and said; the script ends as it would have ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reprokit.launch.tracing import collect_streams
from reprokit.observe.reading import read_processes

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Ran, Runner

pytestmark = pytest.mark.torch

SCRIPT = """
import importlib, json, os, sys, torch
torch.manual_seed(0)
place = os.environ.get("BREAK", "")
if place:
    module, _, path = place.partition(":")
    owner = importlib.import_module(module)
    *outer, name = path.split(".")
    for part in outer: owner = getattr(owner, part)
    def broken(*args, **kwargs): raise RuntimeError("planted")
    setattr(owner, name, broken)
model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.BatchNorm1d(4))
optimizer = torch.optim.Adam(model.parameters())
for _ in range(3):
    optimizer.zero_grad(); loss = model(torch.randn(6, 4)).pow(2).sum(); loss.backward(); optimizer.step()
    print(loss.item())
print(sum(p.double().sum().item() for p in model.parameters()).hex())
"""

PLACES = [
    "reprokit.frameworks.torch.steps:describe",
    "reprokit.frameworks.torch.steps:read_generators",
    "reprokit.frameworks.torch.steps:read_loss",
    "reprokit.frameworks.torch.ranks:Ranks.note_place",
    "reprokit.frameworks.torch.unrepeatable:Unrepeatable.look",
    "reprokit.frameworks.torch.steps:OptimizerState",
    "reprokit.frameworks.torch.state:name_parameters",
    "reprokit.frameworks.torch.state:OptimizerState.gradients",
    "reprokit.frameworks.torch.state:OptimizerState.parameters",
    "reprokit.frameworks.torch.state:OptimizerState.moments",
    "reprokit.frameworks.torch.modules:RootModules.note",
    "reprokit.frameworks.torch.modules:RootModules.buffers",
    "reprokit.frameworks.torch.tensors:TensorDigester.digest_all",
    "reprokit.observe.recorder:Recorder.end_step",
    "reprokit.observe.recorder:Recorder.final",
]


@pytest.fixture(scope="module")
def plain(shared_runner: Runner) -> Ran:
    return shared_runner.plain(SCRIPT)


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)
def test_a_hook_that_breaks_is_off_and_said_and_the_script_goes_on(
    shared_runner: Runner, plain: Ran, tmp_path: Path, place: str
) -> None:
    ran = shared_runner.observed(SCRIPT, BREAK=place)
    assert (ran.status, ran.stdout, ran.stderr) == (plain.status, plain.stdout, plain.stderr) == (0, plain.stdout, "")
    assert "planted" in ran.process.disabled["torch"]
    assert ran.recording is not None
    warnings = collect_streams(read_processes(ran.recording), tmp_path / "columns", "full").warnings
    assert any(warning.code == "RPK042" and "planted" in warning.message for warning in warnings)


def test_without_a_fault_nothing_is_off(shared_runner: Runner, plain: Ran) -> None:
    ran = shared_runner.observed(SCRIPT)
    assert ran.process.disabled == {}
    assert (ran.stdout, ran.stderr) == (plain.stdout, "")
    assert len(ran.rows) == 3
