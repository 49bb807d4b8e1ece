"""Binds the names of an assignment, a loop or a comprehension."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from reprokit.lint.order import consume
from reprokit.lint.values import Value

if TYPE_CHECKING:
    from reprokit.lint.walk import Walk


def bind(walk: Walk, target: ast.expr, value: Value) -> None:
    """Binds the names of an assignment's or loop's target."""
    if isinstance(target, ast.Name):
        walk.scope.names[target.id] = value
    elif isinstance(target, (ast.Tuple, ast.List)):
        if value.kind in {"set", "parameter"}:
            value = consume(value, target)
            walk.used(value)
        parts = value.parts if isinstance(value.parts, list) else []
        for index, element in enumerate(target.elts):
            part = (
                parts[index]
                if index < len(parts)
                else value.item or Value("key" if value.kind == "keys" else "unknown")
            )
            if value.kind == "list" and value.item is None:
                part = Value()
            if value.kind == "keys":
                part = Value("key")
            bind(walk, element.value if isinstance(element, ast.Starred) else element, part)
