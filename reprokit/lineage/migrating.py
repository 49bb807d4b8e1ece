"""Brings a store's tables to the version that this code reads and writes."""

from __future__ import annotations

import sqlalchemy as sa

from reprokit.errors import UsageError

HEAD = "1"
"""The newest revision; a test compares it with the files in `migrations`."""
_KNOWN = frozenset(str(number) for number in range(1, int(HEAD) + 1))
VERSION_TABLE = "lineage_version"
"""Not Alembic's own name: a team's database may have another program's there."""
_LOCK = 0x7265_7072_6F6B_6974  # any number that others do not use: "reprokit"


def is_current(connection: sa.Connection, place: str) -> bool:
    """Whether the tables are this version's; needs no right to write.

    Raises:
        UsageError: RPK142, a newer version made them.
    """
    found = _revision(connection)
    if found is not None and found not in _KNOWN:
        raise UsageError("RPK142", f"the lineage store {place} has version {found!a}; this reprokit knows 1 to {HEAD}")
    return found == HEAD


def migrate(connection: sa.Connection, place: str) -> None:
    """Makes or changes the tables; does nothing where another process has been faster.

    Raises:
        UsageError: RPK142, a newer version made them.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    if is_current(connection, place):
        return
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "reprokit.lineage:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - a constant
    return None if found is None else str(found)
