"""Uncompressed bytes of a bundle, anywhere in it, at the cost of the frames that hold them."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import OrderedDict
from typing import TYPE_CHECKING

from reprokit.bundle.frames import decode
from reprokit.bundle.threads import ahead

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reprokit.bundle.seektable import Frame
    from reprokit.bundle.source import ByteSource

_KEPT = 2


class FrameReader:
    """Decompresses frames on demand and keeps the last two. Safe to use from several threads.

    Args:
        source: the compressed bytes.
        frames: all frames that hold content, in order, without gaps.
        bytes_read: how many compressed bytes were read before.
    """

    def __init__(self, source: ByteSource, frames: Sequence[Frame], *, bytes_read: int = 0) -> None:
        self.frames = frames
        self.bytes_read = bytes_read
        self._source = source
        self._starts = [frame.start for frame in frames]
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def read_at(self, offset: int, size: int) -> bytes:
        """Reads compressed bytes, and counts them."""
        data = self._source.read_at(offset, size)
        with self._lock:
            self.bytes_read += size
        return data

    def packed(self, index: int) -> bytes:
        """One frame's compressed bytes."""
        frame = self.frames[index]
        return self.read_at(frame.offset, frame.packed)

    def unpack(self, index: int) -> bytes:
        """One frame's content, past the cache.

        Raises:
            CorruptBundleError: RPK022 or RPK023; see `frames.decode`.
        """
        frame = self.frames[index]
        return decode(self.packed(index), frame.size, frame.checksum)

    def content(self, index: int) -> bytes:
        """One frame's content, from the cache where it is there."""
        with self._lock:
            if index in self._kept:
                self._kept.move_to_end(index)
                return self._kept[index]
        data = self.unpack(index)
        with self._lock:
            self._kept[index] = data
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return data

    def at(self, position: int) -> tuple[memoryview, int]:
        """The frame that holds an uncompressed position: its content, and the offset of the position in it."""
        index = bisect_right(self._starts, position) - 1
        return memoryview(self.content(index)), position - self._starts[index]

    def stream(self, start: int, stop: int) -> Iterator[memoryview]:
        """Yields the uncompressed bytes from `start` to `stop`, in pieces, decompressing ahead in threads."""
        if start >= stop:
            return
        first = bisect_right(self._starts, start) - 1
        last = bisect_right(self._starts, stop - 1) - 1
        position = start
        for data in self._contents(first, last):
            frame_start = self._starts[first]
            yield memoryview(data)[position - frame_start : stop - frame_start]
            first += 1
            position = frame_start + len(data)

    def _contents(self, first: int, last: int) -> Iterator[bytes]:
        if last - first < _KEPT:
            yield from map(self.content, range(first, last + 1))
            return
        from concurrent.futures import ThreadPoolExecutor  # costs 5 ms, which reading one member need not pay

        with ThreadPoolExecutor(2) as pool:
            yield from ahead(pool, self.unpack, range(first, last + 1))
