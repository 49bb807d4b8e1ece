"""What a person wants to see of columns, from one pass over the rows: nulls, ranges, lengths."""

from __future__ import annotations

import datetime as dt
import decimal
import math
from typing import TYPE_CHECKING, Any

from reprokit.datasets.shapes import TextShape
from reprokit.schema.dataset import ColumnStatistics

if TYPE_CHECKING:
    from collections.abc import Sequence

_SIZED = (str, bytes, memoryview, list, tuple, dict)
_TIMES = (dt.datetime, dt.date, dt.time)


class ColumnPass:
    """Takes the values of one column, in pieces.

    Args:
        texts: the values are texts of a CSV file, and what they are shows only at the end.
    """

    def __init__(self, name: str, *, texts: bool = False) -> None:
        self.name = name
        self.rows = self.nulls = self.nans = 0
        self.texts = TextShape() if texts else None
        self._low: dict[str, Any] = {}
        self._high: dict[str, Any] = {}

    def see(self, values: Sequence[Any]) -> None:
        """Takes values into account."""
        self.rows += len(values)
        if self.texts is not None:
            self._see_texts(values)
            return
        by_type: dict[type, list[Any]] = {}
        for value in values:
            by_type.setdefault(type(value), []).append(value)
        self.nulls += len(by_type.pop(type(None), ()))
        for kind, some in by_type.items():
            if kind is bool:
                self._range("number", [int(value) for value in some])
            elif kind in (int, float, decimal.Decimal):
                self._numbers(some)
            elif issubclass(kind, _TIMES):
                self._range(kind.__name__, [value.isoformat() for value in some])
            elif issubclass(kind, _SIZED):
                self._range("length", [len(value) for value in some])

    def miss(self, rows: int) -> None:
        """Takes rows into account that a table had before any of its rows had the column."""
        self.rows += rows
        self.nulls += rows

    def _numbers(self, values: list[Any]) -> None:
        plain = [value for value in values if isinstance(value, int) or not math.isnan(value)]
        self.nans += len(values) - len(plain)
        self._range("number", plain)

    def _see_texts(self, values: Sequence[str | None]) -> None:
        filled = [value for value in values if value]
        self.nulls += len(values) - len(filled)
        texts = self.texts
        assert texts is not None
        texts.see(values)
        self._range("length", [len(value) for value in filled])
        kind = texts.left[0] if texts.left else ""
        if kind in ("int64", "double"):
            # A column that is whole numbers so far may turn out to be of others: the numbers are kept either way.
            self._numbers([float(value) if kind == "double" else int(value) for value in filled])
        elif kind in ("date32", "timestamp"):
            self._range(kind, filled)

    def _range(self, kind: str, values: Sequence[Any]) -> None:
        if values:
            low, high = min(values), max(values)
            self._low[kind] = min(low, self._low.get(kind, low))
            self._high[kind] = max(high, self._high.get(kind, high))

    def result(self) -> ColumnStatistics:
        """What was found. Ranges of texts are not shown: their content may be anyone's."""
        kinds = ["number", "datetime", "date", "time", "date32", "timestamp"]
        if self.texts is not None:
            kinds = {"int64": ["number"], "double": ["number"]}.get(self.texts.type(), [self.texts.type()])
        kind = next((one for one in kinds if one in self._low), "")
        typed = self.texts is not None and self.texts.type() != "string"
        return ColumnStatistics(
            name=self.name, nulls=self.nulls, nans=self.nans,
            minimum=_shown(self._low.get(kind)), maximum=_shown(self._high.get(kind)),
            shortest=None if typed else self._low.get("length"), longest=None if typed else self._high.get("length"),
        )  # fmt: skip


def _shown(value: Any) -> float | int | str | None:
    return str(value) if isinstance(value, decimal.Decimal) else value
