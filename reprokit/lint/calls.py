"""What a call does: to the order of its arguments, to the functions of this file, and to the rules that watch it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from reprokit.lint.checks.entropy import hashed
from reprokit.lint.checks.invocation import Invocation
from reprokit.lint.names import builtin_result, canonical, method_result, result_of
from reprokit.lint.order import (
    CONTAINERS,
    GROWS,
    INDIFFERENT,
    LISTING_METHODS,
    LISTINGS,
    ORDERED,
    consume,
    listing,
    rewritten,
    sorting,
)
from reprokit.lint.values import LIST, STR, UNKNOWN, Origin, Value
from reprokit.lint.watchers import CALLS, HEADS, METHODS

if TYPE_CHECKING:
    from collections.abc import Callable

    from reprokit.lint.scopes import Function
    from reprokit.lint.walk import Walk

_SET_METHODS = {"union", "intersection", "difference", "symmetric_difference", "copy"}
_UNORDERED_RESULTS = {"concurrent.futures.as_completed": "concurrent.futures.as_completed()",
                      "asyncio.as_completed": "asyncio.as_completed()"}  # fmt: skip
_UNORDERED_METHODS = {"imap_unordered": "imap_unordered()", "map_unordered": "map_unordered()"}
_MESSAGES = {"print", "debug", "info", "warning", "warn", "error", "exception", "critical", "log", "format", "fail",
             "rank_zero_warn", "rank_zero_info"}  # fmt: skip
"""Calls whose arguments are words for a person."""
_PROGRESS = {"tqdm", "track", "trange"}


def call(walk: Walk, node: ast.Call, evaluate: Callable[[Walk, ast.expr], Value]) -> Value:
    """The value of a call; its arguments are looked at, and the rules see it."""
    func, receiver, target = node.func, None, UNKNOWN
    if isinstance(func, ast.Attribute):
        receiver = evaluate(walk, func.value)
        target = _member(walk, receiver, func.attr)
        walk.facts.called.add(func.attr)
    else:
        target = evaluate(walk, func)
        if isinstance(func, ast.Name):
            walk.facts.called.add(func.id)
    speaks = _last(func) in _MESSAGES
    walk.quiet += speaks
    args = [_argument(walk, given, evaluate) for given in node.args]
    keywords = {given.arg or "**": _argument(walk, given.value, evaluate) for given in node.keywords}
    walk.quiet -= speaks
    made = Invocation(walk, node, target.name, receiver, args, keywords)
    if target.kind == "ref":
        walk.facts.called.add(target.name.rpartition(".")[2])
        return _imported(made)
    if target.kind == "function":
        return _local_function(made, target.detail)
    if target.kind == "class":
        return _local_class(made, target)
    if isinstance(func, ast.Attribute) and receiver is not None:
        return _method(made, receiver, func.attr)
    _use_all(made)
    made.name = func.id if isinstance(func, ast.Name) else ""
    for check in HEADS.get("", ()):
        check(made)
    return UNKNOWN


def _last(func: ast.expr) -> str:
    return func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""


def _argument(walk: Walk, node: ast.expr, evaluate: Callable[[Walk, ast.expr], Value]) -> Value:
    if isinstance(node, ast.Starred):
        given = evaluate(walk, node.value)
        return UNKNOWN if given.kind == "set" else consume(given, node)
    return evaluate(walk, node)


def _member(walk: Walk, receiver: Value, name: str) -> Value:
    if receiver.kind == "ref":
        full = canonical(f"{receiver.name}.{name}")
        if full.startswith("torch.cuda"):
            walk.facts.cuda = True
        return Value("ref", full)
    if receiver.kind in {"self", "local"}:
        if receiver.kind == "self":
            receiver.detail.loaded.add(name)
        found = receiver.detail.methods.get(name)
        if found is not None:
            return Value("function", detail=found)
    return UNKNOWN


def _use_all(made: Invocation) -> None:
    for value in [*made.args, *made.keywords.values()]:
        made.walk.used(value)


def _imported(made: Invocation) -> Value:
    name, node = made.name, made.node
    if name.startswith("builtins."):
        return _builtin(made, name[9:])
    if name in LISTINGS:
        return listing(name, node)
    if name in _UNORDERED_RESULTS:
        return Value("list", origin=Origin("RPL013", node, _UNORDERED_RESULTS[name]))
    first = made.args[0] if made.args else UNKNOWN
    result: Value | None = None
    check = CALLS.get(name)
    if check is not None:
        result = check(made)
    for watch in HEADS.get(name.partition(".")[0], ()):
        watch(made)
    for watch in HEADS.get("", ()):
        watch(made)
    if name in CONTAINERS or name.rpartition(".")[2] in _PROGRESS:
        taken = consume(first, node)
        return result_of(name) if taken.origin is None and name.startswith(("torch.", "numpy.")) else taken
    if sorting(name):
        return LIST
    if name == "collections.Counter" or name.startswith(("os.path.exists", "logging.")):
        return result_of(name)
    _use_all(made)
    return result if result is not None else result_of(name)


def _builtin(made: Invocation, name: str) -> Value:
    node = made.node
    first = made.args[0] if made.args else UNKNOWN
    if name in {"set", "frozenset"}:
        item = first.item if first.item is not None else None
        return Value("set", item=Value("str") if first.kind == "str" else item)
    if name in {"sorted", "min", "max"}:
        for watch in HEADS.get("", ()):
            watch(made)
    if name == "sorted":
        _ties(made, first)
        return Value("list", item=first.item)
    if name == "id":
        return Value("entropy", name="an address")
    if name in INDIFFERENT:
        return first if name == "str" and first.kind == "entropy" else builtin_result(name)
    if name == "hash":
        return hashed(made) or UNKNOWN
    if name == "dict.fromkeys":
        taken = consume(first, node)
        return Value("dict", origin=taken.origin)
    if name in ORDERED:
        return _in_order(made, name)
    if name == "dict" and first.origin is not None:
        if first.name in {"zip", "enumerate"}:  # each key gets a number by its place
            made.walk.lost(first.origin)
        return Value("dict", origin=first.origin)
    if name in {"int", "abs", "round", "float", "int.from_bytes", "pow"} and first.kind == "entropy":
        return first
    _use_all(made)
    return builtin_result(name)


def _ties(made: Invocation, first: Value) -> None:
    """`sorted(set(words), key=len)`: words of one length stay in the set's order."""
    written, taken = made.written("key"), consume(first, made.node)
    ties = isinstance(written, ast.Lambda) and not isinstance(written.body, ast.Tuple)
    ties = ties or getattr(written, "id", "") == "len"
    if ties and taken.origin is not None and first.kind == "set":
        text = "elements that are equal under this key keep the order of a set, which differs between processes"
        remedy = "Let the key end in the element itself: key=lambda w: (len(w), w)."
        made.walk.report("RPL010", made.node, text, level="note", remedy=remedy)


