"""Assignments: to names, attributes, elements; what an annotation promises."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from reprokit.lint import effect
from reprokit.lint.binding import bind
from reprokit.lint.checks import indexing, switches
from reprokit.lint.expressions import evaluate
from reprokit.lint.names import TENSOR_ANNOTATIONS, canonical
from reprokit.lint.order import consume
from reprokit.lint.values import UNKNOWN, Value
from reprokit.lint.walk import dotted

if TYPE_CHECKING:
    from reprokit.lint.walk import Walk

_SETS = {"set", "frozenset", "Set", "FrozenSet", "AbstractSet", "MutableSet"}


def assign(walk: Walk, node: ast.Assign) -> None:
    """`a = b = value`."""
    value = evaluate(walk, node.value)
    for target in node.targets:
        store(walk, target, value, node.value)
        if walk.disorders and effect.adds_to(target, node.value):
            effect.grown(walk, target, value, value)


def annotated_assign(walk: Walk, node: ast.AnnAssign) -> None:
    """`a: kind = value`, or the annotation alone."""
    value = evaluate(walk, node.value) if node.value is not None else None
    promised = annotated(walk, node.annotation)
    if value is None and promised is None:
        return
    given = value if value is not None and (promised is None or value.kind != "unknown") else promised
    store(walk, node.target, given or UNKNOWN, node.value)


def store(walk: Walk, target: ast.expr, value: Value, written: ast.expr | None) -> None:
    """Assigns a value to a target: a name, an attribute, an element."""
    if isinstance(target, ast.Name):
        before = walk.scope.names.get(target.id)
        if value.kind == "none" and before is not None and before.kind in {"ref", "function", "class"}:
            return  # `except ImportError: torch = None`
        walk.scope.names[target.id] = value
    elif isinstance(target, (ast.Tuple, ast.List)):
        bind(walk, target, value)
        for element in target.elts:
            if isinstance(element, (ast.Attribute, ast.Subscript)):
                store(walk, element, Value(), None)
    elif isinstance(target, ast.Attribute):
        _store_attribute(walk, target, value)
    elif isinstance(target, ast.Subscript):
        _store_element(walk, target, value, written)


def _store_attribute(walk: Walk, target: ast.Attribute, value: Value) -> None:
    base = evaluate(walk, target.value)
    if base.kind == "self":
        known = base.detail.attributes.get(target.attr)
        if value.kind != "none" or known is None:
            base.detail.attributes[target.attr] = value
        return
    walk.used(value)
    unordered = target.attr in {"deterministic", "experimental_deterministic"} and value.detail is False
    if unordered and base.name == "tensorflow.data.Options":
        text = "this option hands out elements in the order in which they become ready"
        walk.report("RPL050", target, text, unless=("tensorflow-deterministic",))
    if base.kind == "ref":
        switches.assigned(walk, target, canonical(f"{base.name}.{target.attr}"), value)


def _store_element(walk: Walk, target: ast.Subscript, value: Value, written: ast.expr | None) -> None:
    base, index = evaluate(walk, target.value), evaluate(walk, target.slice)
    if base.kind == "ref" and base.name == "os.environ":
        switches.environment(walk, target, index, value)
        return
    if written is not None:
        indexing.written(walk, target, base, index, written, augmented=False)
    if walk.disorders and effect.element(walk, target, written):
        return
    if not isinstance(target.slice, ast.Slice):
        walk.used(value)


def augmented(walk: Walk, node: ast.AugAssign) -> None:
    """`a += value`."""
    value = evaluate(walk, node.value)
    target = node.target
    if isinstance(target, ast.Subscript):
        base, index = evaluate(walk, target.value), evaluate(walk, target.slice)
        indexing.written(walk, target, base, index, node.value, augmented=True)
        return
    known = evaluate(walk, target)
    if walk.disorders:
        effect.grown(walk, target, known, value)
    if known.kind in {"list", "str"} and value.kind in {"set", "list"} and isinstance(target, ast.Name):
        taken = consume(value, node)
        if taken.origin is not None:
            walk.scope.names[target.id] = Value(known.kind, origin=taken.origin)
    if known.kind == "int" and isinstance(target, ast.Name):
        walk.scope.names[target.id] = Value("int")


def annotated(walk: Walk, node: ast.expr | None) -> Value | None:
    """The value that an annotation promises, where it decides anything."""
    if node is None:
        return None
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return Value("tensor") if node.value in {"torch.Tensor", "Tensor"} else None
    item = node.slice if isinstance(node, ast.Subscript) else None
    name = dotted(node.value if isinstance(node, ast.Subscript) else node)
    last = name.rpartition(".")[2]
    if (last in _SETS and walk.scope.find(last) is None) or last in _SETS - {"set", "frozenset"}:
        inner = dotted(item) if item is not None else ""
        return Value("set", item=Value(inner) if inner in {"int", "str", "float"} else None)
    if not name:
        return None
    found = walk.lookup(name.partition(".")[0])
    full = canonical(".".join([found.name, *name.split(".")[1:]])) if found.kind == "ref" else ""
    if full in TENSOR_ANNOTATIONS:
        return Value("tensor")
    if full == "numpy.ndarray":
        return Value("ndarray")
    return Value(full[9:]) if full in {"builtins.int", "builtins.str", "builtins.float"} else None
