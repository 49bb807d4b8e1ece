"""The tables of a lineage store. Rows refer to each other by small numbers; identifiers stand once.

Names begin with ``lineage_``: a team's database may hold other tables, MLMD's ``Artifact`` and ``Event`` among them.

Changes go through `migrations`; this is what the newest of them leads to, and a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, MetaData, String, Table, Text

PREFIX = "lineage_"
METADATA = MetaData()
_KEY = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only where the type is INTEGER


# Looked up by their beginning, as a range: that needs the order of code points, whatever the database's language.
_IDENTIFIER = String().with_variant(String(collation="C"), "postgresql")


def _nodes(name: str, *columns: Column[object]) -> Table:
    return Table(
        PREFIX + name, METADATA,
        Column("key", _KEY, primary_key=True, autoincrement=True),
        Column("id", _IDENTIFIER, nullable=False, unique=True),
        Column("type", String, nullable=False),
        Column("name", String, nullable=False),
        Column("properties", Text, nullable=False),  # JSON
        *columns,
    )  # fmt: skip


ARTIFACT = _nodes(
    "artifact",
    Column("uri", String, nullable=False),
    Column("state", String, nullable=False),
    Column("created", BigInteger, nullable=False),  # milliseconds since the epoch
)
EXECUTION = _nodes(
    "execution",
    Column("state", String, nullable=False),
    Column("started", BigInteger, nullable=False),
    Column("ended", BigInteger, nullable=False),
)
CONTEXT = _nodes("context")
# A name may be longer than an ordered index of PostgreSQL takes: there the migration makes these of another kind. To
# say so here would load that database's part of SQLAlchemy for every question to SQLite.
Index(PREFIX + "artifact_name", ARTIFACT.c.name)
Index(PREFIX + "artifact_uri", ARTIFACT.c.uri)
Index(PREFIX + "execution_name", EXECUTION.c.name)

EVENT = Table(
    PREFIX + "event", METADATA,
    Column("key", _KEY, primary_key=True, autoincrement=True),
    Column("artifact", ForeignKey(ARTIFACT.c.key), nullable=False),
    Column("execution", ForeignKey(EXECUTION.c.key), nullable=False),
    Column("is_input", Boolean, nullable=False),
    Column("type", String, nullable=False),
    Column("path", Text, nullable=False),  # JSON
    Column("time", BigInteger, nullable=False),
)  # fmt: skip
ONCE = PREFIX + "event_once"
"""An index that keeps an event from standing twice; each kind of database has its own, made by the migration."""
Index(PREFIX + "event_of_artifact", EVENT.c.artifact, EVENT.c.is_input, EVENT.c.execution)
Index(PREFIX + "event_of_execution", EVENT.c.execution, EVENT.c.is_input, EVENT.c.artifact)

ATTRIBUTION = Table(
    PREFIX + "attribution", METADATA,
    Column("context", ForeignKey(CONTEXT.c.key), primary_key=True),
    Column("artifact", ForeignKey(ARTIFACT.c.key), primary_key=True),
)  # fmt: skip
ASSOCIATION = Table(
    PREFIX + "association", METADATA,
    Column("context", ForeignKey(CONTEXT.c.key), primary_key=True),
    Column("execution", ForeignKey(EXECUTION.c.key), primary_key=True),
)  # fmt: skip
PARENT = Table(
    PREFIX + "parent", METADATA,
    Column("child", ForeignKey(CONTEXT.c.key), primary_key=True),
    Column("parent", ForeignKey(CONTEXT.c.key), primary_key=True),
)  # fmt: skip
Index(PREFIX + "attribution_of_artifact", ATTRIBUTION.c.artifact)
Index(PREFIX + "association_of_execution", ASSOCIATION.c.execution)
