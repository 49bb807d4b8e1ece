"""The observer changes no bit of what a script computes, and breaks nothing that a script does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Ran, Runner

SCRIPT = Path(__file__).with_name("noninterference_script.py")
NAMES = [line[4:].partition("(")[0] for line in SCRIPT.read_text().split("@case\n")[1:]]

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def runs(shared_runner: Runner) -> dict[str, Ran]:
    return {
        "plain": shared_runner.plain(SCRIPT),
        "observed": shared_runner.observed(SCRIPT),
        "planted": shared_runner.plain(SCRIPT, PLANT="1"),
    }


@pytest.fixture(scope="module")
def results(runs: dict[str, Ran]) -> dict[str, dict[str, Any]]:
    return {name: ran.json for name, ran in runs.items()}


@pytest.mark.parametrize("name", NAMES)
def test_final_state_is_equal_bit_for_bit(results: dict[str, dict[str, Any]], name: str) -> None:
    assert results["observed"][name] == results["plain"][name]


@pytest.mark.parametrize("name", NAMES)
def test_the_digest_would_show_one_weight_moved(results: dict[str, dict[str, Any]], name: str) -> None:
    assert results["planted"][name] != results["plain"][name]


def test_all_of_it_was_observed_and_nothing_broke(runs: dict[str, Ran]) -> None:
    observed = runs["observed"]
    assert observed.process.disabled == {}
    assert {"steps", "torch.batch", "torch.backward", "torch.optimizer"} <= set(observed.process.fired)
    assert observed.process.finished


def test_every_update_has_one_row(runs: dict[str, Ran]) -> None:
    observed = runs["observed"]
    updates = sum(count for _digest, count in json.loads(observed.stdout).values())
    assert updates > 80
    assert [row.step for row in observed.rows] == list(range(1, updates + 1))


def test_output_and_status_are_equal(runs: dict[str, Ran]) -> None:
    assert runs["observed"].stderr == runs["plain"].stderr
    assert runs["observed"].stdout == runs["plain"].stdout
    assert runs["observed"].status == runs["plain"].status == 0
