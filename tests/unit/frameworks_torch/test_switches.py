"""Switches are set and read back by name, refusals are returned, and loaders can have generators of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Runner

pytestmark = [pytest.mark.torch, pytest.mark.slow]

SCRIPT = """
import json, torch
from torch.utils.data import DataLoader
import reprokit.frameworks.torch as adapter
asked = {
    "torch.deterministic_algorithms": "strict", "torch.sdpa": "math", "torch.cuda.matmul.allow_tf32": False,
    "torch.cudnn.benchmark": False, "torch.fill_uninitialized_memory": True, "torch.num_threads": 1,
    "torch.float32_matmul_precision": "highest", "torch.dataloader_generators": "own",
}
refused = adapter.apply(torch, {**asked, "torch.no_such_switch": 1, "torch.num_threads": 1})
was = adapter.read_back(torch)
late = adapter.apply(torch, {"torch.num_threads": -3})
def orders(seed, extra):
    adapter.seed(torch, seed)
    adapter.apply(torch, {"torch.dataloader_generators": "global"})
    adapter.apply(torch, {"torch.dataloader_generators": "own"})
    if extra: torch.rand(1)  # a draw more
    loaders = [DataLoader(list(range(32)), shuffle=True), DataLoader(list(range(32)), 1, True)]
    given = DataLoader(list(range(32)), shuffle=True, generator=torch.Generator().manual_seed(5))
    return [[int(x) for x in loader] for loader in (*loaders, given)]
def draws(seed):
    adapter.seed(torch, seed)
    return torch.rand(3).tolist()
print(json.dumps({
    "refused": refused, "late": late, "was": {name: was.get(name) for name in asked},
    "orders": [orders(1, False), orders(1, True), orders(2, False)],
    "draws": [draws(seed) for seed in (0, -1, 2**63, 2**64, 2**200, 0)],
}))
"""


def test_switches_and_seeds(runner: Runner) -> None:
    found = runner.plain(SCRIPT).json
    assert list(found["refused"]) == ["torch.no_such_switch"]
    assert list(found["late"]) == ["torch.num_threads"]
    assert found["was"] == {
        "torch.deterministic_algorithms": True, "torch.sdpa": "math", "torch.cuda.matmul.allow_tf32": False,
        "torch.cudnn.benchmark": False, "torch.fill_uninitialized_memory": True, "torch.num_threads": 1,
        "torch.float32_matmul_precision": "highest", "torch.dataloader_generators": "own",
    }  # fmt: skip
    first, with_a_draw_more, other_seed = found["orders"]
    assert first == with_a_draw_more
    assert first[0] != first[1]
    assert first[:2] != other_seed[:2]
    assert first[2] == other_seed[2], "a generator that the script gave is left alone"
    *seeds, again = found["draws"]
    assert seeds[0] == again
    assert len({tuple(draw) for draw in seeds}) == len(seeds)
