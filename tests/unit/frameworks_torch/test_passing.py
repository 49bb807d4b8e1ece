"""A step that is passed over leaves the row that the long way would have left, whatever kind of loss it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reprokit.trace.raw import LOSS, PLAN

if TYPE_CHECKING:
    from conftest import Runner

pytestmark = pytest.mark.torch

STEPS = 6
LOOP = """
import torch
from torch import nn
torch.manual_seed(0)
net = nn.Linear(3, 2)
other = nn.Linear(3, 2)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
second = torch.optim.SGD(other.parameters(), lr=0.1)
def loss_of(model):
    return model(torch.randn(4, 3)).square().mean()
def in_a_mode():
    with torch.device("cpu"):
        loss_of(net).backward()
def update(step):
    {update}
for step in range(6):
    optimizer.zero_grad()
    update(step)
"""
UPDATES = {
    "float32": "loss_of(net).backward(); optimizer.step()",
    "float64": "loss_of(net).double().backward(); optimizer.step()",
    "bfloat16": "loss_of(net).bfloat16().backward(); optimizer.step()",
    "nan": "(loss_of(net) * (float('nan') if step == 3 else 1)).backward(); optimizer.step()",
    "infinite": "(loss_of(net) * (float('-inf') if step == 3 else 1)).backward(); optimizer.step()",
    "accumulated": "loss_of(net).backward(); loss_of(net).backward(); optimizer.step()",
    "a sum of both kinds": "loss_of(net).backward(); loss_of(net).bfloat16().backward(); optimizer.step()",
    "several elements": "net(torch.randn(4, 3)).backward(torch.ones(4, 2)); optimizer.step()",
    "one element in a list": "torch.autograd.backward([loss_of(net)]); optimizer.step()",
    "shape 1": "loss_of(net).reshape(1).backward(); optimizer.step()",
    "a mode": "in_a_mode(); optimizer.step()",
    "changed afterwards": "loss = loss_of(net); loss.backward(); loss.detach().mul_(2); optimizer.step()",
    "no loss": "net.weight.grad = torch.ones(2, 3); optimizer.step()",
    "two optimizers": "(loss_of(net) + loss_of(other)).backward(); optimizer.step(); second.step()",
    "in turn": "loss_of(net).backward(); optimizer.step(); loss_of(other).backward(); second.step()",
    "a new one": "made = torch.optim.SGD(net.parameters(), lr=0.1); loss_of(net).backward(); made.step()",
    "closure": "optimizer.step(lambda: (lambda loss: (loss.backward(), loss)[1])(loss_of(net)))",
}

_AT_ONCE = {"float32", "bfloat16", "no loss", "two optimizers", "accumulated"}
"""One of each kind; each takes two processes, and the others are slow together."""


@pytest.mark.parametrize(
    "update",
    [
        pytest.param(update, id=name, marks=[] if name in _AT_ONCE else [pytest.mark.slow])
        for name, update in UPDATES.items()
    ],
)
def test_passed_steps_have_the_losses_of_digested_ones(runner: Runner, update: str) -> None:
    script = LOOP.format(update=update)
    whole = runner.observed(script)
    count = len(whole.rows)
    assert count in (STEPS, 2 * STEPS)
    plan = bytes([PLAN, *[0] * (count - 2), PLAN])
    passed = runner.observed(script, plan=plan)
    assert not passed.process.disabled
    assert [row.step for row in passed.rows] == [row.step for row in whole.rows] == list(range(1, count + 1))
    for step, (a, b) in enumerate(zip(whole.rows, passed.rows, strict=True), 1):
        assert b.flags & LOSS == a.flags & LOSS
        assert b.loss == a.loss or (b.loss != b.loss and a.loss != a.loss)
        assert passed.digests("loss", step) == whole.digests("loss", step)
        if 1 < step < count:
            assert {passed.blocks[number].part for number in b.blocks} <= {"loss"}


def test_the_usual_step_takes_the_short_way(runner: Runner) -> None:
    """Else the test above shows nothing."""
    ran = runner.observed(LOOP.format(update=UPDATES["float32"]), plan=bytes([PLAN, *[0] * (STEPS - 1)]))
    assert (ran.process.directory / "losses.torch.float32").stat().st_size == 16 * (STEPS - 1)
