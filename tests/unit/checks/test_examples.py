"""The examples in docstrings of values and checks are run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import reprokit.checks
import reprokit.compare.values

MODULES = [
    found.name
    for package in (reprokit.checks, reprokit.compare.values)
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder()
    examples = [test for name in MODULES for test in finder.find(importlib.import_module(name)) if test.examples]
    assert len(examples) >= 5
