"""Adds a graph to an MLMD store: nodes are found again by their ``external_id`` and joined."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reprokit.errors import UsageError
from reprokit.lineage.graph import referred
from reprokit.lineage.merging import joined, normal
from reprokit.lineage.standards.mlmd.reading import Reader, check, opened
from reprokit.lineage.standards.mlmd.schema import (
    ARTIFACT_STATES,
    BASE_TYPES,
    EVENT_TYPES,
    EXECUTION_STATES,
    KINDS,
    SIMPLE_TYPES,
    STRUCT_MARK,
    TYPE_KINDS,
    VERSION,
    Kind,
    statements,
)
from reprokit.schema.lineage import UNKNOWN, Artifact, Context, Execution

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reprokit.schema.lineage import Event, Lineage, Scalar

    Node = Artifact | Execution | Context

RESERVED = frozenset({"reprokit.name", "reprokit.ended"})
"""Properties by which a node keeps what the store has no column for."""


def write(lineage: Lineage, target: str) -> list[str]:
    """Adds a graph to the store in the file ``target``, which is made where it does not exist.

    Returns:
        The file's path.

    Raises:
        UsageError: RPK188, it cannot be written, or is no SQLite database.
        CorruptBundleError: RPK181 or RPK182, it is no store of schema version 10.
    """
    path = Path(target)
    fresh = not path.exists() or not path.stat().st_size
    try:
        with contextlib.closing(opened(path, writable=True)) as connection:
            if not fresh:
                check(connection, target)
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                if fresh:
                    _make(connection)
                _Writer(connection).add(normal(lineage))
    except (sqlite3.DatabaseError, OSError) as error:
        if fresh and path.is_file():
            path.unlink(missing_ok=True)
        raise UsageError("RPK188", f"cannot write the MLMD store {target}: {error}") from None
    return [str(path)]


def _make(connection: sqlite3.Connection) -> None:
    for statement in statements():
        connection.execute(statement)
    connection.execute("INSERT INTO MLMDEnv VALUES (?)", (VERSION,))
    for name, kind in SIMPLE_TYPES:
        connection.execute("INSERT INTO Type (name, type_kind) VALUES (?, ?)", (name, TYPE_KINDS[kind]))


class _Writer:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._known = Reader(connection)
        self._types: dict[tuple[str, Kind], int] = {}

    def add(self, lineage: Lineage) -> None:
        named = referred(lineage)
        described: tuple[Sequence[Node], ...] = (lineage.artifacts, lineage.executions, lineage.contexts)
        artifacts, executions, contexts = (
            self._nodes(kind, nodes, ids) for kind, nodes, ids in zip(KINDS, described, named, strict=True)
        )
        for event in single(lineage):
            self._event(event, artifacts[event.artifact], executions[event.execution])
        self._links("Attribution", "context_id, artifact_id", [
            (contexts[link.context], artifacts[link.artifact]) for link in lineage.attributions
        ])  # fmt: skip
        self._links("Association", "context_id, execution_id", [
            (contexts[link.context], executions[link.execution]) for link in lineage.associations
        ])  # fmt: skip
        self._links("ParentContext", "context_id, parent_context_id", [
            (contexts[link.child], contexts[link.parent]) for link in lineage.parents
        ])  # fmt: skip

    def _links(self, table: str, columns: str, rows: list[tuple[int, int]]) -> None:
        self._connection.executemany(f"INSERT OR IGNORE INTO {table} ({columns}) VALUES (?, ?)", rows)  # noqa: S608

    def _nodes(self, kind: Kind, nodes: Sequence[Node], ids: set[str]) -> dict[str, int]:
        wanted = {node.id: node for node in nodes}
        missing = sorted(ids - wanted.keys())
        return {**{key: self._node(kind, node) for key, node in wanted.items()},
                **{key: self._node(kind, _placeholder(kind, key)) for key in missing}}  # fmt: skip

    def _node(self, kind: Kind, node: Node) -> int:
        """Inserts or updates a node, and returns its row's number."""
        low = kind.lower()
        found = self._connection.execute(f"SELECT id FROM {kind} WHERE external_id = ?", (node.id,)).fetchone()  # noqa: S608
        if found:
            node = joined(self._known.node(kind, found[0]), node)  # type: ignore[type-var]
        columns, properties = self._row(kind, node, int(found[0]) if found else 0)
        names, values = list(columns), list(columns.values())
        if found:
            number = int(found[0])
            settings = ", ".join(f"{name} = ?" for name in names)
            self._connection.execute(f"UPDATE {kind} SET {settings} WHERE id = ?", (*values, number))  # noqa: S608
            self._connection.execute(
                f"DELETE FROM {kind}Property WHERE {low}_id = ? AND is_custom_property = 1",  # noqa: S608
                (number,),
            )
        else:
            marks = ", ".join("?" * len(names))
            made = self._connection.execute(f"INSERT INTO {kind} ({', '.join(names)}) VALUES ({marks})", values)  # noqa: S608
            number = int(made.lastrowid or 0)
        self._properties(kind, number, properties)
        return number

    def _properties(self, kind: Kind, number: int, properties: dict[str, Scalar]) -> None:
        declared = self._known.declared(kind, number)
        for name, value in properties.items():
            if name not in declared:
                column, stored = _typed(value)
                self._connection.execute(
                    f"INSERT OR REPLACE INTO {kind}Property "  # noqa: S608
                    f"({kind.lower()}_id, name, is_custom_property, {column}) VALUES (?, ?, 1, ?)",
                    (number, name, stored),
                )

    def _row(self, kind: Kind, node: Node, number: int) -> tuple[dict[str, Any], dict[str, Scalar]]:
        """A node's columns and custom properties. Two nodes of one type cannot have one name: one keeps it aside."""
        type_id = self._type(node.type, kind)
        name = node.name
        properties = {key: value for key, value in node.properties.items() if key not in RESERVED}
        stored = self._free_name(kind, type_id, node, number)
        if (stored or "") != name:
            properties["reprokit.name"] = name
        columns = {"type_id": type_id, "name": stored, "external_id": node.id}
        created = updated = 0
        if isinstance(node, Artifact):
            columns |= {"uri": node.uri, "state": ARTIFACT_STATES.index(node.state)}
            created = updated = node.created
        elif isinstance(node, Execution):
            columns |= {"last_known_state": EXECUTION_STATES.index(node.state)}
            created, updated = node.started, node.ended or node.started
            properties["reprokit.ended"] = node.ended
        columns |= {"create_time_since_epoch": created, "last_update_time_since_epoch": updated}
        return columns, properties

    def _free_name(self, kind: Kind, type_id: int, node: Node, number: int) -> str | None:
        candidates = [node.name] if node.name else []
        if kind == "Context":  # must have one
            candidates += [node.id, *(f"{node.id} {count}" for count in range(1, 1000))]
        for name in candidates:
            taken = self._connection.execute(
                f"SELECT 1 FROM {kind} WHERE type_id = ? AND name = ? AND id != ?",  # noqa: S608
                (type_id, name, number),
            ).fetchone()
            if not taken:
                return name
        return None

    def _type(self, name: str, kind: Kind) -> int:
        if (name, kind) not in self._types:
            found = self._connection.execute(
                "SELECT id FROM Type WHERE name = ? AND type_kind = ? ORDER BY version IS NOT NULL, id",
                (name, TYPE_KINDS[kind]),
            ).fetchone()
            self._types[name, kind] = int(found[0]) if found else self._new_type(name, kind)
        return self._types[name, kind]

    def _new_type(self, name: str, kind: Kind) -> int:
        made = self._connection.execute("INSERT INTO Type (name, type_kind) VALUES (?, ?)", (name, TYPE_KINDS[kind]))
        base = BASE_TYPES.get((name, kind))
        if base:
            self._connection.execute(
                "INSERT INTO ParentType SELECT ?, id FROM Type WHERE name = ? AND type_kind = ?",
                (made.lastrowid, base, TYPE_KINDS[kind]),
            )
        return int(made.lastrowid or 0)

    def _event(self, event: Event, artifact: int, execution: int) -> None:
        made = self._connection.execute(
            "INSERT OR IGNORE INTO Event (artifact_id, execution_id, type, milliseconds_since_epoch) "
            "VALUES (?, ?, ?, ?)",
            (artifact, execution, EVENT_TYPES[event.type], event.time),
        )
        if made.rowcount:
            self._connection.executemany(
                "INSERT INTO EventPath (event_id, is_index_step, step_index, step_key) VALUES (?, ?, ?, ?)",
                [
                    (made.lastrowid, 0, None, step) if isinstance(step, str) else (made.lastrowid, 1, step, None)
                    for step in event.path
                ],
            )


def single(lineage: Lineage) -> list[Event]:
    """One event of a kind between an artifact and an execution: the first of a normal graph."""
    kept: dict[tuple[str, str, str], Event] = {}
    for event in lineage.events:
        kept.setdefault((event.artifact, event.execution, event.type), event)
    return list(kept.values())


def _placeholder(kind: Kind, key: str) -> Node:
    if kind == "Artifact":
        return Artifact(id=key, type=UNKNOWN, state="UNKNOWN")
    return Execution(id=key, type=UNKNOWN, state="UNKNOWN") if kind == "Execution" else Context(id=key, type=UNKNOWN)


def storable(text: str) -> str:
    """A text as the library can read it back: after this mark it expects an encoded structure, so a space comes first.

    `reading.plain` takes it away again.
    """
    return f" {text}" if text.lstrip(" ").startswith(STRUCT_MARK) else text


def _typed(value: Scalar) -> tuple[str, Scalar]:
    if isinstance(value, bool):
        return "bool_value", int(value)
    if isinstance(value, int):
        return "int_value", value
    return ("double_value", value) if isinstance(value, float) else ("string_value", storable(value))
