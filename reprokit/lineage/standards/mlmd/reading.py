"""Reads an MLMD store, ours or one that the library wrote. The file may come from anyone."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import sqlite3
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pydantic

from reprokit.errors import CorruptBundleError, UsageError
from reprokit.lineage.merging import normal
from reprokit.lineage.standards.mlmd.schema import (
    ARTIFACT_STATES,
    EVENT_TYPES,
    EXECUTION_STATES,
    KINDS,
    STRUCT_MARK,
    VERSION,
    Kind,
)
from reprokit.schema.lineage import Artifact, Association, Attribution, Context, Event, Execution, Lineage, Parent

if TYPE_CHECKING:
    from reprokit.schema.lineage import Properties

_TABLES = frozenset({"Type", "TypeProperty", "Event", "EventPath", "Association", "Attribution", "ParentContext"}
                    | set(KINDS) | {f"{kind}Property" for kind in KINDS})  # fmt: skip
_ENDED = frozenset({"COMPLETE", "FAILED", "CACHED", "CANCELED"})
_STEPS = 500_000_000  # of SQLite's machine: some minutes; a hostile file must not hold us for ever


def read(source: str) -> Lineage:
    """Reads the whole store in a file.

    A node's ``external_id`` is its identifier; one without gets ``mlmd:STORE/KIND/NUMBER``, where ``STORE`` tells
    stores apart.

    Raises:
        UsageError: RPK184, there is no such file.
        CorruptBundleError: RPK181, it is broken; RPK182, it has another schema version.
    """
    path = Path(source)
    if not path.is_file():
        raise UsageError("RPK184", f"{source}: there is no such file")
    try:
        with contextlib.closing(opened(path, writable=False)) as connection:
            check(connection, source)
            return Reader(connection).everything()
    except (sqlite3.Error, pydantic.ValidationError, ValueError, TypeError, IndexError, KeyError) as error:
        text = str(error).splitlines()[0]
        raise CorruptBundleError("RPK181", f"{source} is no MLMD store that can be read: {text}") from None


def opened(path: Path, *, writable: bool) -> sqlite3.Connection:
    """A connection that runs none of a file's own functions, and gives up on what takes for ever."""
    place = urllib.parse.quote(str(path.absolute()))
    connection = sqlite3.connect(f"file:{place}?mode={'rwc' if writable else 'ro'}", uri=True, isolation_level=None)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA busy_timeout = 10000")
    rounds = iter(range(_STEPS // 100_000))
    connection.set_progress_handler(lambda: int(next(rounds, None) is None), 100_000)
    return connection


def check(connection: sqlite3.Connection, what: str) -> None:
    """Looks whether a database is a store of the version that is known here.

    Raises:
        CorruptBundleError: RPK181, it is none; RPK182, it has another version.
    """
    try:
        found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        version = connection.execute("SELECT schema_version FROM MLMDEnv").fetchall()
    except sqlite3.DatabaseError as error:
        raise CorruptBundleError("RPK181", f"{what} is no MLMD store: {error}") from None
    if version != [(VERSION,)]:
        said = ", ".join(str(row[0]) for row in version) or "none"
        raise CorruptBundleError("RPK182", f"{what}: the store's schema version is {said}, and {VERSION} is known here")
    missing = sorted(_TABLES - {name for (name,) in found})
    if missing:
        raise CorruptBundleError("RPK181", f"{what} is no MLMD store: it has no table {missing[0]}")


class Reader:
    """Reads nodes and links."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._space = ""

    def everything(self) -> Lineage:
        """The whole graph."""
        artifacts, executions, contexts = ({n: self.node(kind, n) for n in self._numbers(kind)} for kind in KINDS)
        rows = self._connection.execute
        return normal(Lineage(
            artifacts=list(artifacts.values()),  # type: ignore[arg-type]
            executions=list(executions.values()),  # type: ignore[arg-type]
            contexts=list(contexts.values()),  # type: ignore[arg-type]
            events=[self._event(row, artifacts[row[1]].id, executions[row[2]].id) for row in rows(
                "SELECT id, artifact_id, execution_id, type, milliseconds_since_epoch FROM Event ORDER BY id"
            ).fetchall()],
            attributions=[Attribution(context=contexts[c].id, artifact=artifacts[a].id) for c, a in rows(
                "SELECT context_id, artifact_id FROM Attribution")],
            associations=[Association(context=contexts[c].id, execution=executions[e].id) for c, e in rows(
                "SELECT context_id, execution_id FROM Association")],
            parents=[Parent(child=contexts[c].id, parent=contexts[p].id) for c, p in rows(
                "SELECT context_id, parent_context_id FROM ParentContext")],
        ))  # fmt: skip

    def _numbers(self, kind: Kind) -> list[int]:
        return [int(number) for (number,) in self._connection.execute(f"SELECT id FROM {kind}").fetchall()]  # noqa: S608

    def node(self, kind: Kind, number: int) -> Artifact | Execution | Context:
        """One node by its row's number."""
        own = {"Artifact": "n.uri, n.state", "Execution": "NULL, n.last_known_state", "Context": "NULL, NULL"}[kind]
        row = self._connection.execute(
            "SELECT t.name, n.name, n.external_id, n.create_time_since_epoch, "  # noqa: S608
            f"n.last_update_time_since_epoch, {own} FROM {kind} n JOIN Type t ON t.id = n.type_id WHERE n.id = ?",
            (number,),
        ).fetchone()
        if row is None:
            raise ValueError(f"{kind} {number} has no type")
        properties = self._properties(kind, number)
        known: dict[str, Any] = {
            "id": row[2] or f"mlmd:{self._store()}/{kind.lower()}/{number}",
            "type": row[0],
            "name": properties.pop("reprokit.name", row[1] or ""),
        }
        ended = properties.pop("reprokit.ended", None)
        if kind == "Artifact":
            return Artifact(
                **known, properties=properties, uri=row[5] or "", state=ARTIFACT_STATES[row[6] or 0], created=row[3]
            )
        if kind == "Context":
            return Context(**known, properties=properties)
        state = EXECUTION_STATES[row[6] or 0]
        if ended is None:  # the library wrote it: what it changed last was the state
            ended = row[4] if state in _ENDED else 0
        return Execution(**known, properties=properties, state=state, started=row[3], ended=ended)  # type: ignore[arg-type]

    def declared(self, kind: Kind, number: int) -> set[str]:
        """Names of a node's properties that its type declares; the library wrote those."""
        low = kind.lower()
        found = self._connection.execute(
            f"SELECT name FROM {kind}Property WHERE {low}_id = ? AND is_custom_property = 0",  # noqa: S608
            (number,),
        )
        return {str(name) for (name,) in found}

    def _properties(self, kind: Kind, number: int) -> Properties:
        """Both kinds of properties; where both have a name, the declared one counts."""
        low = kind.lower()
        found: Properties = {}
        for name, whole, real, text, binary, proto, truth in self._connection.execute(
            "SELECT name, int_value, double_value, string_value, byte_value, proto_value, bool_value "  # noqa: S608
            f"FROM {kind}Property WHERE {low}_id = ? ORDER BY is_custom_property DESC, name",
            (number,),
        ):
            if truth is not None:
                found[name] = bool(truth)
            elif whole is not None or real is not None:
                found[name] = whole if whole is not None else float(real)
            elif text is not None:
                found[name] = plain(text)
            elif binary is not None or proto is not None:
                found[name] = base64.b64encode(binary if binary is not None else proto).decode()
        return found

    def _event(self, row: tuple[Any, ...], artifact: str, execution: str) -> Event:
        kinds = {number: kind for kind, number in EVENT_TYPES.items()}
        steps = self._connection.execute(
            "SELECT is_index_step, step_index, step_key FROM EventPath WHERE event_id = ? ORDER BY rowid", (row[0],)
        )
        path = tuple(int(index) if is_index else str(key) for is_index, index, key in steps)
        return Event(artifact=artifact, execution=execution, type=kinds[row[3]], path=path, time=row[4] or 0)

    def _store(self) -> str:
        """What tells this store from others: the times of its first nodes, which never change."""
        if not self._space:
            firsts = [
                self._connection.execute(
                    f"SELECT id, create_time_since_epoch FROM {kind} ORDER BY id LIMIT 1"  # noqa: S608
                ).fetchone()
                for kind in KINDS
            ]
            self._space = hashlib.sha256(repr(firsts).encode()).hexdigest()[:16]
        return self._space


def plain(text: str) -> str:
    """A text without the space that `writing.storable` put before it; an encoded structure stays as it is."""
    return text[1:] if text.startswith(" ") and text.lstrip(" ").startswith(STRUCT_MARK) else text
