"""What an expression gives: kinds, references, and sequences whose order was lost."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from reprokit.lint.binding import bind
from reprokit.lint.calls import call
from reprokit.lint.names import canonical
from reprokit.lint.order import consume
from reprokit.lint.scopes import Scope
from reprokit.lint.values import DICT, MASK, STR, UNKNOWN, Value, constant

if TYPE_CHECKING:
    from collections.abc import Callable

    from reprokit.lint.walk import Walk

_TENSOR_ATTRIBUTES = {"data", "T", "grad", "mT", "real", "imag"}
_DEEPEST = 400


def evaluate(walk: Walk, node: ast.expr) -> Value:
    """The value of an expression; everything in it is looked at once."""
    kind = type(node)
    if kind is ast.Name:
        found = walk.lookup(node.id)  # type: ignore[attr-defined]
        if found.origin is not None:
            found.loaded = True
        if found.kind in {"function", "ref"}:
            walk.facts.called.add(node.id)  # type: ignore[attr-defined]
        return found
    if kind is ast.Constant:
        return _constant(walk, node)  # type: ignore[arg-type]
    handler = _HANDLERS.get(kind)
    if handler is None:
        return _other(walk, node)
    walk.depth += 1
    try:
        return handler(walk, node) if walk.depth < _DEEPEST else UNKNOWN
    finally:
        walk.depth -= 1


def _constant(walk: Walk, node: ast.Constant) -> Value:
    if not walk.facts.cuda and isinstance(node.value, str) and ("cuda" in node.value or node.value == "gpu"):
        walk.facts.cuda = True
    return constant(node.value)


def _other(walk: Walk, node: ast.expr) -> Value:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            evaluate(walk, child)
    return UNKNOWN


def _attribute(walk: Walk, node: ast.Attribute) -> Value:
    base = evaluate(walk, node.value)
    name = node.attr
    if base.kind == "ref":
        full = canonical(f"{base.name}.{name}")
        if not walk.facts.cuda and full.startswith("torch.cuda"):
            walk.facts.cuda = True
        walk.facts.called.add(name)
        return Value("ref", full)
    if base.kind == "self":
        owner = base.detail
        owner.loaded.add(name)
        found: Value | None = owner.attributes.get(name)
        if found is not None:
            return found
        method = owner.methods.get(name)
        return Value("function", detail=method) if method is not None else UNKNOWN
    if base.kind == "entropy":
        return base
    if base.kind == "tensor":
        return base if name in _TENSOR_ATTRIBUTES else UNKNOWN
    if base.kind == "local" and name in base.detail.methods:
        return Value("function", detail=base.detail.methods[name])
    return UNKNOWN


def _subscript(walk: Walk, node: ast.Subscript) -> Value:
    base = evaluate(walk, node.value)
    index = evaluate(walk, node.slice)
    if base.kind == "tuple" and base.parts and isinstance(index.detail, int) and index.detail < len(base.parts):
        part: Value = base.parts[index.detail]
        return part
    if base.kind == "keys" and isinstance(index.detail, int):
        if base.parts is None:
            base.parts = {}
        key: Value = base.parts.setdefault(index.detail, Value("key"))
        return key
    if base.kind == "keys":
        return Value("key")
    if base.kind == "groups":
        return Value("list", origin=base.origin)
    if base.kind == "list":
        walk.used(base)
        return base if isinstance(node.slice, ast.Slice) and base.origin is None else base.item or UNKNOWN
    if base.kind == "str":
        if isinstance(node.slice, ast.Slice) and not walk.quiet:
            walk.used(base)
        return STR
    return Value(base.kind) if base.kind in {"tensor", "ndarray"} else UNKNOWN


def _sequence(walk: Walk, node: ast.List | ast.Tuple) -> Value:
    parts = []
    for element in node.elts:
        if isinstance(element, ast.Starred):
            part = consume(evaluate(walk, element.value), element)
            if part.origin is not None:
                return Value("list", origin=part.origin, item=part.item)
            parts.append(UNKNOWN)
        else:
            parts.append(evaluate(walk, element))
    if isinstance(node, ast.Tuple):
        return Value("tuple", parts=parts)
    for part in parts:
        walk.used(part)
    kinds = {part.kind for part in parts}
    return Value("list", item=parts[0] if len(kinds) == 1 else None, parts=parts)


def _set(walk: Walk, node: ast.Set) -> Value:
    items = [evaluate(walk, element) for element in node.elts]
    kinds = {item.kind for item in items}
    return Value("set", item=items[0] if len(kinds) == 1 else None)


def _dict(walk: Walk, node: ast.Dict) -> Value:
    for key, value in zip(node.keys, node.values, strict=True):
        if key is not None:
            evaluate(walk, key)
        walk.used(evaluate(walk, value))
    return DICT


def _binary(walk: Walk, node: ast.BinOp) -> Value:
    left, right = evaluate(walk, node.left), evaluate(walk, node.right)
    if left.kind in {"set", "keyview"} or right.kind == "set":
        if isinstance(node.op, (ast.BitOr, ast.BitAnd, ast.Sub, ast.BitXor)):
            return Value("set", item=left.item if left.kind == "set" else right.item)
    elif "tensor" in {left.kind, right.kind}:
        return Value("tensor", detail="mask" if {left.detail, right.detail} == {"mask"} else None)
    elif "ndarray" in {left.kind, right.kind}:
        return Value("ndarray")
    if left.name == "hash()" and left.kind == "entropy" and isinstance(node.op, ast.Mod):
        text = "hash() differs between processes for strings, and so does what is chosen by it here"
        walk.report("RPL012", node, text)
    if left.kind == "entropy" or right.kind == "entropy":
        return Value("entropy", name=left.name or right.name)
    if isinstance(node.op, ast.Div) and left.kind == "instance" and left.name == "pathlib.Path":
        return left
    if isinstance(node.op, (ast.Add, ast.Mult)):
        if left.origin is not None or right.origin is not None:
            kind = "str" if "str" in {left.kind, right.kind} else "list"
            return Value(kind, origin=left.origin or right.origin)
        if left.kind in {"list", "str"}:
            return Value(left.kind, item=left.item)
    return Value(left.kind) if left.kind == right.kind and left.kind in {"int", "float", "str"} else UNKNOWN


def _compare(walk: Walk, node: ast.Compare) -> Value:
    values = [evaluate(walk, node.left), *(evaluate(walk, other) for other in node.comparators)]
    if values[-1].detail in {1, 2} and isinstance(node.left, ast.Call) and getattr(node.left.func, "id", "") == "len":
        for given in node.left.args:
            _single(evaluate(walk, given))
    if any(value.kind == "tensor" for value in values) and not isinstance(node.ops[0], (ast.Is, ast.IsNot, ast.In)):
        return MASK
    return Value("int")


def _single(value: Value) -> None:
    """`if len(names) == 1: (name,) = names`: a set of one has an order."""
    value.single = value.kind == "set"
    if value.kind == "list" and value.origin is not None and value.origin.rule == "RPL010":
        value.origin = None


def _boolean(walk: Walk, node: ast.BoolOp) -> Value:
    values = [evaluate(walk, value) for value in node.values]
    return next((value for value in values if value.kind not in {"none", "unknown", "int"}), UNKNOWN)


def _conditional(walk: Walk, node: ast.IfExp) -> Value:
    evaluate(walk, node.test)
    first, second = evaluate(walk, node.body), evaluate(walk, node.orelse)
    if first.kind in {"none", "unknown"} or second.origin is not None:
        return second
    return first


def _unary(walk: Walk, node: ast.UnaryOp) -> Value:
    value = evaluate(walk, node.operand)
    return Value("int") if isinstance(node.op, ast.Not) else value


def _walrus(walk: Walk, node: ast.NamedExpr) -> Value:
    value = evaluate(walk, node.value)
    walk.scope.names[node.target.id] = value
    return value


def _comprehension(walk: Walk, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> Value:
    outer, spent = walk.scope, set(walk.spent)
    walk.scope = Scope(outer)
    origin, numbered = None, False
    try:
        for generator in node.generators:
            given = evaluate(walk, generator.iter)
            taken = consume(given, generator.iter)
            origin = origin or taken.origin
            numbered = numbered or given.name == "enumerate"
            bind(walk, generator.target, taken.item or UNKNOWN)
            for test in generator.ifs:
                evaluate(walk, test)
        if isinstance(node, ast.DictComp):
            evaluate(walk, node.key)
            value = evaluate(walk, node.value)
            if origin is not None and (numbered or _counts(node.value)):
                walk.lost(origin)
            return Value("dict", origin=origin, item=value)
        item = evaluate(walk, node.elt)
        _same_key(walk, spent)
    finally:
        walk.scope = outer
    if isinstance(node, ast.SetComp):
        return Value("set", item=item)
    return Value("list", name="enumerate" if numbered else "", origin=origin, item=item)


def _same_key(walk: Walk, before: set[int]) -> None:
    """A key from outside of a comprehension is the same for each element."""
    own = {id(value) for value in walk.scope.names.values()}
    for key in [key for key in walk.spent if key not in before and key not in own]:
        if any(id(value) == key for value in walk.kept_values):
            text = "the key comes from outside of the comprehension, so each element uses the same one"
            if walk.scope.parent is not None and any(id(v) == key for v in walk.scope.parent.names.values()):
                walk.report("RPL060", walk.spent[key], text)


def _counts(node: ast.expr) -> bool:
    """Whether the value is the next one of a counter, or how many there are already."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"next", "len"}


