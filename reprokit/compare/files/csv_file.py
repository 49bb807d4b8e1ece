"""Tables in CSV and TSV, cell by cell, under the names in the first row. Quoting does not count, cells' text does."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from reprokit.compare.files.content import Leaf, Records, Scalar, Structure, UnreadableError, key_part
from reprokit.compare.files.registry import Comparator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reprokit.compare.files.content import Options
    from reprokit.compare.files.source import Source

_MAX_COLUMNS = 100_000


def read_csv(source: Source, options: Options) -> dict[str, Leaf]:
    """Reads the header, and the rows one at a time.

    Raises:
        UnreadableError: the first row is not one; damage further on shows when the rows are read.
    """
    del options
    header = next(_records(source), [])
    if len(header) > _MAX_COLUMNS:
        raise UnreadableError(f"its first row has {len(header)} columns")
    names = _distinct(header)

    def rows() -> Iterator[Mapping[str, Scalar]]:
        records = _records(source)
        next(records, None)
        for record in records:
            extra = [f"<column {i}>" for i in range(len(names), len(record))]
            yield {name: Scalar("cell", cell) for name, cell in zip([*names, *extra], record, strict=False)}

    return {
        "header": Structure(f"{len(names)} columns"),
        **{f"header/{i}": Structure(name) for i, name in enumerate(names)},
        "rows": Records("column", rows),
    }


def _distinct(header: list[str]) -> list[str]:
    """The names of the columns, told apart where they repeat."""
    seen: dict[str, int] = {}
    names = []
    for name in header:
        seen[name] = seen.get(name, 0) + 1
        names.append(key_part(name) + (f"<{seen[name]}>" if seen[name] > 1 else ""))
    return names


def _records(source: Source) -> Iterator[list[str]]:
    delimiter = "\t" if source.name.lower().endswith((".tsv", ".tab")) else ","
    with (
        source.stream() as stream,
        io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="") as text,
    ):
        try:
            yield from csv.reader(text, delimiter=delimiter, strict=True)
        except csv.Error as error:
            raise UnreadableError(f"it is not a table: {error}") from error


CSV = Comparator("csv", (".csv", ".tsv", ".tab"), read_csv, fallback="text")
