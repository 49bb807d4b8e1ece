"""Reads the metrics of one file, by its extension."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprokit.compare.metrics.extraction import MAX_BYTES, Extraction, from_csv, from_json, from_jsonl
from reprokit.compare.metrics.stdout import from_stdout
from reprokit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def from_file(path: Path, source: str = "", keep: Sequence[str] = ()) -> Extraction:
    """Reads the metrics of a file, by its extension; any other extension is read like standard output.

    Args:
        path: the file.
        source: how metrics name it; its path by default.
        keep: globs of names that are metrics even though they look like a time or a size.

    Raises:
        UsageError: RPK003, the file cannot be read.
    """
    source = source or str(path)
    try:
        if not path.is_file():
            raise UsageError("RPK003", f"{path} is not a file")
        size = path.stat().st_size
        if size > MAX_BYTES:
            return Extraction(notes=(f"RPK051: {source} has {size} bytes; metrics are read up to {MAX_BYTES}",))
        data = path.read_bytes()
    except OSError as error:
        raise UsageError("RPK003", f"{path} cannot be read: {error.strerror or error}") from None
    extension = path.suffix.lower()
    if extension == ".json":
        return from_json(data, source, keep)
    if extension in {".jsonl", ".ndjson"}:
        return from_jsonl(data, source, keep)
    if extension in {".csv", ".tsv"}:
        return from_csv(data, source, keep, delimiter="\t" if extension == ".tsv" else "")
    return from_stdout(data.decode("utf-8", "replace"), source=source)
