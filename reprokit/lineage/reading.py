"""Reads nodes and parts of the graph from the tables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from reprokit.lineage.graph import meant
from reprokit.lineage.tables import (
    ARTIFACT,
    ASSOCIATION,
    ATTRIBUTION,
    CONTEXT,
    EVENT,
    EXECUTION,
    METADATA,
    PARENT,
    PREFIX,
)
from reprokit.schema.lineage import Artifact, Association, Attribution, Context, Event, Execution, Lineage, Parent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reprokit.lineage.graph import Direction

BATCH = 500  # values in one statement; SQLite takes 999 in its oldest builds
_KINDS: dict[sa.Table, type[Any]] = {ARTIFACT: Artifact, EXECUTION: Execution, CONTEXT: Context}


def node_of(table: sa.Table, row: Any) -> Any:
    """The node that a row stands for."""
    values = {name: value for name, value in row._mapping.items() if name != "key"}
    return _KINDS[table].model_validate({**values, "properties": json.loads(values["properties"])})


def nodes(connection: sa.Connection, table: sa.Table, condition: Any) -> list[Any]:
    """The nodes of a table that meet a condition, by identifier."""
    statement = sa.select(table).where(condition).order_by(table.c.id)
    return [node_of(table, row) for row in connection.execute(statement)]


def find(connection: sa.Connection, text: str, limit: int) -> list[Artifact | Execution]:
    """See `reprokit.lineage.store.Store.find`."""
    if not text:  # what has no name is not meant by it
        return []
    tables = (ARTIFACT, EXECUTION)
    exact: list[Any] = [node for table in tables for node in nodes(connection, table, table.c.id == text)]
    if exact:
        return exact
    found: list[Any] = []
    for table in tables:
        asked = [table.c.name == text]
        if table is ARTIFACT:
            asked.append(table.c.uri == text)
        bare = text.rpartition(":")[2]
        if len(bare) >= 8:
            begins = [bare] if ":" in text else [f"{kind}{bare}" for kind in ("", "sha256:", "urn:uuid:")]
            begins = [text] if ":" in text else begins
            asked += [sa.and_(table.c.id >= start, table.c.id < f"{start}\U0010ffff") for start in begins]
        statement = sa.select(table).where(sa.or_(*asked)).order_by(table.c.id).limit(limit)
        found += [node_of(table, row) for row in connection.execute(statement)]
    return [node for node in found if meant(node, text)]


def known(connection: sa.Connection, identifiers: list[str]) -> list[Artifact | Execution]:
    """See `reprokit.lineage.store.Store.known`."""
    tables = (ARTIFACT, EXECUTION)
    found: list[Any] = [node for table in tables for some in in_parts(identifiers)
                        for node in nodes(connection, table, table.c.id.in_(some))]  # fmt: skip
    return sorted(found, key=lambda node: str(node.id))


def walk(connection: sa.Connection, starts: list[str], direction: Direction, depth: int | None) -> Lineage:
    """See `reprokit.lineage.store.Store.walk`. One recursive statement finds the artifacts, in any circle too."""
    artifacts = _keys(connection, ARTIFACT, starts)
    executions = _keys(connection, EXECUTION, starts)
    up = direction == "up"
    if depth is not None:
        return _part(connection, *_within(connection, artifacts, executions, depth, up=up))
    for key in executions:
        artifacts |= set(connection.execute(_of_execution(key, is_input=up)).scalars())
    reached = _reached(connection, artifacts, up=up)
    passed = set(executions)
    for some in in_parts(reached):
        asked = sa.select(EVENT.c.execution).where(EVENT.c.artifact.in_(some), EVENT.c.is_input.is_(not up))
        passed |= set(connection.execute(asked.distinct()).scalars())
    return _part(connection, reached, passed)


def _within(
    connection: sa.Connection, artifacts: set[int], executions: set[int], depth: int, *, up: bool
) -> tuple[set[int], set[int]]:
    """Artifacts and executions at most so many runs away; a run that is asked for is the first of them."""
    reached, passed = set(artifacts), set(executions)
    beside = _beside(connection, EVENT.c.execution, executions, is_input=up) if depth else set()
    for waiting, steps in ((artifacts, depth), (beside, max(depth - 1, 0))):
        seen, runs, new = set(waiting), set[int](), set(waiting)
        for _ in range(steps):
            next_runs = _beside(connection, EVENT.c.artifact, new, is_input=not up) - runs
            runs |= next_runs
            new = _beside(connection, EVENT.c.execution, next_runs, is_input=up) - seen
            seen |= new
            if not new:
                break
        reached |= seen
        passed |= runs
    return reached, passed


def _beside(connection: sa.Connection, end: sa.Column[Any], keys: set[int], *, is_input: bool) -> set[int]:
    """The other ends of the events that begin or end at some rows."""
    other = EVENT.c.execution if end is EVENT.c.artifact else EVENT.c.artifact
    found: set[int] = set()
    for some in in_parts(keys):
        asked = sa.select(other).where(end.in_(some), EVENT.c.is_input.is_(is_input)).distinct()
        found |= set(connection.execute(asked).scalars())
    return found


def around(connection: sa.Connection, identifier: str) -> Lineage:
    """See `reprokit.lineage.store.Store.around`."""
    artifacts, executions = _keys(connection, ARTIFACT, [identifier]), _keys(connection, EXECUTION, [identifier])
    users = sa.select(EVENT.c.execution).where(EVENT.c.artifact.in_(sorted(artifacts)))
    used = sa.select(EVENT.c.artifact).where(EVENT.c.execution.in_(sorted(executions)))
    beside = set(connection.execute(used).scalars()), set(connection.execute(users).scalars())
    return _part(connection, artifacts | beside[0], executions | beside[1])


def with_links(connection: sa.Connection, executions: Iterable[str]) -> Lineage:
    """See `reprokit.lineage.store.Store.with_links`."""
    keys = _keys(connection, EXECUTION, sorted(executions))
    artifacts: set[int] = set()
    for some in in_parts(keys):
        asked = sa.select(EVENT.c.artifact).where(EVENT.c.execution.in_(some)).distinct()
        artifacts |= set(connection.execute(asked).scalars())
    return _part(connection, artifacts, keys)


def _of_execution(key: int, *, is_input: bool) -> Any:
    return sa.select(EVENT.c.artifact).where(EVENT.c.execution == key, EVENT.c.is_input.is_(is_input))


def _reached(connection: sa.Connection, starts: set[int], *, up: bool) -> set[int]:
    """Artifacts that follow from ``starts``: a step goes through one execution."""
    found: set[int] = set()
    for start in sorted(starts):
        if start in found:
            continue
        here = sa.literal(start).cast(sa.BigInteger)  # PostgreSQL takes a small number for an INTEGER
        line = sa.select(here.label("artifact")).cte("line", recursive=True)
        first, second = EVENT.alias("first"), EVENT.alias("second")
        # From an artifact to the run that made it (upwards) or used it, and on to what that run used or made.
        step = (
            sa.select(second.c.artifact)
            .join_from(line, first, sa.and_(first.c.artifact == line.c.artifact, first.c.is_input.is_(not up)))
            .join(second, sa.and_(second.c.execution == first.c.execution, second.c.is_input.is_(up)))
        )
        line = line.union(step)
        found |= set(connection.execute(sa.select(line.c.artifact)).scalars())
    return found


def _part(connection: sa.Connection, artifacts: set[int], executions: set[int]) -> Lineage:
    """The graph between some rows, with their contexts."""
    by_artifact = dict(by_key(connection, ARTIFACT, artifacts))
    by_execution = dict(by_key(connection, EXECUTION, executions))
    events = []
    for some in in_parts(executions):
        rows = connection.execute(sa.select(EVENT).where(EVENT.c.execution.in_(some)))
        events += [_event(r, by_artifact[r.artifact].id, by_execution[r.execution].id)
                   for r in rows if r.artifact in by_artifact]  # fmt: skip
    attributed = list(_links(connection, ATTRIBUTION, "artifact", artifacts))
    associated = list(_links(connection, ASSOCIATION, "execution", executions))
    above, contexts = _contexts(connection, {context for context, _ in (*attributed, *associated)})
    return Lineage(
        artifacts=_sorted(by_artifact), executions=_sorted(by_execution), contexts=_sorted(contexts), events=events,
        attributions=[Attribution(context=contexts[c].id, artifact=by_artifact[a].id) for c, a in attributed],
        associations=[Association(context=contexts[c].id, execution=by_execution[e].id) for c, e in associated],
        parents=[Parent(child=contexts[c].id, parent=contexts[p].id) for c, p in above],
    )  # fmt: skip


def _sorted(by_key: dict[int, Any]) -> list[Any]:
    return sorted(by_key.values(), key=lambda node: str(node.id))


def _event(row: Any, artifact: str, execution: str) -> Event:
    path = tuple(json.loads(row.path))
    return Event(artifact=artifact, execution=execution, type=row.type, path=path, time=row.time)


def _contexts(connection: sa.Connection, keys: set[int]) -> tuple[list[tuple[int, int]], dict[int, Any]]:
    """Contexts with all that they lie in."""
    above: list[tuple[int, int]] = []
    known, new = set(keys), set(keys)
    while new:
        links = [(row.child, row.parent) for some in in_parts(new) for row in connection.execute(
            sa.select(PARENT.c.child, PARENT.c.parent).where(PARENT.c.child.in_(some))
        )]  # fmt: skip
        above += links
        new = {parent for _, parent in links} - known
        known |= new
    return above, dict(by_key(connection, CONTEXT, known))


def by_key(connection: sa.Connection, table: sa.Table, keys: set[int]) -> Iterator[tuple[int, Any]]:
    """The nodes in some rows of a table, with their keys."""
    for some in in_parts(keys):
        for row in connection.execute(sa.select(table).where(table.c.key.in_(some))):
            yield row.key, node_of(table, row)


def _links(connection: sa.Connection, table: sa.Table, end: str, keys: set[int]) -> Iterator[tuple[int, int]]:
    for some in in_parts(keys):
        for row in connection.execute(sa.select(table.c.context, table.c[end]).where(table.c[end].in_(some))):
            yield row[0], row[1]


def _keys(connection: sa.Connection, table: sa.Table, identifiers: list[str]) -> set[int]:
    return {key for some in in_parts(identifiers) for key in connection.execute(
        sa.select(table.c.key).where(table.c.id.in_(some))
    ).scalars()}  # fmt: skip


def in_parts(values: Iterable[Any]) -> Iterator[list[Any]]:
    """Values in order, as many at a time as a statement takes."""
    ordered = sorted(values)
    for at in range(0, len(ordered), BATCH):
        yield ordered[at : at + BATCH]


def everything(connection: sa.Connection) -> Lineage:
    """The whole graph."""
    found = {table: {row.key: node_of(table, row) for row in connection.execute(sa.select(table))}
             for table in (ARTIFACT, EXECUTION, CONTEXT)}  # fmt: skip
    artifacts, executions, contexts = (found[table] for table in (ARTIFACT, EXECUTION, CONTEXT))
    links = {
        table: [tuple(row) for row in connection.execute(sa.select(table))]
        for table in (ATTRIBUTION, ASSOCIATION, PARENT)
    }
    return Lineage(
        artifacts=_sorted(artifacts), executions=_sorted(executions), contexts=_sorted(contexts),
        events=[_event(row, artifacts[row.artifact].id, executions[row.execution].id)
                for row in connection.execute(sa.select(EVENT))],
        attributions=[Attribution(context=contexts[c].id, artifact=artifacts[a].id) for c, a in links[ATTRIBUTION]],
        associations=[Association(context=contexts[c].id, execution=executions[e].id) for c, e in links[ASSOCIATION]],
        parents=[Parent(child=contexts[c].id, parent=contexts[p].id) for c, p in links[PARENT]],
    )  # fmt: skip


def counts(connection: sa.Connection) -> dict[str, int]:
    """How many rows each table has."""
    return {
        table.name.removeprefix(PREFIX): int(
            connection.execute(sa.select(sa.func.count()).select_from(table)).scalar() or 0
        )
        for table in METADATA.sorted_tables
    }


def types(connection: sa.Connection) -> dict[str, int]:
    """How many artifacts and executions there are of each type."""
    found: dict[str, int] = {}
    for table in (ARTIFACT, EXECUTION):
        rows = connection.execute(sa.select(table.c.type, sa.func.count()).group_by(table.c.type))
        for kind, count in rows:
            found[kind] = found.get(kind, 0) + int(count)
    return dict(sorted(found.items()))
