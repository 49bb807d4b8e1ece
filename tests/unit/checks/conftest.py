"""Functions that depend on what they should not, as a module that a fresh process can import."""

from __future__ import annotations

import pytest

MODULE = """
import os, random, time

WORDS = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"]

def ordered_by_hash():
    return list(set(WORDS))

def sorted_words():
    return sorted(set(WORDS))

def draws():
    return random.random()

def unseeded():
    return list(os.urandom(8))

def fails():
    raise ValueError("a planted failure")

def nothing():
    pass

def hangs():
    time.sleep(60)

def exits():
    os._exit(7)

class Holder:
    @staticmethod
    def inside():
        return 1.0

wrapped = lambda: 1
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """An imported module of planted functions."""
    import importlib

    (tmp_path / "planted_functions.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(importlib.import_module("sys").modules, "planted_functions", raising=False)
    return importlib.import_module("planted_functions")
