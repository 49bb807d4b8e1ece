"""MLflow's own SQLite database: for each experiment and run what the script logged, in the order in which it began.

Identifiers, times, the user, paths, the names that MLflow makes up for runs, and what it measures of the machine
(``system/…``) are no content. A database that holds what is not read here (traces, assessments, prompts) is refused,
and so compared by its bytes.
Source: mlflow/store/tracking/dbmodels/models.py and mlflow/utils/mlflow_tags.py, MLflow 2.0 to 3.17.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from reprokit.compare.files.content import Leaf, Structure, key_part, scalar_of
from reprokit.compare.files.protobuf_leaves import array_leaf
from reprokit.compare.files.registry import Comparator
from reprokit.compare.files.unreadable import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reprokit.compare.files.content import Options
    from reprokit.compare.files.source import Source

_MAGIC = b"SQLite format 3\0"
_LARGEST = 512 << 20
_ROLLBACK = b"\1\1"  # versions at offset 18; where they are 2, a log beside the file counts
TABLES = frozenset({"alembic_version", "experiments", "runs", "metrics", "latest_metrics", "params", "tags"})
"""What every store of MLflow's has: by these tables a database is known to be one."""
# Read below where they are there, or kept by MLflow for itself.
_KNOWN = TABLES | {
    "datasets", "inputs", "input_tags", "experiment_tags",
    "logged_models", "logged_model_metrics", "logged_model_params", "logged_model_tags",
    "registered_models", "registered_model_tags", "registered_model_aliases", "model_versions", "model_version_tags",
    "workspaces", "scheduler_leases", "job_locks", "sqlite_sequence",
}  # fmt: skip
_OWN_TAG, _NOTE = "mlflow.", "mlflow.note.content"  # the one that a person writes
_MACHINE = "system/"
_STEPS = 100_000_000  # of SQLite's machine that a question may take


@dataclass
class _Reader:
    connection: sqlite3.Connection
    tables: set[str]
    leaves: dict[str, Leaf] = field(default_factory=dict)

    def rows(self, table: str, columns: str, order: str = "rowid") -> Iterator[Any]:
        """The rows of a table, none where this version of MLflow has no such table."""
        if table in self.tables:
            yield from self.connection.execute(f"SELECT {columns} FROM {table} ORDER BY {order}")  # noqa: S608 - ours

    def put(self, place: str, what: str, key: Any, value: Any) -> None:
        """One value; a key that stands there already is a value of its own."""
        path = f"{place}/{what}/{key_part(key)}" if key != "" else f"{place}/{what}"
        while path in self.leaves:
            path += "'"
        self.leaves[path] = scalar_of(value)

    def read(self) -> dict[str, Leaf]:
        """All that was logged."""
        names = dict(self.rows("experiments", "experiment_id, name"))
        for own, name, stage in self.rows("experiments", "experiment_id, name, lifecycle_stage"):
            self.leaves[f"experiment {key_part(name)}"] = Structure(f"experiment, {stage}")
            self._pairs("experiment_tags", f"experiment_id = {int(own)}", f"experiment {key_part(name)}", "tag")
        places = self._places("runs", "run_uuid, experiment_id", names, "run")
        self._metrics(places)
        for own, status, stage in self.rows("runs", "run_uuid, status, lifecycle_stage"):
            self.put(places[own], "status", "", f"{status}, {stage}")
        for table in ("params", "tags"):
            for own, key, value in self.rows(table, "run_uuid, key, value", "run_uuid, key"):
                if own in places and (table == "params" or _said(key)):
                    self.put(places[own], table[:-1], key, value)
        self._datasets(places)
        self._models(names)
        self._registry()
        return {"": Structure(f"MLflow database of {len(places)} runs"), **dict(sorted(self.leaves.items()))}

    def _places(self, table: str, columns: str, names: dict[int, str], noun: str) -> dict[str, str]:
        """Identifier -> ``experiment NAME/NOUN 3``: the third of its experiment."""
        counts: dict[int, int] = {}
        places = {}
        for own, experiment in self.rows(table, columns):
            counts[experiment] = counts.get(experiment, 0) + 1
            places[own] = f"experiment {key_part(names.get(experiment, '?'))}/{noun} {counts[experiment]}"
        return places

    def _pairs(self, table: str, where: str, place: str, noun: str) -> None:
        if table in self.tables:
            for key, value in self.connection.execute(f"SELECT key, value FROM {table} WHERE {where}"):  # noqa: S608
                if _said(key):
                    self.put(place, noun, key, value)

    def _metrics(self, places: dict[str, str]) -> None:
        """The history of each metric: its steps and values, by step and then in the order of logging."""
        history: dict[tuple[str, str], list[tuple[int, float]]] = {}
        for own, key, step, value, is_nan in self.rows(
            "metrics", "run_uuid, key, step, value, is_nan", "run_uuid, key, step, timestamp, rowid"
        ):
            if own in places and not key.startswith(_MACHINE):
                history.setdefault((own, key), []).append((step, float("nan") if is_nan else value))
        for (own, key), points in history.items():
            path = f"{places[own]}/metric/{key_part(key)}"
            self.leaves[f"{path}/step"] = array_leaf(np.array([step for step, _ in points], np.int64))
            self.leaves[f"{path}/value"] = array_leaf(np.array([value for _, value in points], np.float64))

    def _datasets(self, places: dict[str, str]) -> None:
        """The datasets of each run, with the tags of their use; where one came from is a place."""
        columns = "dataset_uuid, name, digest, dataset_schema, dataset_profile"
        known = {own: facts for own, *facts in self.rows("datasets", columns)}
        tags: dict[str, list[str]] = {}
        for use, name, value in self.rows("input_tags", "input_uuid, name, value", "input_uuid, name"):
            tags.setdefault(use, []).append(f"{name}={value}")
        used = [
            (places[run], *known[dataset], *tags.get(use, []))
            for use, dataset, run in self.rows("inputs", "input_uuid, source_id, destination_id")
            if dataset in known and run in places
        ]
        for place, name, *facts in sorted(used, key=str):
            self.put(place, "dataset", name, ", ".join(map(str, facts)))

    def _models(self, names: dict[int, str]) -> None:
        places = self._places("logged_models", "model_id, experiment_id", names, "model")
        for own, name, status, kind in self.rows("logged_models", "model_id, name, status, model_type"):
            self.put(places[own], "model", "", f"{name}, {status}, {kind}")
        for table in ("param", "tag"):
            for own, key, value in self.rows(f"logged_model_{table}s", f"model_id, {table}_key, {table}_value"):
                if own in places and _said(key):
                    self.put(places[own], table, key, value)
        for own, key, step, value in self.rows(
            "logged_model_metrics", "model_id, metric_name, metric_step, metric_value",
            "model_id, metric_name, metric_step, metric_timestamp_ms, rowid",
        ):  # fmt: skip
            if own in places and not key.startswith(_MACHINE):
                self.put(places[own], "metric", f"{key} at {step}", value)

    def _registry(self) -> None:
        for name, said in self.rows("registered_models", "name, description"):
            self.put("registry", "model", name, said)
        for name, version, stage, said in self.rows("model_versions", "name, version, current_stage, description"):
            self.put("registry", "version", f"{name} {version}", f"{stage}, {said}")
        for table in ("registered_model_tags", "model_version_tags"):
            for name, key, value in self.rows(table, "name, key, value"):
                self.put("registry", table[:-1], f"{name} {key}", value)
        for name, alias, version in self.rows("registered_model_aliases", "name, alias, version"):
            self.put("registry", "alias", f"{name} {alias}", version)


