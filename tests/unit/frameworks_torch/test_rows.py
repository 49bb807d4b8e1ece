"""What stands in the rows: parts, names and keys, and nothing that depends on addresses or the collector."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reprokit.trace.align import align
from reprokit.trace.raw import BACKWARD, LOSS

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Ran, Runner

pytestmark = pytest.mark.torch

LOOP = """
import os, torch
from torch import nn
torch.manual_seed(0)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 4)
        self.last.weight = self.first.weight
    def forward(self, x, scale=1.0):
        return self.last(self.norm(self.first(x)) * scale)
PLANT = os.environ.get("PLANT", "")
net, criterion = Net(), nn.MSELoss()
optimizer = torch.optim.Adam(net.parameters(), lr=0.5)
for step in range(1, 5):
    x, target = torch.randn(6, 4), torch.randn(6, 4)
    if step == 3:
        if PLANT == "batch": x = x.flip(0)
        if PLANT == "draw": torch.rand(1)
        if PLANT == "weight": net.norm.weight.data[0] += 1e-6
    optimizer.zero_grad()
    out = net(x, scale=2.0)
    if step == 3 and PLANT == "forward": out = out + 1e-6
    loss = criterion(out, target)
    loss.backward()
    if step == 3 and PLANT == "gradient": net.norm.bias.grad[0] += 1e-6
    if step == 3 and PLANT == "rate": optimizer.param_groups[0]["lr"] = 0.25
    optimizer.step()
"""


@pytest.fixture(scope="module")
def loop(shared_runner: Runner) -> Ran:
    ran = shared_runner.observed(LOOP)
    assert ran.status == 0, ran.stderr
    return ran


def test_each_part_names_its_tensors(loop: Ran) -> None:
    assert len(loop.rows) == 4
    parameters = ["first.weight=last.weight", "first.bias", "norm.weight", "norm.bias", "last.bias"]
    assert loop.names("gradients", 2) == parameters
    assert loop.names("entry", 2) == parameters
    buffers = ["norm.running_mean", "norm.running_var", "norm.num_batches_tracked"]
    assert loop.names("parameters", 2) == [*parameters, *buffers]
    assert loop.names("optimizer", 2)[:3] == [f"{parameters[0]}:{name}" for name in ("step", "exp_avg", "exp_avg_sq")]
    assert loop.names("lr", 2) == ["lr of group 0"]
    assert loop.names("loss", 2) == ["loss"]
    generators = ("python", "numpy", "torch")
    assert loop.names("rng", 2) == [
        f"{name} ({when})" for when in ("before forward", "before backward") for name in generators
    ]
    assert all(row.flags & LOSS and row.rate == 0.5 and row.loss > 0 for row in loop.rows)


def test_a_batch_is_what_came_in_and_not_what_an_earlier_call_computed(loop: Ran) -> None:
    assert loop.names("batch", 2) == ["input 0", "scale", "call 2: input 1"]


@pytest.mark.parametrize(
    ("plant", "part", "tensor", "cause"),
    [
        ("batch", "batch", "input 0", "data order"),
        ("draw", "rng", "torch (before forward)", "random draws"),
        ("weight", "parameters", "norm.weight", "update"),
        ("forward", "loss", "loss", "forward numerics"),
        ("gradient", "gradients", "norm.bias", "backward numerics"),
        ("rate", "lr", "lr of group 0", "update"),
    ],
)
def test_a_fault_planted_at_step_3_is_named(
    shared_runner: Runner, loop: Ran, tmp_path: Path, plant: str, part: str, tensor: str, cause: str
) -> None:
    other = shared_runner.observed(LOOP, like=loop, PLANT=plant)
    found = align(loop.trace(tmp_path / "a"), other.trace(tmp_path / "b")).first
    assert found is not None
    assert (found.step, found.part, found.cause) == (3, part, cause)
    assert tensor in found.tensors


def test_the_same_run_again_is_equal(shared_runner: Runner, loop: Ran, tmp_path: Path) -> None:
    found = align(loop.trace(tmp_path / "a"), shared_runner.observed(LOOP, like=loop).trace(tmp_path / "b"))
    assert found.equal
    assert not found.not_compared
    assert found.tensors_compared > 60


def test_optimizers_are_numbered_as_they_are_made_and_never_twice(runner: Runner) -> None:
    ran = runner.observed("""
