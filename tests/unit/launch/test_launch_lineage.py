"""The graph comes after the run: what goes wrong with it is said, and costs neither a recording nor a verdict."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from reprokit.launch import lineage_parts
from reprokit.verbs.record import record
from reprokit.verbs.replay import ReplayOptions, replay

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("broken", ["lineage_of", "covered_part", "replay_part", "leave"])
def test_a_failure_in_the_graph_costs_neither_the_recording_nor_the_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ValueError("planted")

    monkeypatch.setenv("REPROKIT_HOME", str(tmp_path / "home"))
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setattr(lineage_parts, broken, fail)
    recorded = record([sys.executable, "-c", "open('out.txt', 'w').write('1')"])
    verdict = replay(tmp_path / "project" / recorded.bundle, ReplayOptions())
    assert verdict.tier.value == "bitwise"
    said = [one.message for one in (*recorded.warnings, *verdict.warnings) if one.code == "RPK191"]
    assert said
    assert all("planted" in message for message in said)
