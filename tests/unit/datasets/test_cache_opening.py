"""The cache of digests, while another process has it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from reprokit.datasets import cache
from reprokit.datasets.cache import DigestCache, State

if TYPE_CHECKING:
    from pathlib import Path


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
