"""Writes the reference of the Python API from its signatures and docstrings."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import reprokit
import reprokit.strategies

_ELSEWHERE = {"__version__", "strategies", "Verdict"}


def names() -> dict[str, Any]:
    """Every public name, with methods of public classes."""
    found: dict[str, Any] = {}
    for name in reprokit.__all__:
        if name in _ELSEWHERE:
            continue
        # `reprokit.compare` is a package that can be called; its function has the signature.
        value = (
            importlib.import_module("reprokit.api.judging").compare if name == "compare" else getattr(reprokit, name)
        )
        found[f"reprokit.{name}"] = value
        if inspect.isclass(value):
            for member, what in vars(value).items():
                if not member.startswith("_") and inspect.getdoc(what):
                    found[f"reprokit.{name}.{member}"] = what
    for name in reprokit.strategies.__all__:
        found[f"reprokit.strategies.{name}"] = getattr(reprokit.strategies, name)
    return found


def reference() -> str:
    """A heading, the signature and the docstring of each name."""
    parts = []
    for name, value in names().items():
        level = "###" if name.count(".") == 2 and not name.startswith("reprokit.strategies") else "##"
        signature = ""
        if inspect.isfunction(value):
            signature = str(inspect.signature(value)).replace("(self, ", "(").replace("(self)", "()")
        parts += [f"{level} {name}", "", "```text", f"{name}{signature}", "", inspect.getdoc(value) or "", "```", ""]
    return "\n".join(parts)
