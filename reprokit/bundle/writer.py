"""Packing: one pass over the content that hashes, compresses and writes, with a handful of frames in flight.

Members come first and `manifest.json` last, because it holds their digests; being last it is also the commit record,
which a file that was cut short does not have.
"""

from __future__ import annotations

import hashlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Self

from reprokit.bundle import tarlayout
from reprokit.bundle.content import Content, NewFile
from reprokit.bundle.frames import FRAME_BYTES, SHARED_BYTES, encode
from reprokit.bundle.limits import Limits
from reprokit.bundle.members import Member, parse_members
from reprokit.bundle.names import MANIFEST, check_name, colliding_name, name_bytes
from reprokit.bundle.seektable import Row, build_seal, build_table
from reprokit.bundle.threads import processors
from reprokit.digest import sha256_bytes
from reprokit.errors import CorruptBundleError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from hashlib import _Hash as Hash
    from pathlib import Path
    from types import TracebackType

    from reprokit.bundle.content import Write
    from reprokit.bundle.frames import Encoded

_MAX_MANIFEST_BYTES = 1 << 30


@dataclass(frozen=True)
class Item:
    """One file to pack.

    Attributes:
        path: the member's name; see `check_name`.
        source: a file, or the content itself. A link is followed.
        executable: whether its mode becomes 0755 instead of 0644.
    """

    path: str
    source: Path | bytes
    executable: bool = False


def pack(
    target: Path,
    items: Iterable[Item],
    finish: Callable[[Sequence[Member]], bytes],
    *,
    threads: int | None = None,
) -> None:
    """Writes a bundle. Same content, same bytes, whatever the order of `items` and the number of threads.

    The bundle appears under its name complete and on disk, or not at all. An existing `target` is replaced.

    Args:
        target: the bundle's path; its directory must exist.
        items: the members, in any order.
        finish: is given the members in archive order and returns the canonical JSON of the manifest, whose
            ``members`` must be these (`Member.to_json`).
        threads: for compressing; as many as there are processors to run on where it is None. Memory grows with it, by
            about 8 MiB each, and not with the size of the members.

    Raises:
        ValueError: a name is unsafe, reserved or given twice, or the manifest does not list the members.
        UsageError: RPK003, a source cannot be read; RPK005, the bundle cannot be written, or a source changed while
            it was read.
    """
    ordered = _ordered(items)
    with NewFile(target) as file:
        with _Packer(file.write, threads or processors()) as packer:
            for item in ordered:
                packer.add(item)
            members = packer.members()
            manifest = finish(members)
            _check_manifest(manifest, members)
            packer.close(manifest)
        file.commit()


def _ordered(items: Iterable[Item]) -> list[Item]:
    ordered = list(items)
    for item in ordered:
        check_name(item.path)
    names = [item.path for item in ordered]
    twice = colliding_name(names)
    if twice is not None:
        raise ValueError(f"member name {twice!a} is given twice, is reserved, or is a file and a directory at once")
    return sorted(ordered, key=lambda item: name_bytes(item.path))


def _check_manifest(manifest: bytes, members: Sequence[Member]) -> None:
    if len(manifest) > _MAX_MANIFEST_BYTES:
        raise ValueError(f"a manifest of {len(manifest)} bytes is more than a bundle can hold")
    limits = Limits(max_total_bytes=1 << 63, max_members=len(members))
    try:
        listed = parse_members(manifest, limits)
    except CorruptBundleError as error:
        raise ValueError(f"the manifest would not be readable: {error.message}") from error
    if listed != tuple(members):
        raise ValueError("the manifest does not list the members of the bundle")


class _Flight(NamedTuple):
    """A frame on its way through the threads, and the members that end in it."""

    encoded: Future[Encoded]
    hashed: Future[list[Member]]
    buffer: bytearray | None


class _Part(NamedTuple):
    """A small member inside a shared frame: its content stands at ``buffer[start:end]``."""

    item: Item
    start: int
    end: int


