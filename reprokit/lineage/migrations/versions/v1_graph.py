"""Artifacts, executions, contexts, and what joins them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_IDENTIFIER = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Makes the tables."""
    _nodes("artifact", sa.Column("uri", sa.String, nullable=False), *_state("created"))
    _nodes("execution", *_state("started", "ended"))
    _nodes("context")
    for table, column in (("artifact", "name"), ("artifact", "uri"), ("execution", "name")):
        op.create_index(f"lineage_{table}_{column}", f"lineage_{table}", [column], postgresql_using="hash")
    op.create_table(
        "lineage_event",
        sa.Column("key", _KEY, primary_key=True, autoincrement=True),
        sa.Column("artifact", _KEY, sa.ForeignKey("lineage_artifact.key"), nullable=False),
        sa.Column("execution", _KEY, sa.ForeignKey("lineage_execution.key"), nullable=False),
        sa.Column("is_input", sa.Boolean, nullable=False),
        sa.Column("type", sa.String, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
    )
    # A path may be longer than an index of PostgreSQL takes.
    path = sa.text("md5(path)" if op.get_context().dialect.name == "postgresql" else "path")
    op.create_index("lineage_event_once", "lineage_event", ["execution", "artifact", "type", path, "time"], unique=True)
    op.create_index("lineage_event_of_artifact", "lineage_event", ["artifact", "is_input", "execution"])
    op.create_index("lineage_event_of_execution", "lineage_event", ["execution", "is_input", "artifact"])
    _link("attribution", context="context", artifact="artifact")
    _link("association", context="context", execution="execution")
    _link("parent", child="context", parent="context")
    op.create_index("lineage_attribution_of_artifact", "lineage_attribution", ["artifact"])
    op.create_index("lineage_association_of_execution", "lineage_association", ["execution"])


def _nodes(name: str, *columns: sa.Column[Any]) -> None:
    op.create_table(
        f"lineage_{name}",
        sa.Column("key", _KEY, primary_key=True, autoincrement=True),
        sa.Column("id", _IDENTIFIER, nullable=False, unique=True),
        sa.Column("type", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("properties", sa.Text, nullable=False),
        *columns,
    )


def _state(*times: str) -> list[sa.Column[Any]]:
    state: list[sa.Column[Any]] = [sa.Column("state", sa.String, nullable=False)]
    return [*state, *(sa.Column(name, sa.BigInteger, nullable=False) for name in times)]


def _link(name: str, **ends: str) -> None:
    columns = [
        sa.Column(end, _KEY, sa.ForeignKey(f"lineage_{table}.key"), primary_key=True) for end, table in ends.items()
    ]
    op.create_table(f"lineage_{name}", *columns)
