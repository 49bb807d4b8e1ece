"""A sorted table in LevelDB's format, as TensorFlow writes a checkpoint's index: blocks of keys with shared prefixes.

Format: https://github.com/google/leveldb/blob/main/doc/table_format.md; tensorflow/core/lib/io/table.cc is the same.
Blocks may be compressed with Snappy, which TensorFlow does not ask for when it writes checkpoints; such a table is
refused. Checksums are not looked at: what is damaged differs or does not parse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprokit.compare.files.protobuf import varint
from reprokit.compare.files.unreadable import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reprokit.compare.files.source import Source

_FOOTER = 48
_MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
_TRAILER = 5  # a block's compression, and its checksum
_MAX_KEY = 1 << 16


def is_table(source: Source) -> bool:
    """Whether the file ends as such a table does."""
    return source.size >= _FOOTER and source.head(8, source.size - 8) == _MAGIC


def rows(source: Source) -> Iterator[tuple[bytes, memoryview]]:
    """The keys of a table with their values, in order.

    Raises:
        UnreadableError: it is damaged, or compressed.
    """
    if not is_table(source):
        raise UnreadableError("it does not end as a sorted table does")
    footer = memoryview(source.part(source.size - _FOOTER, _FOOTER - 8).tobytes())
    numbers, at = [], 0
    for _ in range(4):  # the place of the metadata, which are empty, then of the index
        number, at = varint(footer, at)
        numbers.append(number)
    for _, place in _block(source, numbers[2], numbers[3]):
        start, at = varint(place, 0)
        size, _ = varint(place, at)
        yield from _block(source, start, size)


def _block(source: Source, start: int, size: int) -> Iterator[tuple[bytes, memoryview]]:
    """The rows of one block, each key as what it adds to the one before."""
    source.budget.spend(size)  # an index may name one block many times
    data = memoryview(source.part(start, size + _TRAILER).tobytes())
    if data[size] != 0:
        raise UnreadableError("its index is compressed")
    if size < 4:
        raise UnreadableError("a block of its index is too short")
    restarts = int.from_bytes(data[size - 4 : size], "little")
    end = size - 4 - 4 * restarts
    if end < 0:
        raise UnreadableError("a block of its index is damaged")
    key, at = b"", 0
    while at < end:
        shared, at = varint(data, at)
        added, at = varint(data, at)
        length, at = varint(data, at)
        if shared > len(key) or added + length > end - at or shared + added > _MAX_KEY:
            raise UnreadableError("a row of its index is damaged")
        source.budget.spend(shared + added)
        key = key[:shared] + bytes(data[at : at + added])
        at += added
        yield key, data[at : at + length]
        at += length
