"""Workers and compilers: the observer changes neither the bits nor what is printed."""

from __future__ import annotations

import importlib.util
import re
import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Runner

pytestmark = [pytest.mark.torch, pytest.mark.slow]

HEAD = """
import os, sys, torch
from torch import nn
PLANT = bool(os.environ.get("PLANT"))
def train(model, batches, forward=None, step=None):
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    forward = forward or model
    for i, (x, y) in enumerate(batches):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(forward(x), y)
        loss.backward()
        optimizer.step() if step is None else step(optimizer)
        if i == 0 and PLANT: next(model.parameters()).data[0, 0] += 1e-4
    print(*[float(p.detach().double().pow(2).sum()).hex() for p in model.parameters()])
def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.3), nn.ReLU(), nn.Linear(8, 3))
def batches(): return [(torch.randn(6, 4), torch.randint(3, (6,))) for _ in range(4)]
"""

LOADER = """
import numpy, random
from torch.utils.data import DataLoader, Dataset
class Noisy(Dataset):
    def __len__(self): return 24
    def __getitem__(self, i):
        return torch.full((4,), float(i)) / 24 + torch.randn(4) + random.random() * 0, torch.tensor(i % 3)
if __name__ == "__main__":
    random.seed(0)
    model = net()
    train(model, DataLoader(Noisy(), batch_size=6, shuffle=True, num_workers=int(os.environ["WORKERS"])))
"""

COMPILED = """
graphs = []
def counting(graph, inputs):
    graphs.append(len(graph.graph.nodes))
    return graph
backend = {"counting": counting}.get(os.environ["BACKEND"], os.environ["BACKEND"])
model = net(); train(model, batches(), forward=torch.compile(model, backend=backend))
model = net(); model.compile(backend=backend); train(model, batches())
function = torch.compile(lambda x: model(x) * 2, backend=backend)
train(net(), batches()); function(torch.randn(2, 4))
compiled_step = torch.compile(lambda optimizer: optimizer.step(), backend=backend)
model = net(); train(model, batches(), step=compiled_step)
print(graphs, torch._dynamo.utils.counters["graph_break"], torch._dynamo.utils.counters["stats"])
"""


STAMP = re.compile(r"^[WIE]\d{4} [\d:.]+ \d+ ", re.MULTILINE)  # of PyTorch's own log: time and process


def same(runner: Runner, script: str, **environment: str) -> None:
    plain, observed = runner.plain(script, **environment), runner.observed(script, **environment)
    assert plain.status == 0, plain.stderr
    assert observed.status == 0, observed.stderr
    assert observed.stdout == plain.stdout
    assert STAMP.sub("", observed.stderr) == STAMP.sub("", plain.stderr)
    assert observed.process.disabled == {}
    assert len(observed.rows) >= 4
    assert runner.plain(script, PLANT="1", **environment).stdout != plain.stdout


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_loader_with_workers(runner: Runner, workers: str) -> None:
    same(runner, HEAD + LOADER, WORKERS=workers)


@pytest.mark.parametrize("backend", ["counting", "aot_eager", "inductor"])
def test_compiled_models_and_steps(runner: Runner, backend: str) -> None:
    if backend == "inductor" and not (shutil.which("g++") or shutil.which("clang++")):
        pytest.skip("no C++ compiler is installed, which inductor needs")
    assert importlib.util.find_spec("torch._dynamo")
    same(runner, HEAD + COMPILED, BACKEND=backend)
