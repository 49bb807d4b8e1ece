"""Keeps a lineage graph in SQLite (one file) or PostgreSQL, and walks it there.

A graph is added whole or not at all, as often as one likes: what is there already stays as it is. Two programs may add
at once. SQLAlchemy and Alembic come with the extra `lineage`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import event as sa_event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from reprokit.errors import UnverifiedError, UsageError
from reprokit.lineage import impact_reading, migrating, reading, writing
from reprokit.lineage.addresses import shown, url_of
from reprokit.lineage.tables import ARTIFACT, EVENT, EXECUTION
from reprokit.schema.lineage import Execution

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import TracebackType

    from reprokit.lineage.graph import Direction
    from reprokit.lineage.impact import Impact
    from reprokit.schema.lineage import Artifact, Lineage

_WAIT_SECONDS = 10.0
_PAUSE_SECONDS = 0.01


class Store:
    """An open store; use it in a ``with`` statement.

    Args:
        place: path of a SQLite file, or a URL such as ``postgresql+psycopg://user@host/db``. The tables are made, or
            migrated to this version's, when it is opened.
        wait: how many seconds to wait for a store that another process has locked.

    Raises:
        UnverifiedError: RPK141, it cannot be opened, is locked, or went away.
        UsageError: RPK142, it was made by a newer version; RPK143, no such kind of database.
    """

    def __init__(self, place: str | Path, *, wait: float = _WAIT_SECONDS) -> None:
        self._url = url_of(place)
        try:
            self._engine = sa.create_engine(self._url, connect_args=_arguments(self._url, wait), **_opening(self._url))
        except (SQLAlchemyError, ImportError) as error:
            raise UsageError("RPK143", f"the lineage store {self.place}: {' '.join(str(error).split())}") from None
        if self._url.get_backend_name() == "sqlite":
            with contextlib.suppress(OSError):
                Path(str(self._url.database)).parent.mkdir(parents=True, exist_ok=True)
            _set_up_sqlite(self._engine, wait)
        try:
            self._bring_up_to_date()
        except BaseException:
            self.close()
            raise

    @property
    def place(self) -> str:
        """Its URL, without the password."""
        return shown(self._url)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives the connections back."""
        self._engine.dispose()

    @contextlib.contextmanager
    def _transaction(self, *, writes: bool = False) -> Iterator[sa.Connection]:
        try:
            with self._engine.connect().execution_options(reprokit_writes=writes) as connection, connection.begin():
                yield connection
        except (SQLAlchemyError, sqlite3.Error) as error:
            told = error.orig if isinstance(error, DBAPIError) else error
            raise UnverifiedError("RPK141", f"the lineage store {self.place}: {' '.join(str(told).split())}") from None
        except (KeyError, ValueError, TypeError) as error:  # somebody else wrote into the tables, or the disk did
            damage = f"the lineage store {self.place} holds what is no part of a graph"
            said = " ".join(str(error).split())[:300]
            raise UnverifiedError("RPK141", f"{damage}: {type(error).__name__} {said}") from None

    def _bring_up_to_date(self) -> None:
        """Asks first, since a reader need not wait for a writer."""
        with self._transaction() as connection:
            if migrating.is_current(connection, self.place):
                return
        with self._transaction(writes=True) as connection:
            migrating.migrate(connection, self.place)

    def add(self, lineage: Lineage) -> None:
        """Adds a graph, whole or not at all."""
        with self._transaction(writes=True) as connection:
            writing.add(connection, lineage)

    def find(self, text: str, limit: int = 20) -> list[Artifact | Execution]:
        """Nodes meant by ``text``: an identifier or its beginning (8 characters and more), a name, or a URI."""
        with self._transaction() as connection:
            return reading.find(connection, text, limit)

    def known(self, identifiers: Iterable[str]) -> list[Artifact | Execution]:
        """The nodes that have exactly these identifiers, in their order."""
        with self._transaction() as connection:
            return reading.known(connection, list(identifiers))

    def walk(self, starts: Iterable[str], direction: Direction, depth: int | None = None) -> Lineage:
        """What can be reached from some nodes, upwards (what made them) or downwards (what came of them).

        Args:
            starts: identifiers.
            direction: ``up`` or ``down``.
            depth: how many runs to go; None for all.
        """
        with self._transaction() as connection:
            return reading.walk(connection, list(starts), direction, depth)

    def with_links(self, executions: Iterable[str]) -> Lineage:
        """Some executions with all that each used and made, also what no walk that met them came from."""
        with self._transaction() as connection:
            return reading.with_links(connection, executions)

    def everything(self) -> Lineage:
        """The whole graph; it must fit into memory."""
        with self._transaction() as connection:
            return reading.everything(connection)

    def counts(self) -> dict[str, int]:
        """How many rows each table has."""
        with self._transaction() as connection:
            return reading.counts(connection)

    def types(self) -> dict[str, int]:
        """How many artifacts and executions there are of each type."""
        with self._transaction() as connection:
            return reading.types(connection)

    def impact(self, newest: str, older: Sequence[str] = ()) -> Impact:
        """Judges every model by an opt-out list: `reprokit.lineage.impact` says how."""
        with self._transaction() as connection:
            return impact_reading.impact_of(connection, newest, older)

    def around(self, identifier: str) -> Lineage:
        """A node with those next to it, and its contexts."""
        with self._transaction() as connection:
            return reading.around(connection, identifier)

    def of_type(self, kind: str) -> list[Artifact | Execution]:
        """All artifacts and executions of a type."""
        with self._transaction() as connection:
            found = [reading.nodes(connection, table, table.c.type == kind) for table in (ARTIFACT, EXECUTION)]
            return [node for several in found for node in several]

    def unlinked(self, kind: str) -> list[Execution]:
        """Executions of a type that used nothing: no walk from what they used can meet them."""
        with self._transaction() as connection:
            used = sa.select(EVENT.c.key).where(EVENT.c.execution == EXECUTION.c.key, EVENT.c.is_input.is_(True))
            found = reading.nodes(connection, EXECUTION, (EXECUTION.c.type == kind) & ~sa.exists(used))
            return [node for node in found if isinstance(node, Execution)]


