"""Whether rows of two splits can be equal at all: a text is never a number, and a row with a label never one without.

Where they cannot, for a reason that has nothing to do with the rows, it says nothing that none of them are.
"""

from __future__ import annotations

import datetime as dt
import decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

_NESTED = {"list", "object"}
_KINDS: dict[type, str] = {
    int: "number", float: "number", decimal.Decimal: "number", memoryview: "bytes", list: "list", tuple: "list",
    dict: "object",
}  # fmt: skip
_SINGLE = "single number"
"""Of 32 or 16 bits: 0.1 is never the 0.1 of a double."""
_WORDS = {word: f"truth as in {word}" for word in ("True", "true", "TRUE")}
_WORDS |= dict(zip(("False", "false", "FALSE"), _WORDS.values(), strict=True))
"""How programs write a truth value into CSV: each in one way, and then it is never another's."""


class RowKinds:
    """What the columns of one split hold."""

    def __init__(self) -> None:
        self._rows = 0
        self._filled: dict[str, int] = {}
        self._kinds: dict[str, set[str]] = {}

    def see(self, columns: Mapping[str, Sequence[Any]], *, texts: bool, single: Container[str] = frozenset()) -> None:
        """Takes rows into account.

        Args:
            columns: their values by name.
            texts: of CSV files, of which an empty one is a null.
            single: columns whose floats have less than 64 bits.
        """
        self._rows += len(next(iter(columns.values()), ()))
        for name, values in columns.items():
            filled = [value for value in values if value is not None and not (texts and value == "")]
            if filled:
                self._filled[name] = self._filled.get(name, 0) + len(filled)
                if texts:
                    self._kinds.setdefault(name, set()).update(_WORDS.get(one, "str") for one in set(filled))
                else:
                    self._note(name, filled, _SINGLE if name in single else "number")

    def _note(self, place: str, values: Sequence[Any], floats: str) -> None:
        kinds = self._kinds.setdefault(place, set())
        for kind in set(map(type, values)):
            if kind is float:
                kinds.add(floats)
            elif kind is dt.datetime:
                kinds.update(f"time {'with' if one.tzinfo else 'without'} zone" for one in values if type(one) is kind)
            else:
                kinds.add(_KINDS.get(kind, kind.__name__))
            if kind in (list, tuple):
                inner = [one for value in values if type(value) is kind for one in value if one is not None]
                self._note(f"{place}\0[]", inner, floats)
            elif kind is dict:
                fields: dict[str, list[Any]] = {}
                for value in values:
                    for name, held in value.items() if type(value) is dict else ():
                        if held is not None:
                            fields.setdefault(str(name), []).append(held)
                for name, some in fields.items():
                    self._note(f"{place}\0{name}", some, floats)

    def comparable(self, other: RowKinds) -> bool:
        """Whether no column stands in the way: of other types, or always filled here and never there."""
        alike = all(_alike(kinds, other._kinds.get(place, kinds)) for place, kinds in self._kinds.items())
        return alike and not (self._always() - other._filled.keys()) and not (other._always() - self._filled.keys())

    def _always(self) -> set[str]:
        return {name for name, count in self._filled.items() if count == self._rows}


def _alike(here: set[str], there: set[str]) -> bool:
    """Whether equal values would be found; a list is none of a number's writings, and a text may be."""
    return not here or not there or bool(here & there) or here.isdisjoint(_NESTED) != there.isdisjoint(_NESTED)
