"""Reads ``@pytest.mark.repro(...)``: every argument is checked, since a misspelt one would weaken the test."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reprokit.pytest_plugin.options import POLICIES, TIERS
from reprokit.pytest_plugin.settings import one_of, refusal

if TYPE_CHECKING:
    import pytest

_ARGUMENTS = ("tier", "runs", "policy", "timeout")
_PATIENCE = 600.0  # seconds for one process


@dataclass(frozen=True)
class Marker:
    """What a marked test asks for: the tier to reach, how many runs, their policy, and seconds for each."""

    tier: str = "bitwise"
    runs: int = 2
    policy: str = "recorded"
    timeout: float = _PATIENCE


def read_marker(item: pytest.Item) -> Marker:
    """The marker of an item, completed by the session's options; an inner mark overrides those of class and module.

    Raises:
        pytest.UsageError: RPK061, an argument is unknown or has a wrong value; the test is named.
    """
    given: dict[str, Any] = {}
    for mark in reversed(list(item.iter_markers("repro"))):
        if mark.args:
            names = ", ".join(f"{name}=" for name in _ARGUMENTS)
            raise refusal(f"{item.nodeid}: the repro marker takes no positional arguments, but {names}")
        given.update(mark.kwargs)
    for name in given:
        one_of(name, _ARGUMENTS, f"{item.nodeid}: argument of the repro marker")
    option = item.config.option
    return Marker(
        tier=one_of(str(given.get("tier", "bitwise")), TIERS, f"{item.nodeid}: tier"),
        runs=option.repro_runs or _runs(given.get("runs", 2), item.nodeid),
        policy=one_of(str(given.get("policy", "recorded")), POLICIES, f"{item.nodeid}: policy"),
        timeout=_timeout(given.get("timeout"), option.repro_timeout or _PATIENCE, item.nodeid),
    )


def _runs(value: Any, nodeid: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 2:
        return value
    raise refusal(f"{nodeid}: runs={value!r}; it takes a whole number from 2, since one run agrees with itself")


def _timeout(value: Any, default: float, nodeid: str) -> float:
    if value is None:
        return default
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0:
        return float(value)
    raise refusal(f"{nodeid}: timeout={value!r}; it takes a positive number of seconds")
