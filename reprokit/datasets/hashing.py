"""Digests of many files: in parallel, from the cache where nothing changed, and in the order in which they come.

`hashlib` frees the interpreter while it works, so threads do. A file is looked at before and after it is read; when
the two differ, it changed while it was hashed, and the digest is not believed.
"""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from reprokit.datasets.cache import DigestCache, State, state_of
from reprokit.datasets.chunks import chunked_digest
from reprokit.datasets.entries import Entry
from reprokit.datasets.readers import Readers
from reprokit.datasets.reading import NotRead, difference, state_tuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reprokit.datasets.walking import Found, Trouble

CHUNKED_ABOVE = 64 << 30
"""Files above this size, in bytes, are digested by chunks: see `chunks`."""
_BATCH = 1024
_GROUP_FILES, _GROUP_BYTES = 256, 4 << 20
_KEPT_BYTES = 1 << 30
"""Bytes that are read anew at most when the work is interrupted, but for the batch that is under way."""


@dataclass(frozen=True)
class Reading:
    """How files are read.

    Attributes:
        threads: how many read at once; as many as processors by default.
        paranoid: read all again, and name files whose content is another one although they look the same.
        chunked_above: size in bytes above which a file is digested by chunks.
    """

    threads: int = 0
    paranoid: bool = False
    chunked_above: int = CHUNKED_ABOVE

    @property
    def workers(self) -> int:
        """The number of threads."""
        return self.threads or len(os.sched_getaffinity(0))


def digests(
    root: str, files: Iterable[Found], cache: DigestCache, trouble: Trouble, reading: Reading | None = None
) -> Iterator[Entry]:
    """Yields the entries of files, in their order; files that could not be digested are noted and left out.

    Memory is bounded: a few batches of files are under way at any time.
    """
    reading = reading or Reading()
    pool = ThreadPoolExecutor(reading.workers, thread_name_prefix="reprokit-hash")
    readers = Readers()
    try:
        yield from _pipeline(root, iter(files), cache, trouble, reading, _Crew(pool, readers))
    finally:
        pool.shutdown(cancel_futures=True)
        readers.close()


class _Crew(NamedTuple):
    """Who reads: threads, and processes for small files."""

    pool: ThreadPoolExecutor
    readers: Readers


class _Batch(NamedTuple):
    """Files that follow one another: their states, what is known of each, and the groups that are being read.

    A group is kept under the place of its first file in the batch, with the places of all of them.
    """

    files: list[Found]
    states: list[State]
    known: list[str | None]
    groups: dict[int, tuple[list[int], Future[list[str | NotRead]]]]


def _pipeline(
    root: str, files: Iterator[Found], cache: DigestCache, trouble: Trouble, reading: Reading, crew: _Crew
) -> Iterator[Entry]:
    waiting: deque[_Batch] = deque()
    while True:
        while len(waiting) < 2 * reading.workers and (batch := list(islice(files, _BATCH))):
            waiting.append(_submitted(root, batch, cache, reading, crew))
            if not waiting[-1].groups:
                break  # nothing to wait for, as in the second look at an unchanged tree
        if not waiting:
            return
        yield from _settled(root, waiting.popleft(), cache, trouble, reading, crew)


def _settled(
    root: str, batch: _Batch, cache: DigestCache, trouble: Trouble, reading: Reading, crew: _Crew
) -> Iterator[Entry]:
    """The entries of a batch, as its files are read; what was read is kept, now and then if it was much."""
    fresh: list[tuple[str, State, str]] = []
    reads: dict[int, str | NotRead] = {}
    groups, size = batch.groups, 0
    for at, ((path, _, link), state, known) in enumerate(zip(batch.files, batch.states, batch.known, strict=True)):
        if known is not None:
            yield Entry(path, known, state[2], link)
            continue
        if at in groups:
            places, future = groups[at]
            reads = dict(zip(places, future.result(), strict=True))
        read = reads.get(at) or _by_chunks(os.path.join(root, path), State._make(state), cache, reading, crew)
        if not isinstance(read, str):
            _note(path, read, trouble)
            continue
        fresh.append((path, state, read))
        yield Entry(path, read, state[2], link)
        size += state[2]
        if size > _KEPT_BYTES:
            _keep(fresh, cache, trouble, reading)
            fresh, size = [], 0
    _keep(fresh, cache, trouble, reading)


def _keep(fresh: list[tuple[str, State, str]], cache: DigestCache, trouble: Trouble, reading: Reading) -> None:
    if reading.paranoid:
        before = cache.known([state for _, state, _ in fresh])
        for path, state, digest in fresh:
            if before.get(state, digest) != digest:
                trouble.silent.append((path, f"had {before[state]} when it was last read, and the same size and times"))
    cache.remember([(state, digest) for _, state, digest in fresh])


def _submitted(root: str, batch: list[Found], cache: DigestCache, reading: Reading, crew: _Crew) -> _Batch:
    states: list[State] = [state_tuple(found.state) for found in batch]  # type: ignore[misc] # plain: there are many
    of_states = {} if reading.paranoid else cache.known(states)
    known: list[str | None] = [of_states.get(state) for state in states] if of_states else [None] * len(states)
    groups: dict[int, tuple[list[int], Future[list[str | NotRead]]]] = {}
    places: list[int] = []
    size = 0

    def submit() -> None:
        if places:
            some = [(f"{root}/{batch[at].path}", states[at]) for at in places]
            groups[places[0]] = (places, crew.pool.submit(crew.readers.read, some))

    for at, state in enumerate(states):
        if known[at] is not None or state[2] > reading.chunked_above:
            continue
        if places and (len(places) >= _GROUP_FILES or size + state[2] > _GROUP_BYTES):
            submit()
            places, size = [], 0
        places.append(at)
        size += state[2]
    submit()
    return _Batch(batch, states, known, groups)


def _by_chunks(path: str, state: State, cache: DigestCache, reading: Reading, crew: _Crew) -> str | NotRead:
    try:
        known = {} if reading.paranoid else cache.known_chunks(state)
        digest = chunked_digest(
            path, state.size, crew.pool, known, lambda chunks: cache.remember_chunks(state, chunks), reading.workers
        )
        after = os.stat(path)
    except OSError as error:
        return NotRead(unreadable=error.strerror or str(error))
    if state_of(after) != state:
        return NotRead(changed=difference(state, after))
    cache.forget_chunks(state)
    return digest


def _note(path: str, read: NotRead, trouble: Trouble) -> None:
    if read.unreadable:
        trouble.unreadable.append((path, read.unreadable))
    else:
        trouble.changed.append((path, read.changed))