def _lambda(walk: Walk, node: ast.Lambda) -> Value:
    outer = walk.scope
    walk.scope = Scope(outer)
    for argument in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]:
        walk.scope.names[argument.arg] = Value()
    evaluate(walk, node.body)
    walk.scope = outer
    return UNKNOWN


def _text(walk: Walk, node: ast.JoinedStr) -> Value:
    walk.quiet += 1
    for value in node.values:
        if isinstance(value, ast.FormattedValue):
            evaluate(walk, value.value)
    walk.quiet -= 1
    return STR


def _yield(walk: Walk, node: ast.Yield) -> Value:
    if node.value is not None:
        walk.used(evaluate(walk, node.value))
    if walk.disorders:
        walk.lost(walk.disorders[-1].origin)
    return UNKNOWN


def _yield_from(walk: Walk, node: ast.YieldFrom) -> Value:
    walk.used(consume(evaluate(walk, node.value), node))
    return UNKNOWN


def _await(walk: Walk, node: ast.Await) -> Value:
    return evaluate(walk, node.value)


def _call(walk: Walk, node: ast.Call) -> Value:
    return call(walk, node, evaluate)


_HANDLERS: dict[type, Callable[..., Value]] = {
    ast.Attribute: _attribute, ast.Call: _call, ast.Subscript: _subscript, ast.List: _sequence, ast.Tuple: _sequence,
    ast.Set: _set, ast.Dict: _dict, ast.BinOp: _binary, ast.Compare: _compare, ast.BoolOp: _boolean,
    ast.IfExp: _conditional, ast.UnaryOp: _unary, ast.NamedExpr: _walrus, ast.ListComp: _comprehension,
    ast.SetComp: _comprehension, ast.GeneratorExp: _comprehension, ast.DictComp: _comprehension, ast.Lambda: _lambda,
    ast.JoinedStr: _text, ast.Yield: _yield, ast.YieldFrom: _yield_from, ast.Await: _await,
}  # fmt: skip
