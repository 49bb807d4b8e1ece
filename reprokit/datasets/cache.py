"""Digests that were computed before, by what a file's state says: device, inode, size, times.

A digest is kept only of a file that had not been touched for a while when the cache was opened, before any was read:
within the resolution of its times, a file can be written twice and look the same. The time of the last change of the
inode counts too, since a program can set the time of modification back and cannot set that one. A cache that is locked
or damaged is not used; nothing depends on it.
"""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, Self

from reprokit.datasets.reading import state_tuple

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

SETTLED_NS = 2_000_000_000
"""A file that was touched less before the opening is not remembered; FAT and some network file systems count in 2 s."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS digest (
  device INTEGER, inode INTEGER, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER, digest TEXT,
  PRIMARY KEY (device, inode)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS chunk (
  device INTEGER, inode INTEGER, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER, number INTEGER, digest BLOB,
  PRIMARY KEY (device, inode, number)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS answer (question TEXT PRIMARY KEY, answer TEXT) WITHOUT ROWID;
"""


class State(NamedTuple):
    """What must be the same for a digest to hold."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


def state_of(found: os.stat_result) -> State:
    """Of what `stat` said."""
    return State._make(state_tuple(found))


class DigestCache:
    """A small SQLite file; use it in a ``with`` statement, in one thread.

    Args:
        path: of the file; its directory is made.
        settled_ns: see `SETTLED_NS`.
    """

    def __init__(self, path: Path | None, settled_ns: int = SETTLED_NS) -> None:
        self._latest = time.time_ns() - settled_ns  # not by the clock of later, as reading may take long
        self._connection: sqlite3.Connection | None = None
        self.trouble = ""
        if path is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=2, isolation_level=None)
            with suppress(sqlite3.OperationalError):  # of two that make it at once, one is told that it is locked,
                self._connection.execute("PRAGMA journal_mode=WAL")  # and finds it done by the other
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.executescript(_SCHEMA)
        except (sqlite3.Error, OSError) as error:
            self._give_up(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _give_up(self, error: Exception) -> None:
        self.trouble = str(error)
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
        self._connection = None

    def known(self, states: Sequence[State]) -> dict[State, str]:
        """The digests of those files that look as they did."""
        if self._connection is None or not states:
            return {}
        found: dict[tuple[int, ...], str] = {}  # a state is equal to the plain tuple of its numbers
        query = "SELECT * FROM digest WHERE device = ? AND inode IN (SELECT value FROM json_each(?))"
        try:
            for device in {state[0] for state in states}:
                inodes = json.dumps([state[1] for state in states if state[0] == device])
                for row in self._connection.execute(query, (device, inodes)):
                    found[row[:5]] = row[5]
        except sqlite3.Error as error:
            self._give_up(error)
        return {state: found[state] for state in states if state in found}

    def remember(self, digests: Sequence[tuple[State, str]]) -> None:
        """Keeps digests, but for files that were touched a moment ago."""
        if self._connection is None:
            return
        rows = [(*state, digest) for state, digest in digests if max(state[3], state[4]) < self._latest]
        self._write("INSERT OR REPLACE INTO digest VALUES (?, ?, ?, ?, ?, ?)", rows)

    def known_chunks(self, state: State) -> dict[int, bytes]:
        """Digests of a large file's chunks, by number, from an earlier attempt."""
        if self._connection is None:
            return {}
        query = (
            "SELECT number, digest FROM chunk "
            "WHERE device = ? AND inode = ? AND size = ? AND mtime_ns = ? AND ctime_ns = ?"
        )
        try:
            return dict(self._connection.execute(query, state).fetchall())
        except sqlite3.Error as error:
            self._give_up(error)
            return {}

    def remember_chunks(self, state: State, chunks: dict[int, bytes]) -> None:
        """Keeps chunks of a file that is not done yet, with the same reserve as `remember`."""
        if max(state.mtime_ns, state.ctime_ns) >= self._latest:
            return
        rows = [(*state, number, digest) for number, digest in chunks.items()]
        self._write("INSERT OR REPLACE INTO chunk VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def forget_chunks(self, state: State) -> None:
        """The file is done."""
        self._write("DELETE FROM chunk WHERE device = ? AND inode = ?", [(state.device, state.inode)])

    def answer(self, question: str) -> str | None:
        """What was computed from the content of files, by a digest of that content and of what was asked."""
        if self._connection is None:
            return None
        try:
            found = self._connection.execute("SELECT answer FROM answer WHERE question = ?", (question,)).fetchone()
        except sqlite3.Error as error:
            self._give_up(error)
            return None
        return str(found[0]) if found is not None else None

    def remember_answer(self, question: str, answer: str) -> None:
        """Keeps it; the content is digested, so it holds forever."""
        self._write("INSERT OR REPLACE INTO answer VALUES (?, ?)", [(question, answer)])

    def _write(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        if self._connection is None or not rows:
            return
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(statement, rows)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._give_up(error)
