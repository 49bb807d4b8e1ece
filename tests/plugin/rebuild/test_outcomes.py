"""A test may show several things: the worst one is what the reports say of it, whatever the order."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import pytest

from reprokit.pytest_plugin.reports.outcomes import attach, attached

# From best to worst.
SHOWN: list[dict[str, Any]] = [
    {"kind": "check", "tier": None, "reason": "an invariance holds"},
    {"kind": "check", "tier": "bitwise"},
    {"kind": "check", "tier": "metric-close"},
    {"kind": "marker", "tier": "re-runnable", "code": "RPK060"},
    {"kind": "marker", "tier": "none", "code": "RPK060"},
    {"kind": "rebuild", "status": "unverified", "code": "RPK010"},
]


@pytest.mark.parametrize(("better", "worse"), list(itertools.combinations(range(len(SHOWN)), 2)))
def test_the_worst_stays(better: int, worse: int) -> None:
    for order in ((better, worse), (worse, better)):
        item: Any = SimpleNamespace(stash=pytest.Stash())
        for index in order:
            attach(item, SHOWN[index])
        assert attached(item) == SHOWN[worse]


def test_a_failure_without_a_tier_is_not_covered_by_a_later_success() -> None:
    item: Any = SimpleNamespace(stash=pytest.Stash())
    attach(item, {"kind": "check", "code": "RPK070"})
    attach(item, {"kind": "check", "tier": "bitwise"})
    assert attached(item) == {"kind": "check", "code": "RPK070"}
