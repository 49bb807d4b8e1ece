"""A query to a database, through SQLAlchemy: the rows of its answer, read as they come."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

from reprokit.datasets.shapes import Shape
from reprokit.datasets.sources import BATCH_ROWS, needed
from reprokit.errors import UnverifiedError, UsageError
from reprokit.schema.dataset import Column

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class QueryTable:
    """The answer to a query. It is read in a transaction that may not write, and that is rolled back.

    Args:
        query: one statement that returns rows.
        url: as SQLAlchemy takes it; a path of a SQLite file will do.
    """

    format = "sql"
    texts = False
    tokens: int | None = None

    def __init__(self, query: str, url: str) -> None:
        self._sa = needed("sqlalchemy", "a database")
        self.query = query
        try:
            self._url = self._sa.make_url(url if "://" in url else f"sqlite:///{url}")
        except (self._sa.exc.ArgumentError, ValueError) as error:  # a port that is no number
            raise UsageError("RPK164", f"no URL of a database: {error}") from None
        self._shapes: dict[str, Shape] = {}

    @property
    def database(self) -> str:
        """The URL without password and without options, which may hold one."""
        return str(self._url.set(query={}).render_as_string(hide_password=True))

    def named_from(self, home: Path) -> str:
        """The same, for a manifest in ``home``: a SQLite file by its path from there, which a copy of both has too."""
        file = self._url.database
        if self._url.get_backend_name() != "sqlite" or not file or file == ":memory:":
            return self.database
        relative = os.path.relpath(file, home)
        return str(self._url.set(query={}, database=relative).render_as_string(hide_password=True))

    def batches(self) -> Iterator[dict[str, list[Any]]]:
        """The rows.

        Raises:
            UnverifiedError: RPK160, the database or the query fails.
        """
        sa = self._sa
        try:
            engine = sa.create_engine(_existing(sa, self._url), poolclass=sa.pool.NullPool)
        except (sa.exc.SQLAlchemyError, ImportError) as error:
            raise UnverifiedError("RPK160", f"{self.database}: {error}") from None
        try:
            with engine.connect() as connection:
                self._forbid_writing(connection)  # before rows are streamed: a cursor is declared for a query only
                literally = self.query.replace(":", "\\:")  # '12:30' holds no parameter
                streamed = sa.text(literally).execution_options(stream_results=True, yield_per=BATCH_ROWS)
                result = connection.execute(streamed)
                yield from self._rows(result)
                connection.rollback()
        except sa.exc.SQLAlchemyError as error:
            shown = str(getattr(error, "orig", None) or error).splitlines()[0]
            raise UnverifiedError("RPK160", f"{self.database}: {shown}") from None
        finally:
            engine.dispose()

    def _rows(self, result: Any) -> Iterator[dict[str, list[Any]]]:
        if not result.returns_rows:
            raise UsageError("RPK164", "the query returns no rows")
        names = list(result.keys())
        if len(set(names)) != len(names):
            raise UsageError("RPK164", "two columns of the query have the same name; name them with AS")
        self._shapes = {name: Shape() for name in names}
        for part in result.partitions(BATCH_ROWS):
            columns = {name: list(values) for name, values in zip(names, zip(*part, strict=True), strict=True)}
            for name, values in columns.items():
                self._shapes[name].see(values)
            yield columns

    def _forbid_writing(self, connection: Any) -> None:
        statement = {
            "sqlite": "PRAGMA query_only = ON",
            "postgresql": "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }.get(self._url.get_backend_name())
        if statement is not None:
            connection.exec_driver_sql(statement)

    def snapshot(self) -> str:
        """What the database calls its state, where it says so: PostgreSQL's snapshot, SQLite's schema version."""
        sa = self._sa
        statement = {"postgresql": "SELECT pg_current_snapshot()::text", "sqlite": "PRAGMA schema_version"}.get(
            self._url.get_backend_name()
        )
        if statement is None:
            return ""
        with contextlib.suppress(sa.exc.SQLAlchemyError):
            engine = sa.create_engine(_existing(sa, self._url), poolclass=sa.pool.NullPool)
            with engine.connect() as connection:
                return str(connection.exec_driver_sql(statement).scalar())
        return ""

    def columns(self) -> list[Column]:
        """Their names in the query's order, and the types of the values."""
        return [Column(name=name, type=shape.type(), nullable=shape.nullable) for name, shape in self._shapes.items()]


def _existing(_sa: Any, url: Any) -> Any:
    """SQLite makes a file that does not exist; here that is an error."""
    if url.get_backend_name() == "sqlite" and url.database and not os.path.isfile(url.database):
        raise UsageError("RPK003", f"{url.database} does not exist")
    return url
