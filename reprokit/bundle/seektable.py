"""The end of a bundle: a seal over the compressed bytes, and the seek table that finds one frame among all.

The table is that of the *zstd seekable format* (zstd's ``contrib/seekable_format/zstd_seekable_compression_format.md``,
version 0.1.0): a skippable frame with one entry a frame and a footer at the end of the file. The seal is one more
skippable frame, which stock zstd passes over. Without it some bits of a file could change without notice, such as the
one in a frame header that RFC 8878 tells decoders to ignore.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from reprokit.errors import CorruptBundleError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FOOTER_BYTES = 9

_TABLE_MAGIC = 0x184D2A5E
_FOOTER_MAGIC = 0x8F92EAB1
_WITH_CHECKSUMS = 0x80
_SKIPPABLE = struct.Struct("<II")
_ENTRY = struct.Struct("<III")
_FOOTER = struct.Struct("<IBI")
_FOOTER_END = struct.pack("<I", _FOOTER_MAGIC)

_SEAL_MAGIC = 0x184D2A5D
_SEAL_KIND = b"reprokit bundle "
_SEAL_TAG = _SEAL_KIND + b"1\n"
SEAL_BYTES = _SKIPPABLE.size + len(_SEAL_TAG) + 16
_CHECKSUM_OF_NOTHING = 0x51D8E999  # low 32 bits of XXH64 of no bytes


class Row(NamedTuple):
    """What the seek table says of one frame: its compressed and uncompressed size in bytes, and its checksum."""

    packed: int
    size: int
    checksum: int


class Frame(NamedTuple):
    """Where a frame stands, compressed (`offset`, `packed`) and uncompressed (`start`, `size`), in bytes."""

    offset: int
    packed: int
    start: int
    size: int
    checksum: int


def build_seal(digests: Iterable[bytes]) -> bytes:
    """The skippable frame that fixes every compressed byte before it.

    Args:
        digests: xxh3-64 of each frame's compressed bytes, in order; hashing them by frame lets threads share the work.
    """
    import xxhash

    return (
        _SKIPPABLE.pack(_SEAL_MAGIC, SEAL_BYTES - _SKIPPABLE.size)
        + _SEAL_TAG
        + xxhash.xxh3_128_digest(b"".join(digests))
    )


def check_seal(seal: bytes) -> None:
    """Checks that a seal is one, of the version that is known here.

    Raises:
        CorruptBundleError: RPK020, it is another kind of file; RPK025, it is a bundle from a newer version; RPK022, it
            is damaged.
    """
    kind = seal[_SKIPPABLE.size :]
    if not kind.startswith(_SEAL_KIND):
        raise CorruptBundleError("RPK020", "a zstd archive that reprokit did not write: it has no seal")
    if not kind.startswith(_SEAL_TAG):
        raise CorruptBundleError("RPK025", "the bundle's container format is unknown to this version")
    if len(seal) != SEAL_BYTES or seal[: _SKIPPABLE.size] != _SKIPPABLE.pack(_SEAL_MAGIC, SEAL_BYTES - 8):
        raise CorruptBundleError("RPK022", "the bundle's seal is damaged")


def build_table(rows: Sequence[Row]) -> bytes:
    """The seek table for the given frames and the seal after them."""
    entries = [_ENTRY.pack(*row) for row in (*rows, Row(SEAL_BYTES, 0, _CHECKSUM_OF_NOTHING))]
    body = b"".join(entries) + _FOOTER.pack(len(entries), _WITH_CHECKSUMS, _FOOTER_MAGIC)
    return _SKIPPABLE.pack(_TABLE_MAGIC, len(body)) + body


def count_frames(end: bytes) -> int:
    """How many frames the seek table describes, the seal included, read from the last bytes of a file.

    Raises:
        CorruptBundleError: RPK021, there is no seek table; RPK023, there is one and data behind it; RPK022, its footer
            is damaged.
    """
    if len(end) < FOOTER_BYTES or end[-len(_FOOTER_END) :] != _FOOTER_END:
        if _holds_table(end):
            raise CorruptBundleError("RPK023", "there are data behind the end of the bundle")
        raise CorruptBundleError("RPK021", "the file has no seek table at its end")
    count, flags, _ = _FOOTER.unpack(end[-FOOTER_BYTES:])
    if flags != _WITH_CHECKSUMS:
        raise CorruptBundleError("RPK022", "the seek table's footer is damaged, or it has no checksums")
    return int(count)


def table_bytes(count: int) -> int:
    """The size of a seek table for so many frames, in bytes."""
    return _SKIPPABLE.size + count * _ENTRY.size + FOOTER_BYTES


def parse_table(table: bytes, file_size: int) -> list[Frame]:
    """Reads a seek table of a file of `file_size` bytes; the last frame returned is the seal.

    Raises:
        CorruptBundleError: RPK022, the table contradicts itself or the file's size.
    """
    if table[: _SKIPPABLE.size] != _SKIPPABLE.pack(_TABLE_MAGIC, len(table) - _SKIPPABLE.size):
        raise CorruptBundleError("RPK022", "the seek table's header is damaged")
    frames = []
    offset = start = 0
    for packed, size, checksum in _ENTRY.iter_unpack(table[_SKIPPABLE.size : -FOOTER_BYTES]):
        frames.append(Frame(offset, packed, start, size, checksum))
        offset += packed
        start += size
    if offset + len(table) != file_size:
        raise CorruptBundleError("RPK022", f"the seek table describes {offset} bytes where {file_size} are")
    _check_frames(frames)
    return frames


def _check_frames(frames: Sequence[Frame]) -> None:
    if not frames or frames[-1].packed < SEAL_BYTES or frames[-1].size:
        raise CorruptBundleError("RPK020", "a zstd archive that reprokit did not write: it has no seal")
    if frames[-1].packed != SEAL_BYTES or frames[-1].checksum != _CHECKSUM_OF_NOTHING:
        raise CorruptBundleError("RPK022", "the seek table's last entry is damaged")
    if any(not frame.packed or not frame.size for frame in frames[:-1]):
        raise CorruptBundleError("RPK022", "the seek table has an entry for an empty frame")


def _holds_table(end: bytes) -> bool:
    found = end.rfind(_FOOTER_END)
    while found >= FOOTER_BYTES - len(_FOOTER_END):
        stop = found + len(_FOOTER_END)
        count, flags, _ = _FOOTER.unpack_from(end, stop - FOOTER_BYTES)
        at = stop - table_bytes(count)
        # Four bytes alone may be chance; with the frame's header before them they are not. A table that begins before
        # the bytes at hand is taken at its footer's word.
        header = _SKIPPABLE.pack(_TABLE_MAGIC, (stop - at - _SKIPPABLE.size) & 0xFFFFFFFF)
        if flags == _WITH_CHECKSUMS and (at < 0 or end.startswith(header, at)):
            return True
        found = end.rfind(_FOOTER_END, 0, found)
    return False
