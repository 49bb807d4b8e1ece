"""The state of reading one file: scopes, what was found, and what the order of things depends on."""

from __future__ import annotations

import ast
import builtins
from typing import TYPE_CHECKING, Any

from reprokit.lint.findings import Facts, Finding, Level
from reprokit.lint.names import canonical
from reprokit.lint.rules import RULES
from reprokit.lint.scopes import Scope
from reprokit.lint.values import UNKNOWN, Origin, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from reprokit.lint.scopes import Class, Function

_BUILTINS = frozenset(dir(builtins))
_STAR_SOURCES = ("random", "numpy", "numpy.random", "torch", "torch.nn", "os", "glob", "time", "tensorflow",
                 "torch.utils.data", "jax.random", "concurrent.futures")  # fmt: skip


class Disorder:
    """A loop whose turns have no order: where it was lost, its variables, and the counters that run along."""

    __slots__ = ("counters", "origin", "targets")

    def __init__(self, origin: Origin, targets: set[str], counters: set[str]) -> None:
        self.origin = origin
        self.targets = targets
        self.counters = counters


class Walk:
    """Everything that reading one file needs to know while it goes through the tree.

    Args:
        path: as it is shown in findings.
        versions: installed or assumed versions of PyTorch and TensorFlow, as tuples.
    """

    def __init__(self, path: str, versions: dict[str, tuple[int, ...]]) -> None:
        self.facts = Facts(path)
        self.versions = versions
        self.scope = Scope()
        self.module = self.scope
        self.disorders: list[Disorder] = []
        self.stars: list[str] = []
        self.imported: set[str] = set()
        self.functions: list[Function] = []
        self.classes: list[Class] = []
        self.classes_seen: list[Class] = []
        self.events: dict[tuple[str, str], ast.AST] = {}
        self.once: set[tuple[str, str]] = set()
        self.reported: set[int] = set()
        self.spent: dict[int, ast.AST] = {}
        self.kept_values: list[Value] = []
        self.enter: Callable[[Function], None] = lambda _function: None
        self.depth = 0
        self.quiet = 0  # above zero within messages, whose words may come in any order

    # --- names

    def lookup(self, name: str) -> Value:
        """The value of a name where the reader stands."""
        found = self.scope.find(name)
        if found is not None:
            return found
        for star in self.stars:
            if star in _STAR_SOURCES:
                return Value("ref", canonical(f"{star}.{name}"))
        return Value("ref", f"builtins.{name}") if name in _BUILTINS else UNKNOWN

    @property
    def function(self) -> Function | None:
        """The function whose body is read, if any."""
        return self.scope.function

    @property
    def function_name(self) -> str:
        """The outermost plain function that is read; empty at the module's level and in methods."""
        function = self.scope.function
        if function is None:
            return ""
        while function.scope.function is not None:
            function = function.scope.function
        return "" if function.owner is not None or (function.node and function.node.decorator_list) else function.name

    # --- findings

    def report(
        self,
        code: str,
        node: ast.AST,
        message: str,
        *,
        remedy: str = "",
        level: Level | None = None,
        source: str = "",
        unless: Iterable[str] = (),
        needs: Iterable[str] = (),
        cuda: bool = False,
    ) -> None:
        """Adds a finding at a node."""
        rule = RULES[code]
        self.facts.findings.append(
            Finding(
                code=code,
                level=level or rule.level,
                path=self.facts.path,
                line=getattr(node, "lineno", 1),
                column=getattr(node, "col_offset", 0) + 1,
                end_line=getattr(node, "end_lineno", 1) or 1,
                message=message,
                remedy=remedy or rule.remedy,
                source=source or rule.source,
                unless=tuple(unless),
                needs=tuple(needs),
                cuda=cuda,
            )
        )

    def report_first(self, key: str, code: str, node: ast.AST, message: str, **given: Any) -> None:
        """Adds a finding unless this file has one under the same key: forty layers are one finding."""
        if (code, key) not in self.once:
            self.once.add((code, key))
            self.report(code, node, message, **given)

    def lost(self, origin: Origin | None, how: str = "") -> None:
        """The order that was lost at an origin is used: reports it there, once."""
        if origin is None:
            return
        if origin.parameter is not None:
            function, name = origin.parameter
            function.ordered.add(name)
        elif id(origin.node) not in self.reported:
            self.reported.add(id(origin.node))
            self.report(origin.rule, origin.node, f"{origin.what}{how or RULES[origin.rule].effect}")

    def used(self, value: Value) -> None:
        """A value goes where its order may matter; a set has none yet, and a dictionary is mostly looked up."""
        if value.origin is not None and value.kind not in {"set", "parameter", "dict"}:
            self.lost(value.origin)
        elif value.parts and value.kind == "tuple":
            for part in value.parts:
                self.used(part)

    # --- what happens in order: seeds and draws

    def event(self, kind: str, library: str, node: ast.AST) -> None:
        """Notes a seed or a draw where it happens for the first time."""
        events = self.scope.function.events if self.scope.function is not None else self.events
        events.setdefault((kind, library), node)

    def seeds(self, libraries: Iterable[str], node: ast.AST) -> None:
        """The program sets these generators or switches here."""
        for library in libraries:
            self.event("seed", library, node)
        self.facts.sets(libraries, self.function_name)

    def happens(self, function: Function) -> None:
        """A function of this file is called: what it does happens here."""
        for (kind, library), node in list(function.events.items()):
            self.event(kind, library, node)

    def draws(self, library: str, node: ast.AST) -> None:
        """A global generator gives a number here."""
        self.event("draw", library, node)
        if self.disorders:
            self.lost(self.disorders[-1].origin, "; each turn draws random numbers, so they go to other elements")
        if self.classes and self.function is not None:
            self.classes[-1].draws.setdefault(f"{library}:{self.function.name}", node)


def dotted(node: ast.AST) -> str:
    """`a.b.c` as written; empty for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(parts)])


def keyword(call: ast.Call, name: str, position: int | None = None) -> ast.expr | None:
    """An argument of a call by keyword, or by position where there is one."""
    for given in call.keywords:
        if given.arg == name:
            return given.value
    if position is not None and len(call.args) > position:
        found = call.args[position]
        return None if isinstance(found, ast.Starred) else found
    return None


def unpacked(call: ast.Call) -> bool:
    """Whether `*args` or `**kwargs` may hold what is not seen."""
    return any(given.arg is None for given in call.keywords) or any(isinstance(a, ast.Starred) for a in call.args)
