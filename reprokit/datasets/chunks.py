"""The digest of a very large file as a tree of chunks, so that it can be computed in parallel, and taken up again.

A plain sha256 goes through a file from its first byte to its last: it cannot be shared between threads, `hashlib` has
no way to save it half done, and it must be fed every zero of a hole. The digest here is another one, and its name says
so:

    sha256-chunks-64mib = sha256(b"reprokit chunks 64mib" + size as 8 bytes, little-endian + sha256 of each chunk)

where a chunk is 64 MiB of the file, the last one shorter. The digest of a chunk of zeros is known beforehand, and
SEEK_DATA (lseek(2)) says which chunks are holes, so that a sparse file costs what its data cost. A hole and written
zeros have the same digest, since they have the same content.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor, Future

CHUNK = 64 << 20
NAME = "sha256-chunks-64mib"
_PIECE = 1 << 20
_SAVED_AT_ONCE = 16


def chunked_digest(
    path: str,
    size: int,
    pool: Executor,
    known: dict[int, bytes],
    save: Callable[[dict[int, bytes]], None],
    workers: int = 2,
) -> str:
    """Digests a file by chunks.

    Args:
        path: of the file.
        size: in bytes.
        pool: runs the threads that read.
        known: digests of chunks that an earlier attempt computed, by number.
        save: keeps digests of chunks while the work goes on.
        workers: how many chunks are read at once.

    Raises:
        OSError: it cannot be read, or is shorter than ``size``.
    """
    whole = hashlib.sha256(b"reprokit chunks 64mib" + size.to_bytes(8, "little"))
    fresh: dict[int, bytes] = {}
    waiting: deque[tuple[int, bytes | Future[bytes]]] = deque()

    def settle() -> None:
        number, found = waiting.popleft()
        if not isinstance(found, bytes):
            found = found.result()
            fresh[number] = found
        whole.update(found)
        if len(fresh) >= _SAVED_AT_ONCE:
            save(dict(fresh))
            fresh.clear()

    try:
        for number, length, empty in _chunks(path, size):
            if number in known:
                waiting.append((number, known[number]))
            elif empty:
                waiting.append((number, _zeros(length)))
            else:
                waiting.append((number, pool.submit(_chunk, path, number, length)))
            while len(waiting) > 2 * workers:
                settle()
        while waiting:
            settle()
    finally:
        save(dict(fresh))
    return f"{NAME}:{whole.hexdigest()}"


def _chunks(path: str, size: int) -> Iterator[tuple[int, int, bool]]:
    """Number, length and whether there is a hole only, of each chunk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = 0
        for number in range((size + CHUNK - 1) // CHUNK):
            start = number * CHUNK
            length = min(CHUNK, size - start)
            if data < start + length:
                data = max(data, _next_data(descriptor, start, size))
            yield number, length, data >= start + length
    finally:
        os.close(descriptor)


def _next_data(descriptor: int, start: int, size: int) -> int:
    try:
        return os.lseek(descriptor, start, os.SEEK_DATA)
    except OSError as error:
        # ENXIO: there are no data from here on. Anything else: the file system knows no holes.
        return size if error.errno == errno.ENXIO else start


_ZEROS: dict[int, bytes] = {}


def _zeros(length: int) -> bytes:
    if length not in _ZEROS:
        state, piece = hashlib.sha256(), bytes(_PIECE)
        for at in range(0, length, _PIECE):
            state.update(piece[: min(_PIECE, length - at)])
        _ZEROS[length] = state.digest()
    return _ZEROS[length]


def _chunk(path: str, number: int, length: int) -> bytes:
    state, buffer = hashlib.sha256(), memoryview(bytearray(_PIECE))
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        at, end = number * CHUNK, number * CHUNK + length
        while at < end:
            count = os.preadv(descriptor, [buffer[: min(_PIECE, end - at)]], at)
            if not count:
                raise OSError(errno.EIO, "the file ends too early", path)
            state.update(buffer[:count])
            at += count
    finally:
        os.close(descriptor)
    return state.digest()
