"""Checking a whole bundle, in parallel and in bounded memory.

The manifest says which bytes the archive must have: every header follows from it, the content by its digest, and all
the rest is zeros. So the archive is cut into stretches that begin with a frame and with a member at once, and each
stretch is read and compared alone.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from reprokit.bundle import tarlayout
from reprokit.bundle.frames import decode, frame_digest
from reprokit.bundle.seektable import build_seal
from reprokit.bundle.threads import ahead, processors
from reprokit.errors import CorruptBundleError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import ThreadPoolExecutor

    from reprokit.bundle.framereader import FrameReader
    from reprokit.bundle.opening import Opened
    from reprokit.bundle.seektable import Frame
    from reprokit.bundle.tarlayout import Placed


class Stretch(NamedTuple):
    """Frames and members that cover the same bytes."""

    frames: range
    members: Sequence[Placed]


def verify_members(reader: FrameReader, opened: Opened, threads: int | None) -> None:
    """Checks every frame and member, and the seal over them; the manifest and the table were checked when opening.

    Raises:
        CorruptBundleError: RPK022 or RPK023; of several faults, the first in the file.
    """
    count = threads or processors()
    digests: list[bytes] = []
    # Two pools, since a stretch waits for its frames: in one, waiting stretches could leave no thread to decompress.
    from concurrent.futures import ThreadPoolExecutor  # costs 5 ms, which `inspect` need not pay

    with ThreadPoolExecutor(count) as hashing, ThreadPoolExecutor(count) as decompressing:
        check = _Check(reader, decompressing)
        for found in ahead(hashing, check.stretch, stretches(opened.frames, opened.placed), count + 1):
            digests += found
    if build_seal([*digests, opened.manifest_digest]) != opened.seal:
        raise CorruptBundleError("RPK022", "the compressed bytes are not those that the bundle was sealed with")


def stretches(frames: Sequence[Frame], placed: Sequence[Placed]) -> Iterator[Stretch]:
    """Cuts an archive wherever a frame and a member begin together; both cover it without gaps."""
    first = first_member = 0
    member = 0
    for index, frame in enumerate(frames):
        while member < len(placed) and placed[member].start < frame.start:
            member += 1
        if index > first and member < len(placed) and placed[member].start == frame.start:
            yield Stretch(range(first, index), placed[first_member:member])
            first, first_member = index, member
    if frames:
        yield Stretch(range(first, len(frames)), placed[first_member:])


class _Check:
    def __init__(self, reader: FrameReader, decompressing: ThreadPoolExecutor) -> None:
        self._reader = reader
        self._decompressing = decompressing

    def stretch(self, stretch: Stretch) -> list[bytes]:
        """Checks one stretch and returns the digests of its compressed frames."""
        digests: list[bytes] = []
        archive = _Archive(self._contents(stretch.frames, digests))
        for place in stretch.members:
            _check_member(archive, place)
        archive.finish()
        return digests

    def _contents(self, frames: range, digests: list[bytes]) -> Iterator[bytes]:
        # One frame needs no company; more of them are decompressed while those before are hashed.
        unpacked = map(self._unpack, frames) if len(frames) == 1 else ahead(self._decompressing, self._unpack, frames)
        for content, digest in unpacked:
            digests.append(digest)
            yield content

    def _unpack(self, index: int) -> tuple[bytes, bytes]:
        frame = self._reader.frames[index]
        packed = self._reader.packed(index)
        return decode(packed, frame.size, frame.checksum), frame_digest(packed)


class _Archive:
    """The bytes of a stretch, taken piece by piece."""

    def __init__(self, contents: Iterator[bytes]) -> None:
        self._contents = contents
        self._rest = memoryview(b"")

    def take(self, size: int) -> Iterator[memoryview]:
        while size:
            if not self._rest:
                self._rest = memoryview(next(self._contents))
            piece = self._rest[:size]
            self._rest = self._rest[size:]
            size -= len(piece)
            yield piece

    def holds(self, expected: bytes) -> bool:
        return b"".join(self.take(len(expected))) == expected

    def finish(self) -> None:
        """Lets the generator end, which it does only when it is asked once more."""
        if self._rest or next(self._contents, None) is not None:
            raise CorruptBundleError("RPK023", "the archive holds more than its members")


def _check_member(archive: _Archive, place: Placed) -> None:
    member = place.member
    if not archive.holds(tarlayout.header(member.path, member.size, executable=member.executable)):
        raise CorruptBundleError("RPK023", f"the tar header of {member.path!a} is not the one of a plain file so named")
    state = hashlib.sha256()
    for piece in archive.take(member.size):
        state.update(piece)
    if "sha256:" + state.hexdigest() != member.sha256:
        raise CorruptBundleError("RPK022", f"member {member.path!a} has another digest than the manifest says")
    if not archive.holds(bytes(tarlayout.padded(member.size) - member.size)):
        raise CorruptBundleError("RPK023", f"there are data between {member.path!a} and the next member")
