"""The types of values that carry no schema: what JSON lines, tables of a database and CSV hold, in Arrow's words.

All values count, not the first thousand: a type that is guessed from the beginning changes with the order of the rows.
"""

from __future__ import annotations

import datetime as dt
import decimal
import re
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_SCALARS: dict[type, str] = {
    bool: "bool", int: "int64", float: "double", str: "string", bytes: "binary", memoryview: "binary",
    dt.datetime: "timestamp", dt.date: "date32", dt.time: "time64", dt.timedelta: "duration",
    decimal.Decimal: "decimal", uuid.UUID: "uuid",
}  # fmt: skip

FIELDS = 1000
"""Different keys of an object, above which it is a map."""


class Shape:
    """What has been seen of one column, one item of a list, or one field of an object."""

    def __init__(self) -> None:
        self.scalars: set[str] = set()
        self.nullable = False
        self.items: Shape | None = None
        self.fields: dict[str, Shape] = {}
        self.counts: dict[str, int] = {}  # in how many objects a field was
        self.objects = 0
        self.values: Shape | None = None  # of all fields alike, where there are too many

    def see(self, values: Sequence[Any]) -> None:
        """Takes values into account."""
        for kind in set(map(type, values)):
            if kind is type(None):
                self.nullable = True
            elif kind in (dict, list, tuple):
                self._see_nested([value for value in values if type(value) is kind], kind)
            else:
                self.scalars.add(_SCALARS.get(kind, kind.__name__))

    def _see_nested(self, values: list[Any], kind: type) -> None:
        if kind is not dict:
            self.items = self.items or Shape()
            for value in values:
                self.items.see(value)
            return
        self.objects += len(values)
        for value in values:
            if self.values is not None:
                self.values.see(list(value.values()))
                continue
            for name, held in value.items():
                self.fields.setdefault(name, Shape()).see([held])
                self.counts[name] = self.counts.get(name, 0) + 1
            self._limit()

    def _limit(self) -> None:
        """Keys that are ever others are values: an object of them is a map."""
        if len(self.fields) > FIELDS:
            self.values = self.values or Shape()
            for held in self.fields.values():
                self.values.merge(held)
            self.fields, self.counts = {}, {}

    def merge(self, other: Shape) -> None:
        """Takes into account what another shape has seen."""
        self.scalars |= other.scalars
        self.nullable = self.nullable or other.nullable
        self.objects += other.objects
        if other.items is not None:
            self.items = self.items or Shape()
            self.items.merge(other.items)
        for name, held in other.fields.items():
            self.fields.setdefault(name, Shape()).merge(held)
            self.counts[name] = self.counts.get(name, 0) + other.counts[name]
        if other.values is not None or self.values is not None:
            self.values = self.values or Shape()
            for held in (*self.fields.values(), *((other.values,) if other.values is not None else ())):
                self.values.merge(held)
            self.fields, self.counts = {}, {}
        self._limit()

    def type(self) -> str:
        """The type; of several kinds that do not fit together ``mixed<…>``, of nothing but nulls ``null``."""
        kinds = set(self.scalars)
        if {"int64", "double"} <= kinds:
            kinds.discard("int64")  # JSON writes 1.0 as 1
        if self.items is not None:
            kinds.add(f"list<item: {self.items.text()}>")
        if self.values is not None:
            kinds.add(f"map<string, {self.values.text()}>")
        elif self.fields or self.objects:
            inner = (
                f"{name}: {held.text(optional=self.counts[name] < self.objects)}"
                for name, held in sorted(self.fields.items())
            )
            kinds.add(f"struct<{', '.join(inner)}>")
        if not kinds:
            return "null"
        return kinds.pop() if len(kinds) == 1 else f"mixed<{', '.join(sorted(kinds))}>"

    def text(self, *, optional: bool = False) -> str:
        """The type, and whether it must be there."""
        found = self.type()
        return found if self.nullable or optional or found == "null" else f"{found} not null"


# The narrowest first; each line of a CSV column takes away those that its text is not.
_INTEGER = re.compile(r"[+-]?\d{1,19}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:nan|inf(?:inity)?)", re.ASCII | re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?", re.ASCII)
_TRUTH = re.compile(r"true|false", re.IGNORECASE)


def _is_int64(text: str) -> bool:
    return _INTEGER.fullmatch(text) is not None and (len(text) < 19 or -(2**63) <= int(text) < 2**63)


_TESTS: dict[str, Callable[[str], object]] = {
    "int64": _is_int64, "double": _NUMBER.fullmatch, "bool": _TRUTH.fullmatch, "date32": _DATE.fullmatch,
    "timestamp": _TIME.fullmatch,
}  # fmt: skip


class TextShape:
    """The type of a CSV column: the narrowest that all its texts are. An empty text is a null."""

    def __init__(self) -> None:
        self.left = list(_TESTS)
        self.nullable = False
        self.seen = False

    def see(self, texts: Iterable[str | None]) -> None:
        """Takes texts into account."""
        filled = [text for text in texts if text]
        self.nullable = self.nullable or not all(texts)
        self.seen = self.seen or bool(filled)
        self.left = [name for name in self.left if all(map(_TESTS[name], filled))]

    def merge(self, other: TextShape) -> None:
        """Takes into account what another one has seen."""
        self.left = [name for name in self.left if name in other.left]
        self.nullable, self.seen = self.nullable or other.nullable, self.seen or other.seen

    def type(self) -> str:
        """The type in Arrow's words."""
        return "null" if not self.seen else (self.left[0] if self.left else "string")
