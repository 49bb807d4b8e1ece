"""Goes through a module's statements in order; a function's body is read at its first call, or at the end."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from reprokit.lint import effect
from reprokit.lint.assignments import annotated, annotated_assign, assign, augmented
from reprokit.lint.binding import bind
from reprokit.lint.ending import finish
from reprokit.lint.expressions import evaluate
from reprokit.lint.loops import for_loop, while_loop
from reprokit.lint.names import canonical
from reprokit.lint.scopes import Class, Function, Scope
from reprokit.lint.values import LIST, Value
from reprokit.lint.walk import dotted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reprokit.lint.walk import Walk

_ENDS = (ast.Return, ast.Raise, ast.Continue, ast.Break)


def module(walk: Walk, tree: ast.Module) -> None:
    """Reads a whole module, the bodies of functions that nobody calls included."""
    walk.enter = lambda function: enter(walk, function)
    block(walk, tree.body)
    index = 0
    while index < len(walk.functions):
        enter(walk, walk.functions[index])
        index += 1
    finish(walk)


def enter(walk: Walk, function: Function) -> None:
    """Reads a function's body once."""
    if function.state != "new" or function.node is None or walk.depth > 60:
        return
    function.state = "running"
    outer, disorders = walk.scope, walk.disorders
    walk.scope, walk.disorders = Scope(function.scope, function), []
    if function.owner is not None:
        walk.classes.append(function.owner)
    walk.depth += 5
    try:
        _bind_parameters(walk, function)
        block(walk, function.node.body)
    finally:
        walk.depth -= 5
        walk.scope, walk.disorders = outer, disorders
        if function.owner is not None:
            walk.classes.pop()
        function.state = "done"


def _bind_parameters(walk: Walk, function: Function) -> None:
    node = function.node
    if node is None:
        return
    names = walk.scope.names
    if function.owner is not None and (node.args.posonlyargs or node.args.args):
        first = [*node.args.posonlyargs, *node.args.args][0]
        names[first.arg] = Value("self", detail=function.owner)
    tensors = (
        function.owner is not None
        and function.name == "forward"
        and function.owner.derives("Module", "LightningModule")
    )
    for parameter in function.parameters():
        value = annotated(walk, parameter.annotation)
        if value is None:
            value = Value("tensor") if tensors else Value("parameter", detail=(function, parameter.arg))
        names[parameter.arg] = value
    for extra in (node.args.vararg, node.args.kwarg):
        if extra is not None:
            names[extra.arg] = Value()


def block(walk: Walk, body: Sequence[ast.stmt]) -> None:
    """Reads statements; functions and classes are known before the first of them runs."""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            _define(walk, node)
    for node in body:
        handler = _HANDLERS.get(type(node))
        if handler is not None:
            handler(walk, node)


