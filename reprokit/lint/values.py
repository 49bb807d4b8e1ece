"""What the reader of a program knows of a value: its kind, and where its order was lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ast

    from reprokit.lint.scopes import Function


@dataclass(slots=True, eq=False)
class Origin:
    """The place where a sequence got an order that differs between runs; it is reported when the order is used.

    Args:
        rule: the rule's code.
        node: where to point.
        what: what has no order, for the message.
        parameter: the function and the name of its parameter, when it is a parameter that may turn out to have none.
    """

    rule: str
    node: ast.AST
    what: str
    parameter: tuple[Function, str] | None = None


@dataclass(slots=True, eq=False)
class Value:
    """What is known of a value.

    Args:
        kind: ``ref`` (an imported name), ``instance``, ``function``, ``class``, ``parameter``, ``set``, ``list``,
            ``dict``, ``groups`` (a dictionary of lists), ``tuple``, ``str`` (of characters or bytes), ``int``,
            ``float``, ``none``, ``tensor``, ``ndarray``, ``key``, ``keys``, ``entropy`` or ``unknown``.
        name: the dotted name of a reference or of an instance's class.
        origin: where the order of this sequence was lost; None for an ordered one.
        item: what its elements are.
        parts: the elements of a tuple, or the keys taken from an array of keys.
        loaded: a disordered sequence that somebody looked at.
        single: how many it holds was compared with one, so it is taken for a single element.
        detail: the constant, the local function or class, or what a tensor holds (``mask``, ``unique``, ``parameter``).
    """

    kind: str = "unknown"
    name: str = ""
    origin: Origin | None = None
    item: Value | None = None
    parts: Any = None
    detail: Any = None
    loaded: bool = False
    single: bool = False


UNKNOWN = Value()
INT = Value("int")
FLOAT = Value("float")
STR = Value("str")
NONE = Value("none")
LIST = Value("list")
DICT = Value("dict")
TENSOR = Value("tensor")
MASK = Value("tensor", detail="mask")
UNIQUE = Value("tensor", detail="unique")
NDARRAY = Value("ndarray")
ENTROPY = Value("entropy")

FIXED_HASH = {"int", "float", "none"}
"""Kinds whose hash is the same in every process, so that a set of them has one order (`object.__hash__`, Python
docs)."""


def constant(value: object) -> Value:
    """The value of a literal."""
    if isinstance(value, bool):
        return Value("int", detail=value)
    if isinstance(value, int):
        return Value("int", detail=value)
    if isinstance(value, float):
        return Value("float", detail=value)
    if isinstance(value, str):
        return Value("str", detail=value)
    if isinstance(value, bytes):
        return Value("str")
    return NONE if value is None else UNKNOWN


def instance(name: str) -> Value:
    """An instance of an imported class."""
    return Value("instance", name)
