"""Zip archives that may be hostile: the directory is checked before a member is read, members are read in place."""

from __future__ import annotations

import struct
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reprokit.compare.files.unreadable import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reprokit.compare.files.source import Bytes, Source

MAGIC = b"PK\x03\x04"
_CHUNK = 1 << 20
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")  # APPNOTE.TXT, section 4.3.7


@dataclass(frozen=True)
class Member:
    """One member of an archive.

    Attributes:
        name: as the directory gives it.
        size: the bytes it holds once inflated, as claimed; reading never yields more.
        raw: the mapped bytes as stored in the archive.
        deflated: whether `raw` is a deflate stream.
        crc: CRC-32 of the content, as claimed.
    """

    name: str
    size: int
    raw: Bytes
    deflated: bool
    crc: int

    def pieces(self) -> Iterator[bytes]:
        """Yields the content in pieces of at most 1 MiB.

        Raises:
            UnreadableError: the stream is damaged or is not as long as the directory says.
        """
        if not self.deflated:
            for start in range(0, self.size, _CHUNK):
                yield self.raw[start : start + _CHUNK].tobytes()
            return
        inflate, crc, done, at, fed = zlib.decompressobj(-15), 0, 0, 0, b""
        while done < self.size and not inflate.eof:
            if not fed:
                fed = self.raw[at : at + _CHUNK].tobytes()
                at += len(fed)
                if not fed:
                    break
            try:
                piece = inflate.decompress(fed, min(_CHUNK, self.size - done))
            except zlib.error as error:
                raise UnreadableError(f"member {self.name[:80]!r} is damaged: {error}") from error
            fed, done, crc = inflate.unconsumed_tail, done + len(piece), zlib.crc32(piece, crc)
            if piece:
                yield piece
        if done != self.size or crc != self.crc:
            raise UnreadableError(f"member {self.name[:80]!r} is damaged: its length or checksum is wrong")

    def data(self) -> Bytes:
        """The content: mapped where it is stored, inflated into memory where it is not.

        Raises:
            UnreadableError: the stream is damaged.
        """
        if not self.deflated:
            return self.raw
        return np.frombuffer(b"".join(self.pieces()), np.uint8)


def names(source: Source) -> list[str]:
    """The names in an archive's directory, unchecked; none if it is not an archive."""
    if source.head(4) != MAGIC:
        return []
    try:
        return [entry.filename for entry in _entries(source)]
    except UnreadableError:
        return []


def _entries(source: Source) -> list[zipfile.ZipInfo]:
    try:
        with source.stream() as stream, zipfile.ZipFile(stream) as archive:
            return archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, struct.error) as error:
        raise UnreadableError(f"its zip directory is damaged: {error}") from error


def members(source: Source) -> dict[str, Member]:
    """Reads the directory of an archive and checks every entry.

    Raises:
        UnreadableError: it is not a zip archive, or a name comes twice, a member is encrypted, lies outside the file,
            or all of them together would expand beyond the budget.
    """
    found: dict[str, Member] = {}
    for entry in _entries(source):
        if entry.filename in found:
            raise UnreadableError(f"member {entry.filename[:80]!r} stands in its zip directory twice")
        if entry.flag_bits & 0x41 or entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise UnreadableError(f"member {entry.filename[:80]!r} is encrypted or compressed in an unusual way")
        found[entry.filename] = _member(source, entry)
    return found


def _member(source: Source, entry: zipfile.ZipInfo) -> Member:
    """Finds where a member's bytes begin; the local header alone says how long its own extra field is."""
    deflated = entry.compress_type == zipfile.ZIP_DEFLATED
    if not deflated and entry.file_size != entry.compress_size:
        raise UnreadableError(f"member {entry.filename[:80]!r} has two lengths")
    if entry.external_attr & 0x10 and entry.file_size:
        # MS-DOS's mark of a directory: PyTorch's reader then gives uninitialised memory for the member.
        raise UnreadableError(f"member {entry.filename[:80]!r} is marked as a directory")
    # Stored members too: many entries may name the same bytes.
    source.budget.spend(entry.file_size)
    header = _LOCAL_HEADER.unpack(source.part(entry.header_offset, _LOCAL_HEADER.size).tobytes())
    if header[0] != MAGIC:
        raise UnreadableError(f"member {entry.filename[:80]!r} does not stand where the zip directory says")
    start = entry.header_offset + _LOCAL_HEADER.size + header[9] + header[10]
    raw = source.part(start, entry.compress_size)
    return Member(entry.filename, entry.file_size, raw, deflated, entry.CRC)
