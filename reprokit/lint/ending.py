"""The end of a file: what leaves it without an order, and seeds that came too late."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ast

    from reprokit.lint.walk import Walk


def finish(walk: Walk) -> None:
    """Reports what is only known once everything was read."""
    """What nobody in this file put in order goes out as it is."""
    for function in walk.functions:
        if not function.used:
            for value in function.returns:
                walk.used(value)
    for name, value in walk.module.names.items():
        if value.kind == "list" and not name.startswith("_") and value.origin is not None and not value.loaded:
            walk.used(value)
    for owner in walk.classes_seen:
        for name, value in owner.attributes.items():
            if name not in owner.loaded:
                walk.used(value)
    for kind, library in list(walk.events):
        seed = walk.events.get(("seed", library))
        if kind == "draw" and seed is not None:
            _late_seed(walk, library, walk.events[kind, library], seed)


def _late_seed(walk: Walk, library: str, draw: ast.AST, seed: ast.AST) -> None:
    order = list(walk.events)
    if order.index(("draw", library)) < order.index(("seed", library)):
        line = getattr(seed, "lineno", 0)
        walk.report("RPL006", draw, f"this draws from {library}'s generator before line {line} seeds it")
