"""Loops: whether their turns have an order, and JAX keys that every turn uses again."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from reprokit.lint.binding import bind
from reprokit.lint.expressions import evaluate
from reprokit.lint.order import consume
from reprokit.lint.values import Value
from reprokit.lint.walk import Disorder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reprokit.lint.walk import Walk


def for_loop(walk: Walk, node: ast.For | ast.AsyncFor, block: Callable[[Walk, Sequence[ast.stmt]], None]) -> None:
    """Reads a `for` loop."""
    given = evaluate(walk, node.iter)
    taken = consume(given, node.iter)
    bind(walk, node.target, taken.item or Value())
    if not isinstance(node.target, (ast.Name, ast.Tuple, ast.List)):
        evaluate(walk, node.target)
    origin = taken.origin
    if given.name == "os.walk" and _sorts_directories(node):
        origin = None
    spent, outside = set(walk.spent), _keys(walk)
    if origin is not None:
        names = {part.id for part in ast.walk(node.target) if isinstance(part, ast.Name)}
        counters = _counters(node, numbered=given.name == "enumerate")
        walk.disorders.append(Disorder(origin, names, counters))
    block(walk, node.body)
    if origin is not None:
        walk.disorders.pop()
    if not isinstance(node.body[-1], (ast.Return, ast.Break)):
        keys_used_again(walk, spent, outside)
    block(walk, node.orelse)


def _counters(node: ast.For | ast.AsyncFor, *, numbered: bool) -> set[str]:
    """Names that count the turns: the first target of `enumerate`, and what is increased in the body."""
    found = {
        part.target.id
        for part in ast.walk(node)
        if isinstance(part, ast.AugAssign) and isinstance(part.target, ast.Name)
    }
    target = node.target
    if numbered and isinstance(target, ast.Tuple) and target.elts and isinstance(target.elts[0], ast.Name):
        found.add(target.elts[0].id)
    return found


def _sorts_directories(node: ast.For | ast.AsyncFor) -> bool:
    """`dirs.sort()` or `dirs[:] = sorted(dirs)` in the body of `for root, dirs, files in os.walk(top)`."""
    target = node.target
    if not isinstance(target, ast.Tuple) or len(target.elts) < 2 or not isinstance(target.elts[1], ast.Name):
        return False
    name = target.elts[1].id
    return any(_sorts(part, name) for part in ast.walk(node))


def _sorts(part: ast.AST, name: str) -> bool:
    if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute):
        return part.func.attr == "sort" and getattr(part.func.value, "id", "") == name
    if isinstance(part, ast.Assign) and isinstance(part.targets[0], ast.Subscript):
        return getattr(part.targets[0].value, "id", "") == name and "sort" in ast.unparse(part.value)
    return False


def keys_used_again(walk: Walk, before: set[int], outside: dict[str, Value]) -> None:
    """A key from outside that the body used and did not replace is the same in each turn.

    Args:
        walk: the state of the reading.
        before: keys that were used before the loop.
        outside: names and values as they were before the loop.
    """
    for name, value in outside.items():
        node = walk.spent.get(id(value))
        if node is not None and id(value) not in before and walk.scope.names.get(name) is value:
            walk.report(
                "RPL060", node, f"the key {name} comes from outside of the loop, so each turn uses the same one"
            )


def while_loop(walk: Walk, node: ast.While, block: Callable[[Walk, Sequence[ast.stmt]], None]) -> None:
    """Reads a `while` loop."""
    evaluate(walk, node.test)
    spent, outside = set(walk.spent), _keys(walk)
    block(walk, node.body)
    keys_used_again(walk, spent, outside)
    block(walk, node.orelse)


def _keys(walk: Walk) -> dict[str, Value]:
    return {name: value for name, value in walk.scope.names.items() if value.kind in {"key", "parameter"}}
