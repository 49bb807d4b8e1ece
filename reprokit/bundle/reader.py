"""Reading a bundle that nobody vouches for: lazily, within limits, and verified against its manifest."""

from __future__ import annotations

import hashlib
import io
import os
from typing import TYPE_CHECKING, BinaryIO, Self, cast

from reprokit.bundle.extraction import Tree, new_file
from reprokit.bundle.framereader import FrameReader
from reprokit.bundle.limits import DEFAULT_LIMITS, Limits
from reprokit.bundle.opening import open_bundle
from reprokit.bundle.source import ByteSource, LocalFile
from reprokit.bundle.verification import verify_members
from reprokit.errors import CorruptBundleError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Buffer

    from reprokit.bundle.members import Member
    from reprokit.bundle.tarlayout import Placed


class BundleReader:
    """An open bundle; a context manager. Use `open` for a file, or give any `ByteSource`, which is closed with it.

    Names and places come from the manifest alone. Whatever is read is checked against it: by `read`, `extract` and
    `extract_all` member by member, by `verify` for the whole file. `open_member` checks the frames' checksums only.

    Attributes:
        manifest: the bytes of `manifest.json`.
        members: in archive order, `manifest.json` left out.

    Raises:
        CorruptBundleError: see `open`.
    """

    def __init__(self, source: ByteSource, limits: Limits = DEFAULT_LIMITS) -> None:
        self._source = source
        end = FrameReader(source, ())
        opened = open_bundle(end.read_at, source.size, limits)
        self._opened = opened
        self._frames = FrameReader(source, opened.frames, bytes_read=end.bytes_read)
        self._placed = {placed.member.path: placed for placed in opened.placed}
        self.manifest = opened.manifest
        self.members: tuple[Member, ...] = tuple(placed.member for placed in opened.placed)

    @classmethod
    def open(cls, path: Path, limits: Limits = DEFAULT_LIMITS) -> Self:
        """Opens a file: reads its seek table and its manifest, and no member.

        Raises:
            UsageError: RPK003, there is no such file or it cannot be read.
            CorruptBundleError: RPK020, it is no bundle; RPK021, it is cut short; RPK022, it is damaged; RPK023, it is
                unsafe; RPK024, it exceeds the limits; RPK025, its version is unknown; RPK027, its manifest is invalid.
        """
        source = LocalFile(path)
        try:
            return cls(source, limits)
        except BaseException:
            source.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the source; a second call does nothing."""
        self._source.close()

    @property
    def bytes_read(self) -> int:
        """Compressed bytes taken from the source so far."""
        return self._frames.bytes_read

    def open_member(self, name: str) -> BinaryIO:
        """Opens a member as a seekable binary file; only the frames that are read are decompressed.

        It must not be used after the reader is closed. Its digest is not checked, since parts may be read alone.

        Raises:
            UsageError: RPK003, there is no such member.
            CorruptBundleError: when reading; RPK022 or RPK023, a frame is damaged.
        """
        return cast("BinaryIO", io.BufferedReader(_MemberFile(self._frames, self._place(name)), 64 << 10))

    def read(self, name: str, max_bytes: int | None = None) -> bytes:
        """Reads a member into memory and checks its digest.

        Args:
            name: the member's path.
            max_bytes: refuse a larger member.

        Raises:
            UsageError: RPK003, there is no such member.
            CorruptBundleError: RPK024, it is larger than `max_bytes`; RPK022 or RPK023, it is damaged.
        """
        place = self._place(name)
        if max_bytes is not None and place.member.size > max_bytes:
            raise CorruptBundleError("RPK024", f"member {name!a} has {place.member.size} bytes, more than {max_bytes}")
        return b"".join(self._checked(place))

    def extract(self, name: str, target: Path) -> None:
        """Writes a member to a new file, which stays only if its digest is right.

        Raises:
            UsageError: RPK003, there is no such member; RPK005, something stands at `target`, or it cannot be written.
            CorruptBundleError: RPK022 or RPK023, the member is damaged.
        """
        place = self._place(name)
        new_file(target, self._checked(place), executable=place.member.executable)

    def extract_all(self, directory: Path, prefix: str = "", *, strip: bool = False) -> list[Path]:
        """Writes members below a new or empty directory, without following any link inside it.

        A failure leaves the files that were written and verified before it.

        Args:
            directory: is created where it does not exist; its parent must.
            prefix: only members whose path begins with it, such as ``"code/"``.
            strip: leave the prefix, up to its last ``/``, out of the paths written.

        Returns:
            The files written, in archive order.

        Raises:
            UsageError: RPK005, the directory is not empty or cannot be written, or has too little space.
            CorruptBundleError: RPK022 or RPK023, a member is damaged.
        """
        chosen = [place for place in self._opened.placed if place.member.path.startswith(prefix)]
        cut = prefix.rfind("/") + 1 if strip else 0
        with Tree(directory, sum(place.member.size for place in chosen)) as tree:
            return [
                tree.write(place.member.path[cut:], self._checked(place), executable=place.member.executable)
                for place in chosen
            ]

    def verify(self, threads: int | None = None) -> None:
        """Checks every bit of the file: frames, checksums, tar headers, digests, padding and what ends the archive.

        Args:
            threads: as many as there are processors to run on where it is None.

        Raises:
            CorruptBundleError: RPK022, something is damaged; RPK023, something is there that no bundle holds.
        """
        verify_members(self._frames, self._opened, threads)

    def _place(self, name: str) -> Placed:
        try:
            return self._placed[name]
        except KeyError:
            raise UsageError("RPK003", f"the bundle has no member {name!a}") from None

    def _checked(self, place: Placed) -> Iterator[memoryview]:
        state = hashlib.sha256()
        for piece in self._frames.stream(place.content, place.content + place.member.size):
            state.update(piece)
            yield piece
        if "sha256:" + state.hexdigest() != place.member.sha256:
            raise CorruptBundleError(
                "RPK022", f"member {place.member.path!a} has another digest than the manifest says"
            )


class _MemberFile(io.RawIOBase):
    """A member's content as a raw file."""

    def __init__(self, frames: FrameReader, place: Placed) -> None:
        super().__init__()
        self._frames = frames
        self._place = place
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence not in {os.SEEK_SET, os.SEEK_CUR, os.SEEK_END}:
            raise ValueError(f"invalid whence {whence}")
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._place.member.size}[whence]
        if base + offset < 0:
            raise ValueError(f"negative position {base + offset}")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer).cast("B")
        count = min(len(view), self._place.member.size - self._position)
        if count <= 0:
            return 0
        data, offset = self._frames.at(self._place.content + self._position)
        piece = data[offset : offset + count]
        view[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)
