"""Any file, byte by byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprokit.compare.files.arrays import dense
from reprokit.compare.files.dtypes import storage_dtype
from reprokit.compare.files.registry import Comparator

if TYPE_CHECKING:
    from reprokit.compare.files.content import Leaf, Options
    from reprokit.compare.files.source import Source


def read_bytes(source: Source, options: Options) -> dict[str, Leaf]:
    """The file as one array of bytes."""
    del options
    return {"bytes": dense(source.data, storage_dtype("uint8"), (source.size,))}


BYTES = Comparator("bytes", (), read_bytes)
