"""Keras's values on any backend: models, layers, optimizers, metrics and seed generators, by their variables."""

from __future__ import annotations

import sys
from typing import Any

from reprokit.compare.files.content import key_part
from reprokit.compare.values.node import Branch, Node, unreadable


def read(value: Any) -> Node | None:
    """The node for one of Keras's values, or None if it is none."""
    keras = sys.modules["keras"]
    kinds = [
        (getattr(keras, name), name.lower())
        for name in ("Model", "Layer", "Optimizer", "Metric")
        if hasattr(keras, name)
    ]
    if isinstance(value, keras.random.SeedGenerator):
        return Branch("seed generator", [("state", value.state.value)])
    for kind, name in kinds:
        if isinstance(value, kind):
            return _variables(f"{name} {type(value).__qualname__}", value)
    return None


def _variables(kind: str, value: Any) -> Branch:
    """All variables by their paths; by place too where two have one path."""
    if not getattr(value, "built", True):
        raise unreadable(f"the {kind}", "it has no variables yet", "Build it, or call it once, before it is checked.")
    variables = list(value.variables)
    paths = [str(variable.path) for variable in variables]
    twice = len(set(paths)) != len(paths)
    names = [f"{number} {path}" if twice else path for number, path in enumerate(paths)]
    children = [(key_part(name), variable.value) for name, variable in zip(names, variables, strict=True)]
    return Branch(f"{kind} of {len(variables)} variables", children)