def _in_order(made: Invocation, name: str) -> Value:
    walk, node = made.walk, made.node
    sources = made.args[1:] if name in {"map", "filter"} else made.args
    taken = [consume(source, node) for source in sources]
    origin = next((one.origin for one in taken if one.origin is not None), None)
    items = [one.item or UNKNOWN for one in taken]
    if name == "next":
        if origin is not None and origin.rule == "RPL010":  # `next(iter(names))` is how the only element is taken out
            return items[0]
        walk.used(Value("list", origin=origin))
        return items[0] if items else UNKNOWN
    if name == "enumerate":
        return Value("list", name="enumerate", origin=origin, item=Value("tuple", parts=[Value("int"), *items]))
    if name == "zip":
        return Value("list", name="zip", origin=origin, item=Value("tuple", parts=items))
    if name == "map":
        return Value("list", origin=origin, item=_mapped(made))
    return Value("list", origin=origin, item=items[0] if items else None)


def _mapped(made: Invocation) -> Value | None:
    function = made.args[0] if made.args else UNKNOWN
    return (
        builtin_result(function.name[9:])
        if function.name in {"builtins.int", "builtins.str", "builtins.float"}
        else None
    )


def _method(made: Invocation, receiver: Value, name: str) -> Value:
    walk, node = made.walk, made.node
    made.name = name
    check = METHODS.get(name)
    result = check(made) if check is not None else None
    for watch in HEADS.get("", ()):
        watch(made)
    found = _of_method(made, receiver, name)
    if found is not None:
        return found
    if sorting(name):
        return LIST
    if receiver.kind == "list" and name in {"index", "pop"}:
        walk.used(receiver)
    if name not in GROWS and name not in {"add", "update", "union", "issubset", "issuperset", "intersection"}:
        _use_all(made)
    elif name in {"extend", "extendleft"} and made.args:
        return consume(made.args[0], node)
    return result if result is not None else method_result(receiver, name)


