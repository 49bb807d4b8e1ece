"""Scopes, functions and classes of the file that is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator

    from reprokit.lint.values import Value


class Scope:
    """The names of a module, function, class body or comprehension."""

    __slots__ = ("function", "names", "owner", "parent")

    def __init__(
        self, parent: Scope | None = None, function: Function | None = None, owner: Class | None = None
    ) -> None:
        self.names: dict[str, Value] = {}
        self.parent = parent
        self.function: Function | None = function if function is not None else parent.function if parent else None
        self.owner = owner

    def find(self, name: str) -> Value | None:
        """The value of a name, from the inside out."""
        scope: Scope | None = self
        while scope is not None:
            found = scope.names.get(name)
            if found is not None:
                return found
            scope = scope.parent
        return None

    def holder(self, name: str) -> Scope:
        """The scope that binds a name; this one when none does."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope
            scope = scope.parent
        return self


class Function:
    """A function of the file, and what is known of it once its body was read."""

    __slots__ = ("consumes", "events", "name", "node", "ordered", "owner", "returns", "scope", "state", "used")

    def __init__(
        self, name: str, node: ast.FunctionDef | ast.AsyncFunctionDef | None, scope: Scope, owner: Class | None
    ) -> None:
        self.name = name
        self.node = node
        self.scope = scope
        self.owner = owner
        self.state = "new"
        self.used = False
        self.returns: list[Value] = []
        self.ordered: set[str] = set()
        self.consumes: set[str] = set()
        self.events: dict[tuple[str, str], ast.AST] = {}

    def parameters(self) -> Iterator[ast.arg]:
        """Its positional and keyword parameters, `self` left out for a method."""
        if self.node is None:
            return
        given = self.node.args
        listed = [*given.posonlyargs, *given.args]
        static = any(getattr(one, "id", "") == "staticmethod" for one in self.node.decorator_list)
        yield from listed[1:] if self.owner is not None and not static else listed
        yield from given.kwonlyargs


class Class:
    """A class of the file: its bases by dotted name, its methods, and what its instances' attributes hold."""

    __slots__ = ("attributes", "bases", "draws", "loaded", "methods", "name")

    def __init__(self, name: str, bases: list[str]) -> None:
        self.name = name
        self.bases = bases
        self.methods: dict[str, Function] = {}
        self.attributes: dict[str, Value] = {}
        self.loaded: set[str] = set()
        self.draws: dict[str, ast.AST] = {}

    def derives(self, *endings: str) -> bool:
        """Whether a base's dotted name is one of these, or ends in one."""
        return any(base == end or base.endswith("." + end) for base in self.bases for end in endings)
