"""Adds a graph to the tables. What stands there already is joined with what is new, as `merging` does it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from reprokit.lineage.graph import referred
from reprokit.lineage.merging import joined, normal
from reprokit.lineage.reading import BATCH, node_of
from reprokit.lineage.tables import ARTIFACT, ASSOCIATION, ATTRIBUTION, CONTEXT, EVENT, EXECUTION, PARENT
from reprokit.schema.lineage import UNKNOWN, Artifact, Context, Execution, Lineage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def add(connection: sa.Connection, lineage: Lineage) -> None:
    """Adds a graph."""
    lineage = normal(lineage)
    events, attributions, associations = lineage.events, lineage.attributions, lineage.associations
    named = referred(lineage)
    artifacts = _nodes(connection, ARTIFACT, lineage.artifacts, named[0], Artifact)
    executions = _nodes(connection, EXECUTION, lineage.executions, named[1], Execution)
    contexts = _nodes(connection, CONTEXT, lineage.contexts, named[2], Context)
    _insert(connection, EVENT, [
        {
            "artifact": artifacts[event.artifact], "execution": executions[event.execution], "is_input": event.is_input,
            "type": event.type, "path": json.dumps(event.path), "time": event.time,
        }
        for event in events
    ])  # fmt: skip
    _insert(connection, ATTRIBUTION, [
        {"context": contexts[link.context], "artifact": artifacts[link.artifact]} for link in attributions
    ])  # fmt: skip
    _insert(connection, ASSOCIATION, [
        {"context": contexts[link.context], "execution": executions[link.execution]} for link in associations
    ])  # fmt: skip
    _insert(connection, PARENT, [
        {"child": contexts[link.child], "parent": contexts[link.parent]} for link in lineage.parents
    ])  # fmt: skip


def _nodes(
    connection: sa.Connection, table: sa.Table, nodes: Sequence[Any], referred: Iterable[str], kind: type[Any]
) -> dict[str, int]:
    """Inserts or joins nodes, and placeholders for what is referred to only; returns their rows' keys."""
    wanted = {node.id: node for node in nodes}
    for missing in sorted(set(referred) - wanted.keys()):
        wanted[missing] = kind(id=missing, type=UNKNOWN, **({"state": "UNKNOWN"} if kind is not Context else {}))
    identifiers = sorted(wanted)  # every writer takes the rows in one order, so that two never wait for each other
    _insert(connection, table, [_row(wanted[identifier]) for identifier in identifiers])
    keys: dict[str, int] = {}
    for at in range(0, len(identifiers), BATCH):
        some = identifiers[at : at + BATCH]
        found = connection.execute(
            sa.select(table).where(table.c.id.in_(some)).order_by(table.c.id).with_for_update()
        ).all()
        for row in found:
            keys[row.id] = row.key
            known = node_of(table, row)
            both = joined(known, wanted[row.id])
            if _row(both) != _row(known):
                connection.execute(sa.update(table).where(table.c.key == row.key).values(_row(both)))
    return keys


def _row(node: Any) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(node, name) for name in type(node).model_fields if name != "properties"}
    return {**row, "properties": json.dumps(node.properties, sort_keys=True)}


def _insert(connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    """Inserts what is not there yet; another writer may have been faster."""
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]
    connection.execute(insert(table).on_conflict_do_nothing(), rows)
