"""Files of records that other systems write while they train: their frames, and the protocol buffers in them.

Read without those systems' libraries, so that a run can be imported where they are not installed. A file may be cut,
since its run may go on or have been killed: what is whole counts, and `Records.cut` says so. A frame whose checksum is
wrong is an error.
Sources: https://protobuf.dev/programming-guides/encoding, https://www.tensorflow.org/tutorials/load_data/tfrecord,
https://github.com/google/leveldb/blob/main/doc/log_format.md
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any

from reprokit.errors import CorruptBundleError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BLOCK = 32768
_HEADER = 7
_LARGEST = 64 * 2**20  # of one record
_CHECKED = 2**16  # bytes: a checksum in Python takes 6 ms for so many, and numbers are in small records
_MOST_FIELDS = 1_000_000

Fields = dict[int, list[Any]]
"""A message: number of a field -> its values, whole numbers and bytes."""


class Records:
    """The records of one file.

    Attributes:
        cut: the file ended within a record; set when all have been read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cut = False

    def of_tensorflow(self) -> Iterator[bytes]:
        """Records of a TFRecord file.

        Raises:
            CorruptBundleError: RPK181, a checksum is wrong; RPK183, a record is too large.
        """
        with self.path.open("rb") as file:
            while header := file.read(12):
                if len(header) < 12:
                    self.cut = True
                    return
                length, check = struct.unpack("<QI", header)
                if _masked(header[:8]) != check:
                    raise self._broken("the checksum of a length is wrong")
                if length > _LARGEST:
                    raise CorruptBundleError("RPK183", f"{self.path} has a record of {length} bytes")
                body = file.read(length + 4)
                if len(body) < length + 4:
                    self.cut = True
                    return
                if length <= _CHECKED and struct.unpack("<I", body[length:])[0] != _masked(body[:length]):
                    raise self._broken("the checksum of a record is wrong")
                yield body[:length]

    def of_wandb(self) -> Iterator[bytes]:
        """Records of a ``.wandb`` file: blocks as LevelDB's log has them, with checksums of zlib.

        Raises:
            CorruptBundleError: RPK181, it is none, or a checksum is wrong; RPK183, a record is too large.
        """
        with self.path.open("rb") as file:
            if file.read(_HEADER) != b":W&B\xe1\xbe\x00":
                raise self._broken("its header is not that of an offline run of W&B")
            place, parts = _HEADER, b""
            while True:
                left = _BLOCK - place % _BLOCK
                header = file.read(min(_HEADER, left))
                place += len(header)
                if len(header) < _HEADER:
                    if left < _HEADER and len(header) == left:
                        continue
                    self.cut = bool(header or parts)
                    return
                check, length, kind = struct.unpack("<IHB", header)
                body = file.read(length)
                place += length
                if len(body) < length:
                    self.cut = True
                    return
                if not (check or length or kind):
                    continue
                if kind not in (1, 2, 3, 4) or zlib.crc32(header[6:] + body) != check:
                    raise self._broken("the checksum of a record is wrong")
                parts = body if kind in (1, 2) else parts + body
                if len(parts) > _LARGEST:
                    raise CorruptBundleError("RPK183", f"{self.path} has a record larger than {_LARGEST >> 20} MiB")
                if kind in (1, 4):
                    yield parts
                    parts = b""

    def fields(self, message: bytes) -> Fields:
        """The fields of a message.

        Raises:
            CorruptBundleError: RPK181, it is none.
        """
        try:
            return parsed(message)
        except (ValueError, struct.error, IndexError) as error:
            raise self._broken(f"a record is no message: {error}") from None

    def _broken(self, why: str) -> CorruptBundleError:
        return CorruptBundleError("RPK181", f"{self.path}: {why}")


def parsed(message: bytes) -> Fields:
    """The fields of a protocol buffer; numbers of fixed width stay bytes.

    Raises:
        ValueError: it is cut, or no such message.
    """
    found: Fields = {}
    place = count = 0
    while place < len(message):
        key, place = _varint(message, place)
        number, kind = key >> 3, key & 7
        if not number or count > _MOST_FIELDS:
            raise ValueError("a field has no number" if not number else "too many fields")
        count += 1
        value: Any
        if kind == 0:
            value, place = _varint(message, place)
        elif kind in (1, 2, 5):
            length = 8 if kind == 1 else 4
            if kind == 2:
                length, place = _varint(message, place)
            value = message[place : place + length]
            if len(value) < length:
                raise ValueError("a field is cut")
            place += length
        else:
            raise ValueError(f"a field of the kind {kind}")
        found.setdefault(number, []).append(value)
    return found


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(data):
            raise ValueError("a number is cut")
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, place
    raise ValueError("a number is longer than 64 bits")


def text(fields: Fields, number: int) -> str:
    """The last text of a field, or an empty one."""
    values = fields.get(number, [])
    return values[-1].decode("utf-8", "replace") if values and isinstance(values[-1], bytes) else ""


def whole(fields: Fields, number: int) -> int:
    """The last signed whole number of a field, or 0."""
    values = fields.get(number, [])
    value = values[-1] if values and isinstance(values[-1], int) else 0
    return value - 2**64 if value >= 2**63 else value


def real(fields: Fields, number: int) -> float | None:
    """The last floating-point number of a field, of either width."""
    values = [value for value in fields.get(number, []) if isinstance(value, bytes) and len(value) in (4, 8)]
    return float(struct.unpack("<f" if len(values[-1]) == 4 else "<d", values[-1])[0]) if values else None


def inner(fields: Fields, number: int) -> Iterator[Fields]:
    """The messages in a field."""
    for value in fields.get(number, []):
        if isinstance(value, bytes):
            yield parsed(value)


def _table() -> tuple[int, ...]:
    """CRC-32C by byte: the Castagnoli polynomial, reflected."""
    made = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        made.append(value)
    return tuple(made)


_CASTAGNOLI = _table()


def _masked(data: bytes) -> int:
    """TensorFlow's masked CRC-32C."""
    value = 0xFFFFFFFF
    for byte in data:
        value = _CASTAGNOLI[(value ^ byte) & 0xFF] ^ (value >> 8)
    value ^= 0xFFFFFFFF
    return (((value >> 15) | (value << 17)) + 0xA282EAD8) & 0xFFFFFFFF
