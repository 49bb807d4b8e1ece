"""How two streams of rows differ: line by line for text, column by column for tables."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from reprokit.compare.files.content import Difference, Scalar, shown
from reprokit.compare.files.dtypes import largest_gap, largest_step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reprokit.compare.files.content import Records

_MAX_COLUMNS = 10_000
_MISSING = Scalar("missing", "(missing)")
_Row = dict[str, Scalar]


@dataclass
class RowOutcome:
    """What comparing all rows gave.

    Attributes:
        differences: the first ones, one for each line or column.
        differing: how many lines or columns differ.
        rows: the rows of the longer side.
        same_schema: as many rows on both sides, with the same columns and types.
    """

    differences: list[Difference] = field(default_factory=list)
    differing: int = 0
    rows: int = 0
    same_schema: bool = True


@dataclass
class _Column:
    first: int
    a: Scalar
    b: Scalar
    unequal: int = 0
    max_abs: float | None = None
    max_ulp: int | None = None


def gap(a: Scalar, b: Scalar) -> tuple[float | None, int | None]:
    """The absolute difference of two values and, for doubles, their distance in units in the last place."""
    left, right = a.number, b.number
    if left is None or right is None:
        return None, None
    if a.type == b.type == "int":
        return float(abs(int(a.text) - int(b.text))), None
    x, y = np.array([left]), np.array([right])
    is_double = a.type == b.type == "float" and left == left and right == right  # noqa: PLR0124 - not NaN
    return largest_gap("float64", x, y), largest_step("float64", x, y) if is_double else None


def compare_rows(a: Records, b: Records, ignore: frozenset[str], limit: int) -> RowOutcome:
    """Compares two streams of rows in one pass.

    Args:
        a: the first.
        b: the second.
        ignore: columns, or parts of their paths, that are left out.
        limit: how many differences are described.

    Raises:
        UnreadableError: a row cannot be read.
    """
    return _by_line(a, b, limit) if a.by == "line" else _by_column(a, b, ignore, limit)


def _by_line(a: Records, b: Records, limit: int) -> RowOutcome:
    outcome = RowOutcome()
    for left, right in itertools.zip_longest(a.rows(), b.rows()):
        outcome.rows += 1
        (where, x), (_, y) = _only(left, right), _only(right, left)
        if x == y:
            continue
        outcome.differing += 1
        if len(outcome.differences) < limit:
            detail = "the lines differ" if x.text != y.text else "one has no newline at its end"
            if _MISSING in {x, y}:
                detail = "the line is missing on one side"
            outcome.differences.append(Difference(where, None, shown(x.text), shown(y.text), None, None, None, detail))
    return outcome


def _only(row: Mapping[str, Scalar] | None, other: Mapping[str, Scalar] | None) -> tuple[str, Scalar]:
    if row is not None:
        return next(iter(row.items()))
    return next(iter(other or {"": _MISSING})), _MISSING


def _by_column(a: Records, b: Records, ignore: frozenset[str], limit: int) -> RowOutcome:
    outcome = RowOutcome()
    columns: dict[str, _Column] = {}
    counts = [0, 0]
    for left, right in itertools.zip_longest(a.rows(), b.rows()):
        counts[0] += left is not None
        counts[1] += right is not None
        if left is not None and right is not None:
            outcome.same_schema &= _compare_row(outcome.rows, left, right, ignore, columns)
        outcome.rows += 1
    if counts[0] != counts[1]:
        outcome.same_schema = False
        left_text, right_text = (f"{count} rows" for count in counts)
        outcome.differences.append(
            Difference("rows", None, left_text, right_text, None, None, None, "the numbers of rows differ")
        )
    outcome.differing = len(columns) + (counts[0] != counts[1])
    for name, column in columns.items():
        outcome.differences.append(_described(name, column, outcome.rows))
    del outcome.differences[limit:]
    return outcome


def _compare_row(
    number: int,
    left: Mapping[str, Scalar],
    right: Mapping[str, Scalar],
    ignore: frozenset[str],
    seen: dict[str, _Column],
) -> bool:
    """Adds one row to the tally of each column; whether both rows have the same columns and types."""
    same_schema = True
    if left == right:
        return True
    for name in {**left, **right}:
        x, y = left.get(name, _MISSING), right.get(name, _MISSING)
        if x == y or ignored(name, ignore):
            continue
        same_schema &= x.type == y.type and x.type != "structure"
        key = name if name in seen or len(seen) < _MAX_COLUMNS else "(more columns)"
        column = seen.setdefault(key, _Column(number, x, y))
        column.unequal += 1
        far, steps = gap(x, y)
        if far is not None and (column.max_abs is None or far > column.max_abs):
            column.max_abs = far
        if steps is not None and (column.max_ulp is None or steps > column.max_ulp):
            column.max_ulp = steps
    return same_schema


def _described(name: str, column: _Column, rows: int) -> Difference:
    return Difference(
        where=shown(name),
        index=(column.first,),
        a=shown(column.a.text),
        b=shown(column.b.text),
        max_abs=column.max_abs,
        max_ulp=column.max_ulp,
        share=min(1.0, column.unequal / rows),
        detail=f"{column.unequal} of {rows} rows differ",
    )


def ignored(path: str, ignore: frozenset[str]) -> bool:
    """Whether a path, or a part of it, is among those left out."""
    return bool(ignore) and (path in ignore or not ignore.isdisjoint(path.split("/")))
