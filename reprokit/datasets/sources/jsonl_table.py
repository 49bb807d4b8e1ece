"""JSON lines: an object a line."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

from reprokit.datasets.shapes import Shape
from reprokit.datasets.sources import BATCH_ROWS, Options, damaged
from reprokit.datasets.sources.json_values import DECODER
from reprokit.datasets.sources.lines import ERRORS, lines_of, open_text
from reprokit.schema.dataset import Column

if TYPE_CHECKING:
    from collections.abc import Iterator


COLUMNS = 10_000
"""Different keys of the lines of a file; more are values, and belong into an object or a list."""
_CELLS = 1 << 21  # of a batch


class JsonLines:
    """One file. A key that a line has not is a null there."""

    format = "jsonl"
    texts = False
    grows = True  # a later row may have a column that none before it has
    tokens: int | None = None

    def __init__(self, full: str | IO[bytes], path: str) -> None:
        self._full, self._path = full, path
        self.shapes: dict[str, Shape] = {}
        self._rows = 0

    def batches(self) -> Iterator[dict[str, list[Any]]]:
        """The rows."""
        held: list[dict[str, Any]] = []
        try:
            with open_text(self._full, self._path) as file:
                for row in self._objects(file):
                    held.append(row)
                    if len(held) * max(len(self.shapes), 1) >= _CELLS or len(held) == BATCH_ROWS:
                        yield self._batch(held)
                        held = []
            if held:
                yield self._batch(held)
        except (*ERRORS, ValueError, RecursionError) as error:
            raise damaged(self._path, error) from None

    def _objects(self, file: IO[str]) -> Iterator[dict[str, Any]]:
        for number, line in enumerate(lines_of(file), 1):
            if not line.strip():
                continue
            row = DECODER.decode(line)
            if not isinstance(row, dict):
                raise damaged(self._path, f"line {number} is no object")
            yield row

    def _batch(self, rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
        for name in (name for row in rows for name in row):
            if name not in self.shapes:
                self.shapes[name] = Shape()
                self.shapes[name].nullable = self._rows > 0
                if len(self.shapes) > COLUMNS:
                    raise damaged(self._path, f"its lines have more than {COLUMNS:,} different keys")
        self._rows += len(rows)
        columns = {name: [row.get(name) for row in rows] for name in self.shapes}
        for name, values in columns.items():
            self.shapes[name].see(values)
        return columns

    def columns(self) -> list[Column]:
        """Their names, in the order in which they came up, and types."""
        return [Column(name=name, type=shape.type(), nullable=shape.nullable) for name, shape in self.shapes.items()]


def open_table(full: str | IO[bytes], path: str, _kind: str, _options: Options) -> JsonLines:
    """Opens a file."""
    return JsonLines(full, path)
