"""Tables in CSV and TSV, cell by cell, under the names in the first row. Quoting does not count, cells' text does."""

from __future__ import annotations

import codecs
import csv
from typing import TYPE_CHECKING

from reprokit.compare.files.content import Leaf, Records, Scalar, Structure, key_part
from reprokit.compare.files.registry import Comparator
from reprokit.compare.files.unreadable import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reprokit.compare.files.content import Options
    from reprokit.compare.files.source import Source

_MAX_COLUMNS = 100_000
_MAX_LINE = 4 << 20


def read_csv(source: Source, options: Options) -> dict[str, Leaf]:
    """Reads the header, and the rows one at a time.

    Raises:
        UnreadableError: the first row is not one; damage further on shows when the rows are read.
    """
    header = next(_records(source, options), [])
    if len(header) > _MAX_COLUMNS:
        raise UnreadableError(f"its first row has {len(header)} columns")
    names = _distinct(header)

    def rows() -> Iterator[Mapping[str, Scalar]]:
        records = _records(source, options)
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


def _records(source: Source, options: Options) -> Iterator[list[str]]:
    delimiter = "\t" if source.name.lower().endswith((".tsv", ".tab")) else ","
    try:
        yield from csv.reader(_lines(source, options), delimiter=delimiter, strict=True)
    except csv.Error as error:
        raise UnreadableError(f"it is not a table: {error}") from error


def _lines(source: Source, options: Options) -> Iterator[str]:
    """Lines with their ends, since a quoted cell may hold one."""
    with source.stream() as stream:
        stream.seek(3 if source.head(3) == codecs.BOM_UTF8 else 0)
        while line := stream.readline(_MAX_LINE):
            if len(line) == _MAX_LINE:
                raise UnreadableError(f"one of its lines is longer than {_MAX_LINE} bytes")
            yield options.text(line.decode("utf-8", "surrogateescape"))


CSV = Comparator("csv", (".csv", ".tsv", ".tab"), read_csv, fallback="text")
