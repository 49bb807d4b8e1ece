"""One call as the rules see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reprokit.lint.walk import keyword, unpacked

if TYPE_CHECKING:
    import ast

    from reprokit.lint.values import Value
    from reprokit.lint.walk import Walk


@dataclass(slots=True)
class Invocation:
    """A call: what is called, on what, with what.

    Args:
        name: the dotted name of an imported callable, or the bare name of a method.
        receiver: the value before the dot, if there is one.
    """

    walk: Walk
    node: ast.Call
    name: str
    receiver: Value | None
    args: list[Value]
    keywords: dict[str, Value]

    def argument(self, name: str, position: int | None = None) -> Value | None:
        """The value of an argument, by keyword or position."""
        if name in self.keywords:
            return self.keywords[name]
        if position is not None and len(self.args) > position:
            return self.args[position]
        return None

    def written(self, name: str, position: int | None = None) -> ast.expr | None:
        """The expression of an argument, by keyword or position."""
        return keyword(self.node, name, position)

    def hidden(self) -> bool:
        """Whether arguments come from `*args` or `**kwargs`, so that one that seems absent may be there."""
        return unpacked(self.node)

    def consume_key(self, key: Value | None) -> None:
        """A JAX key is used up here; a second use is a finding."""
        if key is None or key.kind not in {"key", "parameter"}:
            return
        walk = self.walk
        if key.kind == "parameter" and key.detail is not None:
            function, name = key.detail
            function.consumes.add(name)
        before = walk.spent.get(id(key))
        if before is not None and before is not self.node:
            line = getattr(before, "lineno", 0)
            walk.report(
                "RPL060", self.node, f"this key was already used on line {line}, so both uses give related numbers"
            )
        else:
            walk.spent[id(key)] = self.node
            walk.kept_values.append(key)
