"""The tar inside a bundle: headers that follow from a member alone, and so the place of every byte.

Headers are ustar (POSIX.1-1988) where name and size fit, else pax (POSIX.1-2001). They are written here and not by
`tarfile`, because `BundleReader.verify` compares them byte for byte with bundles written years before, and the
standard library does not promise stable bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reprokit.bundle.names import name_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reprokit.bundle.members import Member

BLOCK = 512
END_OF_ARCHIVE = bytes(2 * BLOCK)

_MAX_USTAR_SIZE = 0o77777777777
_NAME_FIELD = 100
_PREFIX_FIELD = 155
_PAX_NAME = b"././@PaxHeader"


class Placed(NamedTuple):
    """A member and where it stands in the uncompressed archive, in bytes from its start."""

    member: Member
    start: int
    """Of the header."""
    content: int
    end: int
    """Of the padding, which is where the next header starts."""


def place(members: Iterable[Member]) -> list[Placed]:
    """Computes where each member stands, given all of them in archive order."""
    placed = []
    position = 0
    for member in members:
        content = position + header_size(member.path, member.size)
        end = content + padded(member.size)
        placed.append(Placed(member, position, content, end))
        position = end
    return placed


def padded(size: int) -> int:
    """Rounds a size up to whole blocks."""
    return -(-size // BLOCK) * BLOCK


def header(path: str, size: int, *, executable: bool) -> bytes:
    """The header blocks of a member: one block, or three and more with a pax header.

    Times and owners are zero, so that equal content gives equal bytes.

    Raises:
        ValueError: the path stands for no bytes.
    """
    raw = name_bytes(path)
    records = _pax_records(raw, size)
    prefix, name = _split(raw) or (b"", raw[:_NAME_FIELD].rstrip(b"/"))
    mode = 0o755 if executable else 0o644
    block = _ustar_block(name, prefix, size if size <= _MAX_USTAR_SIZE else 0, mode, b"0")
    if not records:
        return block
    pax = _ustar_block(_PAX_NAME, b"", len(records), 0o644, b"x")
    return pax + records.ljust(padded(len(records)), b"\0") + block


def header_size(path: str, size: int) -> int:
    """The length of `header` in bytes, without computing it where one block will do."""
    if size <= _MAX_USTAR_SIZE and path.isascii() and len(path) <= _NAME_FIELD:
        return BLOCK
    records = _pax_records(name_bytes(path), size)
    return 2 * BLOCK + padded(len(records)) if records else BLOCK


def _split(raw: bytes) -> tuple[bytes, bytes] | None:
    if len(raw) <= _NAME_FIELD:
        return b"", raw
    slash = raw.find(b"/", len(raw) - _NAME_FIELD - 1)
    if 0 <= slash <= _PREFIX_FIELD:
        return raw[:slash], raw[slash + 1 :]
    return None


def _pax_records(raw: bytes, size: int) -> bytes:
    records = b""
    if _split(raw) is None:
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError:
            # Without it, readers may take the path for UTF-8, as the standard says, and fail or recode it.
            records += _pax_record(b"hdrcharset", b"BINARY")
        records += _pax_record(b"path", raw)
    if size > _MAX_USTAR_SIZE:
        records += _pax_record(b"size", b"%d" % size)
    return records


def _pax_record(key: bytes, value: bytes) -> bytes:
    rest = len(b" =\n") + len(key) + len(value)
    length = rest + len(str(rest))
    # The length counts its own digits: adding them may add one more.
    length = rest + len(str(length))
    return b"%d %s=%s\n" % (length, key, value)


def _ustar_block(name: bytes, prefix: bytes, size: int, mode: int, kind: bytes) -> bytes:
    fields = (
        name.ljust(_NAME_FIELD, b"\0"),
        b"%07o\0" % mode,
        b"0000000\0" * 2,  # uid, gid
        b"%011o\0" % size,
        b"00000000000\0",  # mtime
        b" " * 8,  # the checksum counts as spaces while it is summed
        kind,
        bytes(100),  # link name
        b"ustar\x0000",
        bytes(64),  # owner names
        b"0000000\0" * 2,  # device
        prefix.ljust(_PREFIX_FIELD, b"\0"),
        bytes(12),
    )
    block = b"".join(fields)
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]
