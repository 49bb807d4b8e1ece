"""Bits that depend on the machine's state: the number of threads, and kernels whose result depends on timing."""

from __future__ import annotations

import os
import sys

import pytest

WIDE = (sys.executable, "wide.py")
SCATTER = (sys.executable, "scatter_table.py")
needs_two_cores = pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="needs 2 cores")


@needs_two_cores
@pytest.mark.slow
def test_another_number_of_threads(training):
    """Sums are split differently: other bits, the same model for all practical purposes, and the reason is named."""
    one, two = training.record(*WIDE, threads=1), training.record(*WIDE, threads=2)
    verdict = training.compare(one, two, status=1)
    assert verdict["tier"] == "metric-close", verdict["reason"]
    assert verdict["divergence"]["step"] == 1
    assert "torch.num_threads: 1 -> 2" in verdict["scope"]["fingerprint"]["differences"]
    assert training.compare(one, two, "--target", "metric-close", status=0)["met"]


@needs_two_cores
@pytest.mark.slow
def test_a_replay_uses_the_recorded_number_of_threads(training):
    """The host that replays is set to another number; the recorded environment decides."""
    verdict = training.replay(training.record(*WIDE, threads=2), threads=1)
    assert verdict["tier"] == "bitwise", verdict["reason"]
    assert verdict["scope"]["threads"] == 2


@needs_two_cores
@pytest.mark.slow
@pytest.mark.alone
def test_an_operation_that_is_not_deterministic_at_two_threads(training):
    """The record is one draw of many: it cannot be met, but the deterministic policy makes replays agree."""
    for _ in range(4):  # two threads that share one busy core may take turns and agree, with one thread too
        recording = training.record(*SCATTER, threads=2)
        verdict = training.replay(recording, "--runs", "4", status=None, threads=2)
        settled = training.replay(recording, "--runs", "3", "--policy", "deterministic", status=None, threads=2)
        if "bitwise" not in (verdict["tier"], verdict["between_replays"], settled["tier"]):
            break
    else:
        pytest.skip("the two threads never raced: this machine has no two cores to spare")
    assert verdict["tier"] != "bitwise"
    assert verdict["between_replays"] != "bitwise"
    assert verdict["divergence"]["step"] in range(1, 13)
    assert "--policy deterministic" in verdict["advice"]

    assert not settled["met"]
    assert settled["between_replays"] == "bitwise"
    assert settled["policy"] == "deterministic"
    assert "record --policy deterministic" in settled["advice"]


@needs_two_cores
@pytest.mark.slow
def test_recorded_under_the_deterministic_policy_it_replays_bitwise(training):
    recording = training.record(*SCATTER, threads=2, options=("--policy", "deterministic"))
    verdict = training.replay(recording, "--runs", "3", threads=2)
    assert verdict["tier"] == "bitwise", verdict["reason"]
    assert verdict["between_replays"] == "bitwise"
    assert str(verdict["scope"]["fingerprint"]["here"]["torch.deterministic_algorithms"]) in ("warn", "'warn'")
