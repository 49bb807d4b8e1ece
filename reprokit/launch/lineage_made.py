"""Which files an earlier recorded run made: by the parts of the graph that wait, and by the store.

A recording asks this to keep quiet about files whose origin is known. It waits for nobody, and for a database a second
at most: a store that is busy, away or of another version says nothing, and then a warning too many is printed.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reprokit.errors import ReprokitError
from reprokit.launch.lineage_places import pending_directory, store_place
from reprokit.lineage.spool import waiting

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reprokit.schema.config import Config

_PARTS, _LARGEST = 200, 4 << 20
_MADE = """
SELECT a.id FROM lineage_artifact a WHERE a.id IN (SELECT value FROM json_each(?))
AND EXISTS (SELECT 1 FROM lineage_event e WHERE e.artifact = a.key AND NOT e.is_input)
"""
_MADE_THERE = _MADE.replace("IN (SELECT value FROM json_each(?))", "= ANY(%s)")
_WAIT_SECONDS = 1.0
_POSTGRESQL = ("postgresql://", "postgres://", "postgresql+psycopg://")


def made_earlier(digests: Iterable[str], config: Config, start: Path) -> set[str]:
    """Those of some files' digests that a recorded run is known to have made.

    Args:
        digests: ``sha256:HEX`` of the files.
        config: the project's settings, which say where the store is.
        start: a directory of the project.
    """
    wanted = set(digests)
    if not wanted:
        return set()
    found: set[str] = set()
    with suppress(OSError, RuntimeError, ReprokitError):
        place = store_place(config, start)
        for path in reversed(waiting(pending_directory(place))[-_PARTS:]):
            with suppress(OSError, ValueError, RecursionError):
                found |= wanted & _outputs(path)
        if found != wanted and "://" not in place and Path(place).is_file():
            found |= _in_store(place, wanted - found)
        elif found != wanted and place.startswith(_POSTGRESQL):
            found |= _in_database(f"postgresql://{place.partition('://')[2]}", wanted - found)
    return found


def _outputs(path: Path) -> set[str]:
    if path.stat().st_size > _LARGEST:
        return set()
    plain: Any = json.loads(path.read_bytes())
    events = plain.get("events", ()) if isinstance(plain, dict) else ()
    return {
        event["artifact"]
        for event in events
        if isinstance(event, dict) and event.get("type") == "OUTPUT" and isinstance(event.get("artifact"), str)
    }


def _in_store(place: str, wanted: set[str]) -> set[str]:
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"{Path(place).as_uri()}?mode=ro", 0.1, uri=True)) as store:
        return {row[0] for row in store.execute(_MADE, (json.dumps(sorted(wanted)),))}
    return set()


def _in_database(url: str, wanted: set[str]) -> set[str]:
    """What a server knows of it, if it says so soon: one that is away may take minutes to be known as such."""
    found: list[str] = []
    asking = threading.Thread(target=_ask, args=(url, sorted(wanted), found), daemon=True)
    asking.start()
    asking.join(_WAIT_SECONDS)
    return set(found)


def _ask(url: str, wanted: list[str], found: list[str]) -> None:
    logging.getLogger("psycopg").addHandler(logging.NullHandler())  # a server that is away is nobody's concern here
    with suppress(Exception):  # nor is a driver that is missing, or a database without the tables
        import psycopg

        limits = f"-c statement_timeout={int(_WAIT_SECONDS * 1000)} -c default_transaction_read_only=on"
        with psycopg.connect(url, connect_timeout=max(2, int(_WAIT_SECONDS)), options=limits) as connection:
            found.extend(row[0] for row in connection.execute(_MADE_THERE, [wanted]))