def _opening(url: sa.URL) -> dict[str, Any]:
    """How to open a file that lies where nothing can be written: on a medium that is read only, or in another's folder.

    SQLite wants to make files beside it, to know of writers. Where there are none, there is no writer either.
    """
    if url.get_backend_name() != "sqlite":
        logging.getLogger("psycopg").addHandler(logging.NullHandler())  # what it logs is in the error as well
        return {}
    path = Path(str(url.database))
    if os.access(path.parent, os.W_OK) or not path.is_file() or path.with_name(f"{path.name}-wal").exists():
        return {}
    place = f"file:{quote(os.fsencode(path))}?immutable=1"
    return {"creator": lambda: sqlite3.connect(place, uri=True, check_same_thread=False)}


def _arguments(url: sa.URL, wait: float) -> dict[str, Any]:
    if url.get_backend_name() == "postgresql":
        return {"connect_timeout": max(1, int(wait)), "options": f"-c lock_timeout={int(wait * 1000)}"}
    return {"timeout": wait}


def _set_up_sqlite(engine: sa.Engine, wait: float) -> None:
    """Readers and one writer at a time do not block each other; a writer says so when it begins."""

    @sa_event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver begins no transactions of its own
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={int(wait * 1000)}")
        cursor.execute("PRAGMA foreign_keys=ON")
        _log_ahead(cursor, wait)
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.close()

    @sa_event.listens_for(engine, "begin")
    def began(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("reprokit_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _log_ahead(cursor: sqlite3.Cursor, wait: float) -> None:
    """Asks for the write-ahead log until it is there.

    SQLite does not wait here, whatever ``busy_timeout`` says: of two that turn a new file to it at once, one is told
    that the file is locked (https://www.sqlite.org/rescode.html#busy).
    """
    deadline = time.monotonic() + wait
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return