import torch
made = [torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1) for _ in range(12)]
model = torch.nn.Linear(1, 1)
model(torch.ones(1, 1))
for optimizer in made: optimizer.step()
for _ in range(5):
    fresh = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1)
    fresh.step()
    del fresh
""")
    assert ran.process.disabled == {}
    assert [next(iter(ran.digests("parameters", step))) for step in range(1, 18)] == [f"{i}/0/0" for i in range(17)]
    assert list(ran.digests("entry", 1)) == [f"{i}/0/0" for i in range(12)]


def test_nothing_is_kept_alive(runner: Runner) -> None:
    ran = runner.observed("""
import gc, json, torch, weakref
def train():
    model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.BatchNorm1d(4))
    optimizer = torch.optim.Adam(model.parameters())
    for _ in range(3):
        optimizer.zero_grad(); model(torch.randn(6, 4)).sum().backward(); optimizer.step()
    tensors = [*model.parameters(), *model.buffers(), *[p.grad for p in model.parameters()]]
    return [weakref.ref(o) for o in (model, optimizer, *tensors)]
alive = train()
train()  # the last optimizer is held until exit, for its final state
gc.collect()
print(json.dumps(sum(r() is not None for r in alive)))
""")
    assert ran.json == 0
    assert len(ran.rows) == 6


def test_a_loop_without_an_optimizer_is_delimited_by_its_backward_passes(runner: Runner, tmp_path: Path) -> None:
    script = """
import os, torch
torch.manual_seed(0)
model = torch.nn.Linear(4, 2)
for step in range(1, 6):
    loss = model(torch.randn(6, 4)).pow(2).mean()
    loss.backward()
    with torch.no_grad():
        for p in model.parameters():
            p.data.add_(p.grad, alpha=-0.2 if step == 3 and os.environ.get("PLANT") else -0.1)
            p.grad = None
"""
    ran = runner.observed(script)
    other = runner.observed(script, like=ran, PLANT="1")
    assert len(ran.rows) == 5
    assert all(row.flags & BACKWARD for row in ran.rows)
    assert sorted(ran.names("parameters", 2)) == ["bias", "weight"]
    found = align(ran.trace(tmp_path / "a"), other.trace(tmp_path / "b")).first
    assert found is not None
    assert (found.step, found.part) == (3, "parameters")


def test_a_checkpoint_that_computes_again_is_no_new_batch(runner: Runner) -> None:
    ran = runner.observed("""
import torch
from torch.utils.checkpoint import checkpoint
body, head = torch.nn.Linear(4, 4), torch.nn.Linear(4, 2)
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__(); self.body, self.head = body, head
    def forward(self, x): return self.head(checkpoint(self.body, x, use_reentrant=False))
net = Net(); optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(2):
    net(torch.randn(3, 4)).sum().backward(); optimizer.step()
""")
    assert ran.names("batch", 2) == ["input 0"]
    assert ran.names("parameters", 2) == ["body.weight", "body.bias", "head.weight", "head.bias"]


def test_calls_after_the_sixteenth_are_seen_too(runner: Runner, tmp_path: Path) -> None:
    script = """
import os, torch
torch.manual_seed(0)
model = torch.nn.Linear(4, 2); optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
for step in range(3):
    for micro in range(20):
        x = torch.randn(3, 4)
        if os.environ.get("PLANT") and (step, micro) == (1, 18): x = x.flip(0)
        model(x).sum().mul(0).backward()
    optimizer.step()
"""
    ran = runner.observed(script)
    other = runner.observed(script, like=ran, PLANT="1")
    assert ran.names("batch", 1)[-1] == "inputs of the calls after the 16th"
    found = align(ran.trace(tmp_path / "a"), other.trace(tmp_path / "b")).first
    assert found is not None
    assert (found.step, found.part, found.cause) == (2, "batch", "data order")
    assert found.tensors == ("inputs of the calls after the 16th",)


def test_asking_for_a_spec_does_not_use_the_observer_up(runner: Runner) -> None:
    ran = runner.observed("""
import importlib.util
assert importlib.util.find_spec("torch") and importlib.util.find_spec("torch")
import torch
model = torch.nn.Linear(4, 2); optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
model(torch.ones(1, 4)).sum().backward(); optimizer.step()
""")
    assert len(ran.rows) == 1