def _said(key: str) -> bool:
    return not key.startswith(_OWN_TAG) or key == _NOTE


def _opened(source: Source) -> sqlite3.Connection:
    if source.size > _LARGEST:
        raise UnreadableError(f"it is larger than {_LARGEST >> 20} MiB")
    if source.head(2, 18) != _ROLLBACK:
        raise UnreadableError("SQLite keeps a log beside it, which may hold more")
    connection = sqlite3.connect(":memory:")
    connection.deserialize(source.data.tobytes())
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA query_only = ON")
    connection.set_progress_handler(lambda: 1, _STEPS)
    return connection


def _tables(connection: sqlite3.Connection) -> set[str]:
    """Names of real tables: a view may run anything."""
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def read_database(source: Source, options: Options) -> dict[str, Leaf]:
    """Reads a database of MLflow: ``experiment NAME/run 1/metric/loss/value`` and so on.

    Raises:
        UnreadableError: it is damaged, too large, in use, or holds what is not compared here.
    """
    del options
    try:
        with closing(_opened(source)) as connection:
            tables = _tables(connection)
            for name in sorted(tables - _KNOWN):
                quoted = name.replace('"', '""')
                if connection.execute(f'SELECT 1 FROM "{quoted}" LIMIT 1').fetchone():  # noqa: S608 - quoted
                    raise UnreadableError(f"its table {name} holds rows, which are not compared by content")
            return _Reader(connection, tables).read()
    except (sqlite3.Error, ValueError, TypeError, AttributeError, OverflowError, MemoryError) as error:
        raise UnreadableError(f"its database cannot be read: {error}") from error


def _is_mlflow(source: Source) -> bool:
    if source.head(16) != _MAGIC:
        return False
    try:
        with closing(_opened(source)) as connection:
            return _tables(connection) >= TABLES
    except (sqlite3.Error, UnreadableError):
        return False


DATABASE = Comparator("MLflow database", (), read_database, _is_mlflow)
