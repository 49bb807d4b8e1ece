"""The tables of an MLMD store of schema version 10, as its SQLite files have them, and its numbers for words.

Source: https://github.com/google/ml-metadata/blob/master/ml_metadata/util/metadata_source_query_config.cc and
https://github.com/google/ml-metadata/blob/master/ml_metadata/proto/metadata_store.proto
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from reprokit.schema.lineage import ArtifactState, EventType, ExecutionState

VERSION = 10
STRUCT_MARK = "mlmd-struct::"
"""What the text of a property begins with that holds an encoded structure."""
Kind = Literal["Artifact", "Execution", "Context"]
KINDS: tuple[Kind, ...] = ("Artifact", "Execution", "Context")
TYPE_KINDS: dict[Kind, int] = {"Execution": 0, "Artifact": 1, "Context": 2}

ARTIFACT_STATES: tuple[ArtifactState, ...] = (
    "UNKNOWN", "PENDING", "LIVE", "MARKED_FOR_DELETION", "DELETED", "ABANDONED", "REFERENCE",
)  # fmt: skip
EXECUTION_STATES: tuple[ExecutionState, ...] = (
    "UNKNOWN", "NEW", "RUNNING", "COMPLETE", "FAILED", "CACHED", "CANCELED",
)  # fmt: skip
EVENT_TYPES: dict[EventType, int] = {
    "DECLARED_OUTPUT": 1, "DECLARED_INPUT": 2, "INPUT": 3, "OUTPUT": 4,
    "INTERNAL_INPUT": 5, "INTERNAL_OUTPUT": 6, "PENDING_OUTPUT": 7,
}  # fmt: skip

SIMPLE_TYPES: tuple[tuple[str, Kind], ...] = (
    ("mlmd.Dataset", "Artifact"), ("mlmd.Model", "Artifact"), ("mlmd.Metrics", "Artifact"),
    ("mlmd.Statistics", "Artifact"), ("mlmd.Train", "Execution"), ("mlmd.Transform", "Execution"),
    ("mlmd.Process", "Execution"), ("mlmd.Evaluate", "Execution"), ("mlmd.Deploy", "Execution"),
)  # fmt: skip
"""Types that each store has from its beginning."""
BASE_TYPES: dict[tuple[str, Kind], str] = {
    ("Model", "Artifact"): "mlmd.Model",
    ("DatasetManifest", "Artifact"): "mlmd.Dataset",
    ("Verdict", "Artifact"): "mlmd.Metrics",
    ("Run", "Execution"): "mlmd.Train",
    ("Replay", "Execution"): "mlmd.Evaluate",
    ("Preprocessing", "Execution"): "mlmd.Transform",
}
"""Which of our types is a kind of which of theirs."""


def statements() -> list[str]:
    """What makes an empty store."""
    made = [
        "CREATE TABLE MLMDEnv (schema_version INTEGER PRIMARY KEY)",
        (
            "CREATE TABLE Type (id INTEGER PRIMARY KEY AUTOINCREMENT, name VARCHAR(255) NOT NULL, "
            "version VARCHAR(255), type_kind TINYINT(1) NOT NULL, description TEXT, input_type TEXT, output_type TEXT, "
            "external_id VARCHAR(255) UNIQUE)"
        ),
        (
            "CREATE TABLE TypeProperty (type_id INT NOT NULL, name VARCHAR(255) NOT NULL, data_type INT NULL, "
            "PRIMARY KEY (type_id, name))"
        ),
        (
            "CREATE TABLE ParentType (type_id INT NOT NULL, parent_type_id INT NOT NULL, "
            "PRIMARY KEY (type_id, parent_type_id))"
        ),
        (
            "CREATE TABLE Event (id INTEGER PRIMARY KEY AUTOINCREMENT, artifact_id INT NOT NULL, "
            "execution_id INT NOT NULL, type INT NOT NULL, milliseconds_since_epoch INT, "
            "UNIQUE(artifact_id, execution_id, type))"
        ),
        (
            "CREATE TABLE EventPath (event_id INT NOT NULL, is_index_step TINYINT(1) NOT NULL, step_index INT, "
            "step_key TEXT)"
        ),
        (
            "CREATE TABLE ParentContext (context_id INT NOT NULL, parent_context_id INT NOT NULL, "
            "PRIMARY KEY (context_id, parent_context_id))"
        ),
        *(_link(name, other) for name, other in (("Association", "execution_id"), ("Attribution", "artifact_id"))),
    ]
    for kind in KINDS:
        made += _nodes(kind)
    made += [
        _index("type", "Type", "name"), _index("type", "Type", "external_id"),
        _index("event", "Event", "execution_id"), _index("eventpath", "EventPath", "event_id"),
        _index("parentcontext", "ParentContext", "parent_context_id"),
    ]  # fmt: skip
    return made


def _nodes(kind: Kind) -> list[str]:
    own = {"Artifact": "uri TEXT, state INT,", "Execution": "last_known_state INT,", "Context": ""}[kind]
    needed = "NOT NULL" if kind == "Context" else ""
    low = kind.lower()
    return [
        (
            f"CREATE TABLE {kind} (id INTEGER PRIMARY KEY AUTOINCREMENT, type_id INT NOT NULL, {own} "
            f"name VARCHAR(255) {needed}, external_id VARCHAR(255) UNIQUE, "
            "create_time_since_epoch INT NOT NULL DEFAULT 0, last_update_time_since_epoch INT NOT NULL DEFAULT 0, "
            "UNIQUE(type_id, name))"
        ),
        (
            f"CREATE TABLE {kind}Property ({low}_id INT NOT NULL, name VARCHAR(255) NOT NULL, "
            "is_custom_property TINYINT(1) NOT NULL, int_value INT, double_value DOUBLE, string_value TEXT, "
            f"byte_value BLOB, proto_value BLOB, bool_value BOOLEAN, PRIMARY KEY ({low}_id, name, is_custom_property))"
        ),
        *([_index(low, kind, "uri")] if kind == "Artifact" else []),
        *(
            _index(low, kind, column)
            for column in ("create_time_since_epoch", "last_update_time_since_epoch", "external_id")
        ),
        *(
            f"CREATE INDEX idx_{low}_property_{what} ON {kind}Property(name, is_custom_property, {what}_value) "
            f"WHERE {what}_value IS NOT NULL"
            for what in ("int", "double", "string")
        ),
    ]


def _link(name: str, other: str) -> str:
    return (
        f"CREATE TABLE {name} (id INTEGER PRIMARY KEY AUTOINCREMENT, context_id INT NOT NULL, {other} INT NOT NULL, "
        f"UNIQUE(context_id, {other}))"
    )


def _index(table: str, on: str, column: str) -> str:
    return f"CREATE INDEX idx_{table}_{column} ON {on}({column})"
