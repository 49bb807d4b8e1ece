"""The cache of digests, while another process has it, and while files are read for long."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from types import SimpleNamespace
from typing import TYPE_CHECKING

from reprokit.datasets import cache
from reprokit.datasets.cache import DigestCache, State

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_cache_that_another_process_is_just_making_is_used(tmp_path: Path) -> None:
    """Of two that turn a new file to the write-ahead log at once, one is told that it is locked."""
    path, state = tmp_path / "digests.sqlite", State(1, 2, 3, 4, 5)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.executescript(cache._SCHEMA)
        other.execute("INSERT INTO digest VALUES (1, 2, 3, 4, 5, 'sha256:1')")
        other.execute("BEGIN")
        other.execute("SELECT * FROM digest").fetchall()  # so that nobody can turn it
        with DigestCache(path) as opened:
            assert (opened.trouble, opened.known([state])) == ("", {state: "sha256:1"})


def test_a_file_that_was_touched_shortly_before_it_was_read_is_not_remembered_however_long_that_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have been written to again at once, within the same tick of the clock that files have."""
    clock = SimpleNamespace(now=10**18)
    monkeypatch.setattr(cache, "time", SimpleNamespace(time_ns=lambda: clock.now))
    state = State(1, 2, 3, 4, clock.now - cache.SETTLED_NS)
    for kept in (False, True):  # the second time is the control: nobody has touched it for an hour
        with DigestCache(tmp_path / "digests.sqlite") as opened:
            clock.now += 3600 * 10**9  # until all was read
            opened.remember([(state, "sha256:1")])
            opened.remember_chunks(state, {0: b"1"})
            assert (opened.known([state]), opened.known_chunks(state)) == (
                ({state: "sha256:1"}, {0: b"1"}) if kept else ({}, {})
            )