def _define(walk: Walk, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    owner = walk.scope.owner
    scope = walk.scope.parent if owner is not None and walk.scope.parent is not None else walk.scope
    function = Function(node.name, node, scope, owner)
    walk.functions.append(function)
    walk.scope.names[node.name] = Value("function", detail=function)
    if owner is not None:
        owner.methods[node.name] = function


def _function(walk: Walk, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    for given in [*node.decorator_list, *node.args.defaults, *(d for d in node.args.kw_defaults if d is not None)]:
        evaluate(walk, given)


def _class(walk: Walk, node: ast.ClassDef) -> None:
    bases = []
    for base in node.bases:
        value = evaluate(walk, base)
        bases.append(value.name if value.kind == "ref" else dotted(base))
        if value.kind == "class":
            bases += value.detail.bases
    for given in [*node.decorator_list, *(one.value for one in node.keywords)]:
        evaluate(walk, given)
    owner = Class(node.name, bases)
    walk.classes_seen.append(owner)
    outer = walk.scope
    outer.names[node.name] = Value("class", node.name, detail=owner)
    walk.scope = Scope(outer, outer.function, owner)
    block(walk, node.body)
    walk.scope = outer
    start = owner.methods.get("__init__")
    if start is not None:
        enter(walk, start)


def _import(walk: Walk, node: ast.Import) -> None:
    for alias in node.names:
        walk.facts.imports.append((0, alias.name, ()))
        walk.imported.add(alias.name.partition(".")[0])
        name = alias.name if alias.asname else alias.name.partition(".")[0]
        walk.scope.names[alias.asname or name] = Value("ref", canonical(name + ".")[:-1])


def _import_from(walk: Walk, node: ast.ImportFrom) -> None:
    module_name = node.module or ""
    names = tuple(alias.name for alias in node.names)
    walk.facts.imports.append((node.level, module_name, names))
    walk.imported.add(module_name.partition(".")[0])
    start = "." * node.level + module_name
    for alias in node.names:
        if alias.name == "*":
            walk.stars.append(canonical(start + ".")[:-1])
        else:
            walk.scope.names[alias.asname or alias.name] = Value("ref", canonical(f"{start}.{alias.name}"))


def _expression(walk: Walk, node: ast.Expr) -> None:
    given = node.value
    value = evaluate(walk, given)
    if isinstance(given, ast.Call):
        if walk.disorders:
            effect.call(walk, given)
        if isinstance(given.func, ast.Attribute) and given.func.attr == "sort":
            _sorted_in_place(walk, given.func.value)
        elif (
            isinstance(given.func, ast.Attribute)
            and given.func.attr in {"extend", "extendleft"}
            and value.origin is not None
        ):
            effect.taint(walk, given.func.value, value.origin)


def _sorted_in_place(walk: Walk, receiver: ast.expr) -> None:
    if isinstance(receiver, ast.Name):
        holder = walk.scope.holder(receiver.id)
        known = holder.names.get(receiver.id, LIST)
        if known.kind in {"list", "unknown", "parameter"}:
            holder.names[receiver.id] = Value("list", item=known.item)
    elif isinstance(receiver, ast.Attribute):
        base = evaluate(walk, receiver.value)
        if base.kind == "self":
            known = base.detail.attributes.get(receiver.attr, LIST)
            base.detail.attributes[receiver.attr] = Value("list", item=known.item)


def _return(walk: Walk, node: ast.Return) -> None:
    value = evaluate(walk, node.value) if node.value is not None else Value("none")
    function = walk.scope.function
    if function is not None and value.kind != "parameter":
        function.returns.append(value)


def _if(walk: Walk, node: ast.If) -> None:
    if _is_main_guard(node.test):
        walk.facts.script = True
    evaluate(walk, node.test)
    before = dict(walk.spent)
    block(walk, node.body)
    after = before if node.body and isinstance(node.body[-1], _ENDS) else dict(walk.spent)
    walk.spent = before
    block(walk, node.orelse)
    walk.spent = {**after, **walk.spent}


def _is_main_guard(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and dotted(test.left) == "__name__"


def _while(walk: Walk, node: ast.While) -> None:
    while_loop(walk, node, block)


def _with(walk: Walk, node: ast.With | ast.AsyncWith) -> None:
    for item in node.items:
        value = evaluate(walk, item.context_expr)
        if item.optional_vars is not None:
            bind(walk, item.optional_vars, value)
    block(walk, node.body)


def _try(walk: Walk, node: ast.Try) -> None:
    block(walk, node.body)
    for handler in node.handlers:
        if handler.name:
            walk.scope.names[handler.name] = Value()
        block(walk, handler.body)
    block(walk, node.orelse)
    block(walk, node.finalbody)


def _match(walk: Walk, node: ast.Match) -> None:
    evaluate(walk, node.subject)
    for case in node.cases:
        block(walk, case.body)


def _values(walk: Walk, node: ast.stmt) -> None:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            evaluate(walk, child)


def _raise(walk: Walk, node: ast.Raise) -> None:
    walk.quiet += 1
    _values(walk, node)
    walk.quiet -= 1


def _for(walk: Walk, node: ast.For | ast.AsyncFor) -> None:
    for_loop(walk, node, block)


_HANDLERS: dict[type, Callable[..., None]] = {
    ast.FunctionDef: _function, ast.AsyncFunctionDef: _function, ast.ClassDef: _class, ast.Import: _import,
    ast.ImportFrom: _import_from, ast.Assign: assign, ast.AnnAssign: annotated_assign, ast.AugAssign: augmented,
    ast.Expr: _expression, ast.Return: _return, ast.If: _if, ast.For: _for, ast.AsyncFor: _for, ast.While: _while,
    ast.With: _with, ast.AsyncWith: _with, ast.Try: _try, ast.TryStar: _try, ast.Match: _match, ast.Assert: _values,
    ast.Raise: _raise, ast.Delete: _values,
}  # fmt: skip
