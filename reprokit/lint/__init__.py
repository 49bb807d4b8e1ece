"""Reads training code without running it, and names what will make two runs differ.

A file is parsed once and gone through in the order in which it would run: names keep what they were bound to (`import
torch
as th`, a set, a tensor, a directory's listing), the order of a sequence is followed to where it is used, and a
function of
the same file is read where it is first called. Whether a generator is seeded is decided over all files that import each
other.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reprokit.lint.findings import Finding
    from reprokit.lint.linting import Linted, lint_paths, lint_text
    from reprokit.lint.rules import RULES, Rule
    from reprokit.lint.selection import Selection

_HOMES = {"Finding": "findings", "Linted": "linting", "lint_paths": "linting", "lint_text": "linting", "RULES": "rules",
          "Rule": "rules", "Selection": "selection"}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Imports a part when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


__all__ = ["RULES", "Finding", "Linted", "Rule", "Selection", "lint_paths", "lint_text"]
