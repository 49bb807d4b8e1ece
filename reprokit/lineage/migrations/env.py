"""Alembic runs this file: it migrates through the connection that `reprokit.lineage.store` hands over."""

from __future__ import annotations

from alembic import context

from reprokit.lineage.migrating import VERSION_TABLE
from reprokit.lineage.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"], target_metadata=METADATA, version_table=VERSION_TABLE
)
context.run_migrations()
