"""Opening a bundle: from its last bytes to the list of its members, without reading what lies before.

Everything that a file claims about itself (sizes, counts, places) is compared with its real size, with the other
claims and with the limits before anything of that size is read or allocated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reprokit.bundle import seektable, tarlayout
from reprokit.bundle.frames import FRAME_BYTES, MAX_FRAME_BYTES, ZSTD_MAGIC, decode, frame_digest
from reprokit.bundle.members import parse_members
from reprokit.bundle.names import MANIFEST
from reprokit.errors import CorruptBundleError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reprokit.bundle.limits import Limits
    from reprokit.bundle.seektable import Frame
    from reprokit.bundle.tarlayout import Placed

_TAIL = 32 << 10
_AROUND_MANIFEST = tarlayout.BLOCK + len(tarlayout.END_OF_ARCHIVE)


class Opened(NamedTuple):
    """What is known of a bundle once it is open."""

    frames: Sequence[Frame]
    """Those that hold members, in order."""
    manifest: bytes
    placed: Sequence[Placed]
    seal: bytes
    manifest_digest: bytes
    """`frame_digest` of the manifest's frame."""


def open_bundle(read_at: Callable[[int, int], bytes], size: int, limits: Limits) -> Opened:
    """Reads the end of a bundle.

    Args:
        read_at: reads exactly `(offset, size)` bytes.
        size: of the whole, in bytes.
        limits: what it may ask for.

    Raises:
        CorruptBundleError: RPK020 to RPK025 and RPK027, as in `BundleReader.open`.
    """
    if size < len(ZSTD_MAGIC) or read_at(0, len(ZSTD_MAGIC)) != ZSTD_MAGIC:
        raise CorruptBundleError("RPK020", "the file does not begin with a zstd frame")
    *frames, last, sealed = _read_table(read_at, size, limits)
    _check_sizes(frames, last, limits)
    # The manifest's frame and the seal lie side by side: one read.
    end = read_at(last.offset, last.packed + sealed.packed)
    packed, seal = end[: last.packed], end[last.packed :]
    seektable.check_seal(seal)
    manifest = _unwrap_manifest(decode(packed, last.size, last.checksum))
    members = parse_members(manifest, limits)
    placed = tarlayout.place(members)
    if (placed[-1].end if placed else 0) != last.start:
        raise CorruptBundleError("RPK023", "the archive holds more or less than the members in its manifest")
    return Opened(frames, manifest, placed, seal, frame_digest(packed))


def _read_table(read_at: Callable[[int, int], bytes], size: int, limits: Limits) -> list[Frame]:
    tail = read_at(size - min(size, _TAIL), min(size, _TAIL))
    count = seektable.count_frames(tail)
    length = seektable.table_bytes(count)
    if length > size:
        raise CorruptBundleError("RPK022", "the seek table claims to be larger than the file")
    # A frame begins with a member, or follows a full frame of the same one; two more hold the manifest and the seal.
    limits.check("max_members", count - 2 - limits.max_total_bytes // FRAME_BYTES)
    table = tail[-length:] if length <= len(tail) else read_at(size - length, length)
    frames = seektable.parse_table(table, size)
    if len(frames) < 2:
        raise CorruptBundleError("RPK020", f"the archive has no {MANIFEST}")
    return frames


def _check_sizes(frames: Sequence[Frame], last: Frame, limits: Limits) -> None:
    for frame in frames:
        if frame.size > MAX_FRAME_BYTES:
            raise CorruptBundleError("RPK024", f"a frame claims {frame.size} bytes where {MAX_FRAME_BYTES} are allowed")
    for frame in (*frames, last):
        # What zstd's worst case comes to (ZSTD_compressBound), so that a frame of nothing but empty blocks cannot ask
        # for more memory than its content would.
        if frame.packed > frame.size + frame.size // 128 + 512:
            raise CorruptBundleError("RPK024", f"a frame of {frame.size} bytes claims to take {frame.packed}")
    limits.check("max_manifest_bytes", last.size - _AROUND_MANIFEST)
    limits.check_ratio(last.size, last.packed, manifest=True)
    limits.check("max_total_bytes", last.start)
    limits.check_ratio(last.start, last.offset)


def _unwrap_manifest(content: bytes) -> bytes:
    block = content[: tarlayout.BLOCK]
    if not block.startswith(MANIFEST.encode() + b"\0"):
        raise CorruptBundleError("RPK020", f"the last member of the archive is not {MANIFEST}")
    try:
        size = int(block[124:135], 8)
    except ValueError:
        size = -1
    body = content[tarlayout.BLOCK : tarlayout.BLOCK + max(size, 0)]
    rest = content[tarlayout.BLOCK + max(size, 0) :]
    # One comparison covers a size that does not fit, every other field, the padding and what follows the archive.
    if size < 0 or block != tarlayout.header(MANIFEST, size, executable=False) or rest != _after(size):
        raise CorruptBundleError("RPK023", f"the tar header of {MANIFEST} or the end of the archive is not as written")
    return body


def _after(size: int) -> bytes:
    return bytes(tarlayout.padded(size) - size) + tarlayout.END_OF_ARCHIVE
