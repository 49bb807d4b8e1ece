"""Reads metrics from JSON, JSON lines and CSV, whoever wrote them.

Bad content never raises: what cannot be read as its name says becomes a note with the code RPK051, since the same file
is still compared as an output.
"""

from __future__ import annotations

import csv
import fnmatch
import io
import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reprokit.compare.metrics.names import is_measurement
from reprokit.schema.manifest import Metric

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_BYTES = 64 << 20
"""Larger files and texts are not searched for metrics."""
MAX_METRICS = 10_000
"""Metrics kept of one file; more are counted in a note."""
MAX_POINTS = 1_000_000
"""Elements of all series of one file together."""
_MAX_DEPTH = 64
_MAX_NAME = 512
_STEP_NAMES = ("global_step", "step", "iteration", "iter", "epoch")
_NON_FINITE = {"nan": math.nan, "infinity": math.inf, "inf": math.inf, "-infinity": -math.inf, "-inf": -math.inf}


@dataclass(frozen=True)
class Extraction:
    """What one source reported.

    Attributes:
        metrics: the last value of each name, in order of first appearance.
        series: all values of the names that occurred more than once, in order.
        ignored: names of numbers that time or size the machine, which do not decide by default.
        notes: what could not be read, as ``RPK051: ...``.
    """

    metrics: tuple[Metric, ...] = ()
    series: dict[str, tuple[float, ...]] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def from_json(data: bytes | str, source: str, keep: Sequence[str] = ()) -> Extraction:
    """Reads every number of a JSON text under its dotted name; see `from_values` for the rules."""
    found = Collector(source, keep)
    if found.accepts(data):
        value = found.parse(data, source)
        if value is not None:
            found.add_values(value)
    return found.result()


def from_values(value: Any, source: str, keep: Sequence[str] = ()) -> Extraction:
    """Reads every number of plain JSON values.

    Keys are joined with dots. A list of numbers is a series: its last element is the metric. The objects of a list
    share their names (``log_history.loss``), and the last occurrence counts. The elements of nested lists are numbered
    (``confusion.0.1``). Booleans and texts are not metrics, apart from the texts ``NaN`` and ``Infinity``.
    """
    found = Collector(source, keep)
    found.add_values(value)
    return found.result()


def from_jsonl(data: bytes | str, source: str, keep: Sequence[str] = ()) -> Extraction:
    """Reads one JSON object a line; the last occurrence of a name counts. Other lines are counted in a note."""
    found = Collector(source, keep)
    if not found.accepts(data):
        return found.result()
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    bad = 0
    for line in text.split("\n"):
        if line.strip():
            row = found.parse(line, "", quiet=True)
            bad += row is None
            found.add_values(row, step=_step_of(row))
    if bad:
        found.note(f"{bad} lines of {source} are not JSON")
    return found.result()


def from_csv(data: bytes | str, source: str, keep: Sequence[str] = (), delimiter: str = "") -> Extraction:
    """Reads a table with one row a step: each numeric column is a series, its last non-empty cell the metric.

    A table of two columns named like ``metric,value`` gives one metric a row. Without a header, columns are named
    ``column_0`` and so on. The nameless first column that pandas writes is an index and left out.

    Args:
        data: the table.
        source: how metrics name it.
        keep: globs of names that are metrics even though they look like a time or a size.
        delimiter: one character; found from the first line when empty.
    """
    found = Collector(source, keep)
    if not found.accepts(data):
        return found.result()
    text = data.decode("utf-8-sig", "replace") if isinstance(data, bytes) else data
    first = text.partition("\n")[0]
    chosen = delimiter or max(",;\t", key=first.count)
    try:
        _read_table(csv.reader(io.StringIO(text, newline=""), delimiter=chosen), found)
    except csv.Error as error:
        found.note(f"{source} is not a table: {error}")
    return found.result()


