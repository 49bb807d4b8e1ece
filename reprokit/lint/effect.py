"""What a loop whose turns have no order does: some effects come out the same, others carry the order on."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from reprokit.lint.order import GROWS, HARMLESS, HARMLESS_STARTS
from reprokit.lint.values import Value

if TYPE_CHECKING:
    from reprokit.lint.values import Origin
    from reprokit.lint.walk import Walk


def taint(walk: Walk, receiver: ast.expr, origin: Origin, kind: str = "list") -> None:
    """A container has no order from here on, unless it is sorted before its order is used."""
    if isinstance(receiver, ast.Name):
        holder = walk.scope.holder(receiver.id)
        known = holder.names.get(receiver.id)
        if known is None or known.kind in {"list", "unknown", "dict", "groups", "str"}:
            holder.names[receiver.id] = Value(kind, origin=origin, item=known.item if known else None)
    elif isinstance(receiver, ast.Attribute) and isinstance(receiver.value, ast.Name):
        owner = walk.lookup(receiver.value.id)
        if owner.kind == "self":
            owner.detail.attributes[receiver.attr] = Value(kind, origin=origin)
        else:
            walk.lost(origin)
    elif isinstance(receiver, ast.Subscript):
        taint(walk, receiver.value, origin, "groups")
    else:
        walk.lost(origin)


def call(walk: Walk, node: ast.Call) -> None:
    """A call for its effect alone, in such a loop."""
    disorder = walk.disorders[-1]
    func = node.func
    name = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
    if name in GROWS and isinstance(func, ast.Attribute):
        taint(walk, func.value, disorder.origin)
    elif name in HARMLESS or name.startswith(HARMLESS_STARTS):
        return
    elif isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name) and func.value.id in disorder.targets:
        return  # each element for itself
    elif _mentions(node, disorder.targets):
        walk.lost(disorder.origin)


def _mentions(node: ast.AST, names: set[str]) -> bool:
    return any(isinstance(part, ast.Name) and part.id in names for part in ast.walk(node))


def element(walk: Walk, target: ast.Subscript, written: ast.expr | None) -> bool:
    """`d[k] = v` in such a loop: a count of turns fixes their order, else only the dictionary loses its own."""
    disorder = walk.disorders[-1]
    if written is None or not _mentions(target.slice, disorder.targets):
        return False
    if _counts(written, disorder.counters):
        walk.lost(disorder.origin)
    elif isinstance(target.value, ast.Name):
        known = walk.lookup(target.value.id)
        if known.kind in {"dict", "unknown"}:
            taint(walk, target.value, disorder.origin, "dict")
    return True


def _counts(node: ast.expr, counters: set[str]) -> bool:
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and part.id in counters:
            return True
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id in {"len", "next"}:
            return part.func.id == "next" or isinstance(node, (ast.Call, ast.BinOp))
    return False


def adds_to(target: ast.expr, written: ast.expr) -> bool:
    """Whether what is assigned is a sum with the target in it, as in `text = text + …`."""
    if isinstance(written, ast.BinOp) and isinstance(written.op, ast.Add):
        return adds_to(target, written.left) or adds_to(target, written.right)
    return isinstance(target, ast.Name) and isinstance(written, ast.Name) and written.id == target.id


def grown(walk: Walk, target: ast.expr, known: Value, value: Value) -> None:
    """`text += …`, `text = text + …` or `items += …` in such a loop."""
    if known.kind in {"list", "str"} or value.kind in {"list", "str"}:
        taint(walk, target, walk.disorders[-1].origin, "list" if known.kind != "str" else "str")
