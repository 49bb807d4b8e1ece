"""A code means one thing: two tables of the catalogue that have the same would hide one of the two."""

from __future__ import annotations

import collections
import importlib
import pkgutil

import reprokit.errors
from reprokit.errors import CATALOGUE


def test_no_code_stands_in_two_tables() -> None:
    tables = []
    for module in pkgutil.iter_modules(reprokit.errors.__path__):
        if module.name.startswith("of_"):
            found = vars(importlib.import_module(f"reprokit.errors.{module.name}"))
            tables += [value for name, value in found.items() if name.isupper() and isinstance(value, dict)]
    counted = collections.Counter(code for table in tables for code in table)
    assert [code for code, count in counted.items() if count > 1] == []
    assert set(counted) == set(CATALOGUE)