class Collector:
    """Gathers named numbers within the limits; the mutable half of an `Extraction`."""

    def __init__(self, source: str, keep: Sequence[str] = ()) -> None:
        self._source = source
        self._keep = tuple(keep)
        self._last: dict[str, tuple[float | str, int | None]] = {}
        self._series: dict[str, list[float]] = {}
        self._ignored: dict[str, None] = {}
        self._points = 0
        self._dropped = 0
        self._notes: list[str] = []

    def accepts(self, data: bytes | str) -> bool:
        """Whether the text is within `MAX_BYTES`; notes it when not."""
        if len(data) > MAX_BYTES:
            self.note(f"{self._source} is larger than {MAX_BYTES} bytes and was not searched for metrics")
        return len(data) <= MAX_BYTES

    def note(self, text: str) -> None:
        """Notes what could not be read."""
        self._notes.append(f"RPK051: {text}")

    def parse(self, data: bytes | str, what: str, *, quiet: bool = False) -> Any:
        """Parses JSON (with Python's NaN literals); None when it is none."""
        try:
            return json.loads(data)
        except (ValueError, RecursionError) as error:
            if not quiet:
                self.note(f"{what} is not JSON: {error}")
            return None

    def add(self, name: str, value: object, step: int | None = None) -> None:
        """Adds one number; anything else is passed over."""
        number = _as_number(value)
        if number is None:
            return
        if len(name) > _MAX_NAME or (name not in self._last and len(self._last) >= MAX_METRICS):
            self._dropped += 1
            return
        if is_measurement(name) and not any(fnmatch.fnmatchcase(name, pattern) for pattern in self._keep):
            if len(self._ignored) < MAX_METRICS:
                self._ignored[name] = None
            return
        # JSON keeps float64 only, so an integer that float64 cannot hold is kept as text.
        exact = str(number) if isinstance(number, int) and abs(number) > 2**53 else float(number)
        self._last[name] = (exact, step)
        if self._points < MAX_POINTS and isinstance(exact, float):
            self._series.setdefault(name, []).append(exact)
            self._points += 1

    def add_values(self, value: Any, step: int | None = None) -> None:
        """Adds all numbers of plain JSON values, as `from_values` says."""
        for name, number, own_step in _walk(value):
            self.add(name or "value", number, own_step if own_step is not None else step)

    def result(self) -> Extraction:
        """What was gathered."""
        notes = list(self._notes)
        if self._dropped:
            notes.append(f"RPK051: {self._source} has {self._dropped} more metrics than the limit of {MAX_METRICS}")
        if self._points >= MAX_POINTS:
            notes.append(f"RPK051: the series of {self._source} were cut at {MAX_POINTS} values")
        metrics = tuple(
            Metric(name=name, value=value, source=self._source, step=step) for name, (value, step) in self._last.items()
        )
        series = {name: tuple(values) for name, values in self._series.items() if len(values) > 1}
        return Extraction(metrics, series, tuple(self._ignored), tuple(notes))


def _walk(root: Any) -> Iterator[tuple[str, object, int | None]]:
    """Yields (dotted name, leaf, step) in document order.

    Neither recursive nor eager: names are made one at a time, since a hostile file can give millions of leaves long
    ones. What lies deeper than 64 levels or under longer names than 512 characters is passed over.
    """
    stack = [iter([("", root, _step_of(root))])]
    while stack:
        entry = next(stack[-1], None)
        if entry is None:
            stack.pop()
            continue
        name, value, step = entry
        if not isinstance(value, dict | list):
            yield name, value, step
        elif len(stack) < _MAX_DEPTH and len(name) <= _MAX_NAME:
            stack.append(_members(name, value, step))


def _members(name: str, value: dict[str, Any] | list[Any], step: int | None) -> Iterator[tuple[str, Any, int | None]]:
    if isinstance(value, dict):
        own = _step_of(value)
        for key, item in value.items():
            yield f"{name}.{key}" if name else str(key), item, step if own is None else own
        return
    nested = any(isinstance(item, list) for item in value)
    for index, item in enumerate(value):
        yield f"{name}.{index}" if nested else name, item, step


def _as_number(value: object) -> int | float | None:
    if isinstance(value, str):
        return _NON_FINITE.get(value.strip().lower())
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _step_of(row: object) -> int | None:
    if isinstance(row, dict):
        for name in _STEP_NAMES:
            value = row.get(name)
            if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53:
                return value
    return None


def _read_table(rows: Iterator[list[str]], found: Collector) -> None:
    first = next((row for row in rows if any(cell.strip() for cell in row)), [])
    headed = any(_cell(cell) is None and cell.strip() for cell in first)
    names = [cell.strip() for cell in first] if headed else [f"column_{index}" for index in range(len(first))]
    if not headed:
        _add_row(names, first, found)
    paired = headed and [name.lower() for name in names[1:]] in (["value"], ["score"]) and len(names) == 2
    for row in rows:
        if paired and len(row) == 2 and _cell(row[0]) is None:
            found.add(row[0].strip(), _cell(row[1]))
        else:
            _add_row(names, row, found)


def _add_row(names: list[str], row: list[str], found: Collector) -> None:
    values = [_cell(cell) for cell in row]
    numbers = dict(zip(names, values, strict=False))
    step = _step_of({name: int(v) for name, v in numbers.items() if isinstance(v, float) and v.is_integer()})
    for name, value in numbers.items():
        if name:
            found.add(name, value, step)


def _cell(text: str) -> float | None:
    """The number in a cell, or None. An integer beyond 2**53 is read as the nearest float64."""
    try:
        return float(text) if "_" not in text else None
    except ValueError:
        return None
