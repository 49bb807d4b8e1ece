"""CSV files. All values are texts; a column's type is the narrowest that all of them have."""

from __future__ import annotations

import csv
from itertools import islice
from typing import IO, TYPE_CHECKING

from reprokit.datasets.shapes import TextShape
from reprokit.datasets.sources import BATCH_ROWS, Options, damaged
from reprokit.datasets.sources.lines import ERRORS, lines_of, open_text
from reprokit.errors import UsageError
from reprokit.schema.dataset import Column

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST_FIELD = 256 << 20


class CsvTable:
    """One file, whose first line names the columns."""

    format = "csv"
    texts = True
    tokens: int | None = None

    def __init__(self, full: str | IO[bytes], path: str, delimiter: str) -> None:
        self._full, self._path, self._delimiter = full, path, delimiter
        self.shapes: dict[str, TextShape] = {}

    def batches(self) -> Iterator[dict[str, list[str]]]:
        """The rows; a row of another length than the first line is an error, as it shifts its values."""
        csv.field_size_limit(_LONGEST_FIELD)
        try:
            with open_text(self._full, self._path) as file:
                rows = csv.reader(lines_of(file), delimiter=self._delimiter, strict=True)
                names = next(rows, [])
                if len(set(names)) != len(names):
                    raise damaged(self._path, "two columns have the same name")
                self.shapes = {name: TextShape() for name in names}
                while lines := list(islice(rows, BATCH_ROWS)):
                    if not (batch := [row for row in lines if row]):
                        continue  # blank lines, however many, are not the end
                    wrong = next((row for row in batch if len(row) != len(names)), None)
                    if wrong is not None:
                        said = f"near line {rows.line_num}: {len(wrong)} values, and {len(names)} columns"
                        raise damaged(self._path, said)
                    columns = {name: [row[at] for row in batch] for at, name in enumerate(names)}
                    for name, values in columns.items():
                        self.shapes[name].see(values)
                    yield columns
        except (*ERRORS, csv.Error) as error:
            raise damaged(self._path, error) from None

    def columns(self) -> list[Column]:
        """Their names and types."""
        return [Column(name=name, type=shape.type(), nullable=shape.nullable) for name, shape in self.shapes.items()]


def open_table(full: str | IO[bytes], path: str, _kind: str, options: Options) -> CsvTable:
    """Opens a file.

    Raises:
        UsageError: RPK164, the delimiter is none.
    """
    if options.delimiter and (len(options.delimiter) != 1 or options.delimiter in '"\r\n '):
        raise UsageError("RPK164", f"{options.delimiter!r} is no delimiter, such as a semicolon")
    tabs = ".tsv" in path.lower().rpartition("/")[2]
    return CsvTable(full, path, options.delimiter or ("\t" if tabs else ","))
