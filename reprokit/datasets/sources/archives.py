"""What archives hold: zip and tar, with any compression. Nothing is unpacked to disk.

The digest is that of the members' names and contents, so that the same files packed by another program, in another
order or with another compression have the same.
"""

from __future__ import annotations

import hashlib
import io
import stat
import tarfile
import zipfile
import zlib
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from reprokit.datasets.names import written
from reprokit.datasets.sources import damaged
from reprokit.datasets.sources.lines import ERRORS, unpacked
from reprokit.digest import tree_digest
from reprokit.errors import UnverifiedError
from reprokit.schema.dataset import ArchiveContent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst")
_COMPRESSED = {b"\x1f\x8b": ".gz", b"BZh": ".bz2", b"\xfd7zXZ\0": ".xz", b"\x28\xb5\x2f\xfd": ".zst"}
_PIECE = 1 << 20
HEAD = 1 << 16
"""Bytes of a member that can be looked at before it is read."""
_LONGEST_LINK = 1 << 16


class Limits(NamedTuple):
    """How much an archive may hold: bytes, members, and bytes for each byte of the archive."""

    size: int = 16 << 40
    members: int = 5_000_000
    ratio: int = 2000


def kind_of(path: str) -> str | None:
    """``zip`` or ``tar``, by the file's name; None for another file."""
    name = path.lower()
    if name.endswith(".zip"):
        return "zip"
    return "tar" if name.endswith(_TARS) else None


def content_of(
    full: str,
    path: str,
    limits: Limits | None = None,
    see: Callable[[str, IO[bytes] | None], object] = lambda _name, _data: None,
) -> ArchiveContent:
    """Reads an archive to its end.

    Args:
        full: where it is.
        path: how it is named.
        limits: of what it may hold.
        see: is told the name of each member, and may read its content; a link has none.

    Raises:
        UnverifiedError: RPK156, it is damaged; RPK163, it holds more than the limits allow.
    """
    kind = kind_of(path) or "tar"
    members: dict[str, str] = {}
    total = 0
    with open(full, "rb") as file:
        packed = max(file.seek(0, 2), 1 << 20)
    bounds = limits or Limits()
    limit = min(bounds.size, packed * bounds.ratio)
    try:
        for plain, target, data in _zip(full) if kind == "zip" else _tar(full, path):
            member, name = _Member(data, path, total, limit), plain if target is None else f"{plain} -> {target}"
            see(plain, io.BufferedReader(member, HEAD) if data is not None else None)
            total = member.drained()
            # Which of two members of one name is meant depends on who unpacks them: both count.
            members[name if name not in members else f"{name}\0{len(members)}"] = "sha256:" + member.digest()
            if len(members) > bounds.members:
                raise UnverifiedError("RPK163", f"{path} holds more than {bounds.members} members")
    except (*ERRORS, tarfile.TarError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise damaged(path, error) from None
    digest = tree_digest(members)
    return ArchiveContent(path=written(path), format=kind, digest=digest, members=len(members), bytes=total)


class _Member(io.RawIOBase):
    """A member's bytes as they go by, counted and digested whoever reads them."""

    def __init__(self, data: IO[bytes] | None, path: str, before: int, limit: int) -> None:
        self._data, self._path, self._total, self._limit = data, path, before, limit
        self._state = hashlib.sha256()

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fills the buffer, but for the member's end.

        Raises:
            UnverifiedError: RPK163, the archive holds more than its limit.
        """
        count = 0
        while count < len(buffer) and (piece := self._next(len(buffer) - count)):
            buffer[count : count + len(piece)] = piece
            count += len(piece)
        return count

    def _next(self, size: int) -> bytes:
        piece = self._data.read(size) if self._data is not None else b""
        self._total += len(piece)
        self._state.update(piece)
        if self._total > self._limit:
            raise UnverifiedError("RPK163", f"{self._path} holds more than {self._limit} bytes")
        return piece

    def drained(self) -> int:
        """Reads what nobody read; the archive's bytes up to here."""
        while self._next(_PIECE):
            pass
        return self._total

    def digest(self) -> str:
        """Of the content, once it was drained: sha256 in hex."""
        return self._state.hexdigest()


_Found = tuple[str, str | None, IO[bytes] | None]
"""A member's name, where it leads if it is a link, and else its content."""


def _zip(full: str) -> Iterator[_Found]:
    with zipfile.ZipFile(full) as archive:
        for member in archive.infolist():
            if member.is_dir():
                continue
            if stat.S_ISLNK(member.external_attr >> 16) and member.file_size <= _LONGEST_LINK:
                yield member.filename, archive.read(member).decode("utf-8", "replace"), None
            else:
                with archive.open(member) as data:
                    yield member.filename, None, data


def _tar(full: str, path: str) -> Iterator[_Found]:
    for archive, member in tar_members(full, path):
        name = member.name.removeprefix("./")
        if member.isreg():
            yield name, None, archive.extractfile(member) or io.BytesIO()
        elif member.issym() or member.islnk():
            yield name, member.linkname, None


def tar_members(full: str, path: str) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """The members of a tar from its first to its last, whatever its compression and the number of its parts.

    Args:
        full: where it is.
        path: how it is named; one that is not compressed must have an end.

    Raises:
        TarError: it is damaged, or members follow its end; `ERRORS`, its compression is damaged.
    """
    with open(full, "rb") as raw:
        if path.lower().endswith(".tar") and not _ends(raw):
            raise tarfile.ReadError("the tar has no end: it was cut short")
        stream = _unpacked(raw)
        with tarfile.open(fileobj=stream, mode="r|", errorlevel=2) as archive:
            for member in archive:
                yield archive, member
            _refuse_more(archive.fileobj)


def _unpacked(raw: IO[bytes]) -> IO[bytes]:
    """The tar in a file, by its first bytes. Unlike tarfile's own streams, these read all of a file's parts."""
    head = raw.read(6)
    raw.seek(0)
    return unpacked(raw, next((ending for magic, ending in _COMPRESSED.items() if head.startswith(magic)), ""))


def _refuse_more(rest: Any) -> None:
    """Programs stop at the first end of a tar, or at a damaged header; what follows would be seen by some only.

    Raises:
        ReadError: there are more members.
    """
    while block := rest.read(tarfile.BLOCKSIZE):
        if any(block) and len(block) == tarfile.BLOCKSIZE:
            with suppress(tarfile.HeaderError):
                tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
                raise tarfile.ReadError("members follow its end: it is damaged, or several tars in one file")


def _ends(raw: IO[bytes]) -> bool:
    """Whether a plain tar ends in a block of zeros; one that was cut between two members reads like a whole one."""
    size = raw.seek(0, 2)
    raw.seek(max(0, size - 512))
    end = raw.read(512)
    raw.seek(0)
    return end == bytes(512)
