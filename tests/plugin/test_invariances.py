"""Invariances through the fixture: what holds passes, a planted fault fails with place and cause, `off` is off."""

from __future__ import annotations

import pytest

HOLDS = """
import os
import numpy as np

def words():
    return sorted({"alpha", "beta", "gamma"})

def unsorted_words():
    return list({"alpha", "beta", "gamma", "delta", "epsilon"})

def train(parts, steps):
    for _ in range(steps):
        parts["step"][:] += 1
        parts["w"] *= np.sqrt(parts["step"])

def parts():
    return {"w": np.ones(3), "step": np.zeros(1)}

def test_run(repro):
    repro.run_to_run(lambda: np.arange(3.0))

def test_resume(repro):
    def save(state, path):
        np.savez(f"{path}.npz", **state)
    def load(state, path):
        for name, value in np.load(f"{path}.npz").items():
            if name in KEPT:
                state[name][:] = value
    repro.resume(parts, train, 4, 2, save, load)

def test_batch(repro):
    repro.batch_invariant(ROWS, np.arange(6.0).reshape(3, 2))

def test_threads(repro):
    repro.thread_invariant(lambda: np.ones(3))

def test_workers(repro):
    repro.worker_invariant(lambda workers: [np.ones(2) * BATCH(workers)])

def test_hash_seed(repro):
    repro.hash_seed_invariant(WORDS)

def test_files(repro, tmp_path):
    for name in "abc":
        (tmp_path / name).touch()
    repro.order_of_files_invariant(lambda: LIST(os.listdir(tmp_path)), tmp_path)
"""
SOUND = 'KEPT = ("w", "step")\nROWS = lambda rows: rows\nBATCH = lambda workers: 1\nWORDS = words\nLIST = sorted\n'
FAULTY = 'KEPT = ("w",)\nROWS = lambda rows: rows - rows.mean(0)\nBATCH = float\nWORDS = unsorted_words\nLIST = list\n'


@pytest.mark.parametrize("option", [(), ("--import-mode=importlib",)], ids=str)
def test_what_holds_passes(pytester, suite, option):
    (pytester.path / "test_sound.py").write_text(HOLDS + SOUND)
    suite(*option).assert_outcomes(passed=7)


def test_planted_faults_fail_with_place_and_cause(pytester, suite):
    (pytester.path / "test_faulty.py").write_text(HOLDS + FAULTY)
    result = suite()
    result.assert_outcomes(failed=5, passed=2)
    text = result.stdout.str()
    for said in ("not restored: step", "row 0 of 3", "batch 0 differs between 0 and 2 workers", "PYTHONHASHSEED=0 -> ",
                 "listed at test_faulty.py:"):  # fmt: skip
        assert said in text, said
    assert text.count("RPK075") >= 4
    assert "RPK079" in text


def test_off_runs_none_of_them(pytester, suite):
    (pytester.path / "test_faulty.py").write_text(HOLDS + FAULTY)
    suite("--repro=off").assert_outcomes(passed=7)
