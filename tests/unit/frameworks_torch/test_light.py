"""At the level ``light`` a part has one root, over everything that belongs to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reprokit.trace.align import align
from reprokit.trace.raw import CORE, PLAN

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Ran, Runner

pytestmark = [pytest.mark.torch, pytest.mark.slow]

SCRIPT = """
import os, torch
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 4))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(1, 4):
    optimizer.zero_grad(); model(torch.randn(8, 4)).sum().backward()
    if step == 3 and os.environ.get("PLANT") == "weight": model[1].weight.data[0, 0] += 1e-6
    if step == 3 and os.environ.get("PLANT") == "buffer": model[0].running_mean[0] += 1e-6
    optimizer.step()
"""


def observed(runner: Runner, script: str, level: str, plant: str, like: Ran | None = None) -> Ran:
    """Every step is digested: left to the clock, a busy machine would leave out some at these levels."""
    plan = {"light": bytes([CORE] * 3), "budget": bytes([PLAN] * 3), "full": None}[level]
    return runner.observed(script, level=level, plan=plan, like=like, PLANT=plant)


@pytest.mark.parametrize("plant", ["weight", "buffer", ""])
def test_parameters_and_buffers_both_count(runner: Runner, tmp_path: Path, plant: str) -> None:
    first = observed(runner, SCRIPT, "light", "")
    other = observed(runner, SCRIPT, "light", plant, like=first)
    found = align(first.trace(tmp_path / "a"), other.trace(tmp_path / "b")).first
    assert (found and (found.step, found.part, found.tensors)) == ((3, "parameters", ("root",)) if plant else None)


@pytest.mark.parametrize("levels", [("light", "full"), ("full", "light"), ("budget", "light")])
@pytest.mark.parametrize("plant", ["weight", "buffer", ""])
def test_a_root_is_compared_with_the_digests_of_what_it_stands_for(
    runner: Runner, tmp_path: Path, plant: str, levels: tuple[str, str]
) -> None:
    traces = [
        observed(runner, SCRIPT, level, plant if number else "").trace(tmp_path / str(number), level)
        for number, level in enumerate(levels)
    ]
    found = align(*traces, started_alike=False)
    assert found.steps_compared == 3
    assert found.comparable
    assert (found.first and (found.first.step, found.first.part)) == ((3, "parameters") if plant else None)
    assert not [gap for gap in found.gaps if "steps (levels" in gap]
    assert bool(found.gaps) == (levels[0] != "light"), "what only the record holds is not proven equal"


def test_roots_that_were_never_equal_prove_no_difference(runner: Runner, tmp_path: Path) -> None:
    script = SCRIPT.replace("step == 3", "step >= 1")
    light = observed(runner, script, "light", "").trace(tmp_path / "a", "light")
    full = observed(runner, script, "full", "buffer").trace(tmp_path / "b", "full")
    found = align(light, full, started_alike=False)
    assert any("steps (levels light and full)" in gap for gap in found.gaps)
    assert found.first is None or found.first.part != "parameters"
