"""TFRecord files: a length, a checksum of it, the record, a checksum of that.

Format: https://www.tensorflow.org/tutorials/load_data/tfrecord, section "TFRecords format details". The length's
checksum (CRC-32C, masked) tells such a file from others and a length from garbage; the records' own are not looked at,
since a record that is damaged differs or does not parse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprokit.compare.files.content import Leaf, Structure
from reprokit.compare.files.protobuf_leaves import bytes_leaf
from reprokit.compare.files.registry import Comparator
from reprokit.compare.files.unreadable import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reprokit.compare.files.content import Options
    from reprokit.compare.files.source import Bytes, Source

_MAX_RECORDS = 1_000_000
_HEAD = 12


def _table() -> list[int]:
    found = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)  # noqa: PLW2901 - the polynomial, a bit at a time
        found.append(byte)
    return found


_CRC = _table()


def masked_crc(data: bytes) -> int:
    """The checksum of a few bytes, as TensorFlow masks it (tensorflow/core/lib/hash/crc32c.h)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def is_records(source: Source) -> bool:
    """Whether the file begins with a length and its checksum."""
    head = source.head(_HEAD)
    return len(head) == _HEAD and masked_crc(head[:8]) == int.from_bytes(head[8:], "little")


def records(source: Source) -> Iterator[Bytes]:
    """The records of a file.

    Raises:
        UnreadableError: one is cut off, as in a file that was not closed, or there are too many.
    """
    at = count = 0
    while at < source.size:
        head = source.part(at, _HEAD).tobytes()
        if masked_crc(head[:8]) != int.from_bytes(head[8:], "little"):
            raise UnreadableError(f"the length of its record {count + 1} is damaged")
        size = int.from_bytes(head[:8], "little")
        source.part(at, _HEAD + size + 4)
        yield source.part(at + _HEAD, size)
        at, count = at + _HEAD + size + 4, count + 1
        if count > _MAX_RECORDS:
            raise UnreadableError(f"it has more than {_MAX_RECORDS} records")


def read_records(source: Source, options: Options) -> dict[str, Leaf]:
    """Reads the records of any TFRecord file, as bytes.

    Raises:
        UnreadableError: a record is cut off.
    """
    del options
    leaves: dict[str, Leaf] = {str(i): bytes_leaf(record.tobytes()) for i, record in enumerate(records(source))}
    return {"": Structure(f"{len(leaves)} records"), **leaves}


RECORDS = Comparator("TFRecord", (".tfrecord", ".tfrecords"), read_records, is_records)
