"""One file a kind of data. Each reads rows from files, or says what an archive, a database or a store holds.

A table is read in batches of columns; its own columns are known when it was read to the end. A format is told by the
name of its files, since a manifest must not change with what a file happens to begin with.
"""

from __future__ import annotations

import importlib
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Protocol

from reprokit.errors import UnverifiedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from reprokit.schema.dataset import Column

    Batch = Mapping[str, Sequence[Any]]

BATCH_ROWS = 4096
_FORMATS = {
    ".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json", ".parquet": "parquet",
    ".arrow": "arrow", ".feather": "arrow", ".npy": "npy", ".bin": "tokens",
}  # fmt: skip
_COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
_HOMES = {
    "csv": "csv_table", "jsonl": "jsonl_table", "json": "json_table", "parquet": "arrow_table", "arrow": "arrow_table",
    "webdataset": "webdataset", "npy": "tokens", "tokens": "tokens",
}  # fmt: skip
FORMATS = ("auto", "bytes", *_HOMES)
"""What ``--format`` takes."""


class Options(NamedTuple):
    """What a format must be told.

    Attributes:
        dtype: of the numbers in a raw token file, such as ``uint16``.
        delimiter: of a CSV file; a comma, or a tab for ``.tsv``, by default.
    """

    dtype: str = ""
    delimiter: str = ""


class Table(Protocol):
    """A file that is being read."""

    format: str
    texts: bool  # values are texts of a CSV file
    tokens: int | None

    def batches(self) -> Iterator[Batch]:
        """The rows, from the first to the last."""
        ...

    def columns(self) -> list[Column]:
        """The columns, once all batches were read."""
        ...


def format_of(path: str) -> str | None:
    """The format of a file by its name; None for bytes. A file of JSON may hold rows or not: see `json_table`."""
    name = path.lower()
    for suffix in _COMPRESSED:
        if name.endswith(suffix) and _FORMATS.get(_suffix(name.removesuffix(suffix))) in ("csv", "jsonl", "json"):
            return _FORMATS[_suffix(name.removesuffix(suffix))]
    return _FORMATS.get(_suffix(name))


def _suffix(name: str) -> str:
    base = name.rpartition("/")[2]
    return "." + base.rpartition(".")[2] if "." in base else ""


def open_table(full: str | IO[bytes], path: str, kind: str, options: Options) -> Table:
    """Opens a file as a table.

    Args:
        full: where it is; the bytes of an archive's member, for a text.
        path: how it is named in messages.
        kind: one of `FORMATS`, but for the first two.
        options: what the format must be told.

    Raises:
        UsageError: RPK164, there is no such format.
        UnverifiedError: RPK150, its library is missing.
    """
    if kind not in _HOMES:
        raise UsageError("RPK164", f"format {kind!r} is none of {', '.join(FORMATS)}")
    module = importlib.import_module(f"{__name__}.{_HOMES[kind]}")
    table: Table = module.open_table(full, path, kind, options)
    return table


def needed(library: str, what: str) -> Any:
    """Imports a library of the extra.

    Raises:
        UnverifiedError: RPK150, it is not installed.
    """
    try:
        return importlib.import_module(library)
    except ImportError as error:
        raise UnverifiedError("RPK150", f"{what} is read with {library.partition('.')[0]}: {error}") from None


def damaged(path: str, error: object) -> UnverifiedError:
    """The error for a file that cannot be read to its end."""
    return UnverifiedError("RPK156", f"{path}: {error}")