def _of_method(made: Invocation, receiver: Value, name: str) -> Value | None:
    """What methods of sets, dictionaries, paths and pools give; None for all others."""
    walk, node = made.walk, made.node
    if receiver.kind == "set" and name in _SET_METHODS:
        return receiver
    if receiver.kind == "entropy":
        return receiver
    if receiver.kind == "str" and receiver.origin is not None:
        return rewritten(receiver, name)
    if name in LISTING_METHODS or (name == "glob" and receiver.kind != "ref"):
        return listing(f"Path.{name}()", node)
    if name in _UNORDERED_METHODS:
        return Value("list", origin=Origin("RPL013", node, _UNORDERED_METHODS[name]))
    if name == "join" and receiver.kind in {"str", "unknown"} and made.args:
        if not walk.quiet:
            walk.used(consume(made.args[0], node))
        return STR
    if name in {"items", "keys", "values"} and receiver.kind == "dict":
        part = STR if name == "items" else None
        item = Value("tuple", parts=[UNKNOWN, receiver.item or UNKNOWN]) if part else None
        return Value("keyview" if receiver.origin is None else "list", origin=receiver.origin, item=item)
    if name in {"copy", "tolist"} and receiver.kind == "list":
        return receiver
    return None


def _local_function(made: Invocation, function: Function) -> Value:
    walk = made.walk
    function.used = True
    walk.enter(function)
    walk.happens(function)
    names = [parameter.arg for parameter in function.parameters()]
    given = {**dict(zip(names, made.args, strict=False)), **made.keywords}
    for name, value in given.items():
        if name in function.ordered:
            walk.used(consume(value, made.node))
        elif value.origin is not None and name not in names:
            walk.used(value)
        if name in function.consumes:
            made.consume_key(value)
    for watch in HEADS.get("local", ()):
        watch(made)
    found = [value for value in function.returns if value.kind != "none"]
    lost = next((value for value in found if value.origin is not None), None)
    if lost is not None and lost.origin is not None:
        if lost.origin.parameter is None or lost.origin.parameter[0] is not function:
            return lost
        passed = consume(given.get(lost.origin.parameter[1], UNKNOWN), made.node)
        return Value(lost.kind, origin=passed.origin, item=passed.item)
    kinds = {value.kind for value in found}
    if found and len(kinds) == 1:
        first = found[0]
        return Value("key") if first.kind == "key" else first
    return UNKNOWN


def _local_class(made: Invocation, target: Value) -> Value:
    walk, owner = made.walk, target.detail
    start = owner.methods.get("__init__")
    if start is not None:
        _local_function(made, start)
    if owner.derives("torch.nn.Module"):
        walk.facts.called.add("__init__")
    return Value("local", owner.name, detail=owner)