class _Packer:
    def __init__(self, write: Write, threads: int) -> None:
        self._write = write
        self._window = threads + 2
        self._stack = ExitStack()
        self._compressing = self._stack.enter_context(ThreadPoolExecutor(threads))
        # One thread, because chunks of one member must be hashed in order. sha256 outruns the compressors, or nearly.
        self._hashing = self._stack.enter_context(ThreadPoolExecutor(1))
        self._flying: deque[_Flight] = deque()
        self._spare: list[bytearray] = []
        self._shared = bytearray()
        self._parts: list[_Part] = []
        self._rows: list[Row] = []
        self._digests: list[bytes] = []
        self._members: list[Member] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def add(self, item: Item) -> None:
        with Content(item.source) as content:
            header = tarlayout.header(item.path, content.size, executable=item.executable)
            if len(header) + tarlayout.padded(content.size) > SHARED_BYTES:
                self._flush_shared()
                self._add_large(item, header, content)
            else:
                self._add_small(item, header, content)

    def members(self) -> list[Member]:
        """Waits for everything that was added."""
        self._flush_shared()
        self._land(0)
        return self._members

    def close(self, manifest: bytes) -> None:
        header = tarlayout.header(MANIFEST, len(manifest), executable=False)
        body = manifest.ljust(tarlayout.padded(len(manifest)), b"\0")
        self._put(encode(header + body + tarlayout.END_OF_ARCHIVE))
        self._write(build_seal(self._digests))
        self._write(build_table(self._rows))

    def _add_small(self, item: Item, header: bytes, content: Content) -> None:
        size = len(header) + tarlayout.padded(content.size)
        if len(self._shared) + size > SHARED_BYTES:
            self._flush_shared()
        start = len(self._shared) + len(header)
        self._shared += header
        self._shared += bytes(size - len(header))
        with memoryview(self._shared) as view:
            content.fill(view[start : start + content.size])
        content.check_end()
        self._parts.append(_Part(item, start, start + content.size))

    def _flush_shared(self) -> None:
        if not self._parts:
            return
        buffer, parts = self._shared, self._parts
        self._shared, self._parts = bytearray(), []
        self._launch(
            _Flight(
                self._compressing.submit(encode, buffer), self._compressing.submit(_hash_parts, buffer, parts), None
            )
        )

    def _add_large(self, item: Item, header: bytes, content: Content) -> None:
        total = len(header) + tarlayout.padded(content.size)
        state = hashlib.sha256()
        for position in range(0, total, FRAME_BYTES):
            buffer = self._spare.pop() if self._spare else bytearray(FRAME_BYTES)
            view = memoryview(buffer)[: min(FRAME_BYTES, total - position)]
            # Headers are shorter than a frame, and padding is shorter than the shortest last frame.
            first = 0 if position else len(header)
            last = min(len(header) + content.size - position, len(view))
            view[:first] = header[:first]
            content.fill(view[first:last])
            view[last:] = bytes(len(view) - last)
            ends = position + len(view) == total
            if ends:
                content.check_end()
            chunk = _Chunk(item, content.size, state, view[first:last], ends)
            self._launch(
                _Flight(self._compressing.submit(encode, view), self._hashing.submit(_hash_chunk, chunk), buffer)
            )

    def _launch(self, flight: _Flight) -> None:
        self._flying.append(flight)
        self._land(self._window)

    def _land(self, allowed: int) -> None:
        while len(self._flying) > allowed:
            flight = self._flying.popleft()
            self._put(flight.encoded.result())
            self._members += flight.hashed.result()
            if flight.buffer is not None:
                self._spare.append(flight.buffer)

    def _put(self, frame: Encoded) -> None:
        self._write(frame.data)
        self._rows.append(Row(len(frame.data), frame.size, frame.checksum))
        self._digests.append(frame.digest)


class _Chunk(NamedTuple):
    """A part of a large member's content, to be hashed after the part before it."""

    item: Item
    size: int
    state: Hash
    content: memoryview
    ends: bool


def _hash_chunk(chunk: _Chunk) -> list[Member]:
    chunk.state.update(chunk.content)
    if not chunk.ends:
        return []
    return [Member(chunk.item.path, "sha256:" + chunk.state.hexdigest(), chunk.size, chunk.item.executable)]


def _hash_parts(buffer: bytearray, parts: Sequence[_Part]) -> list[Member]:
    view = memoryview(buffer)
    return [
        Member(item.path, sha256_bytes(view[start:end]), end - start, item.executable) for item, start, end in parts
    ]
