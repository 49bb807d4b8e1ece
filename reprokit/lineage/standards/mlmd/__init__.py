"""ML Metadata: a store of schema version 10 in SQLite, written and read without its library.

``ml-metadata`` 1.17.1 needs protobuf 4, TensorFlow 2.21 needs 6 or newer: the two cannot be installed together, so the
file is written as the library writes it. The library itself reads it back in the tests, in an environment of its own.
Each node keeps its identifier as its ``external_id``, and its properties as custom properties.
Source: https://www.tensorflow.org/tfx/guide/mlmd
"""

from __future__ import annotations

from typing import Any

from reprokit.lineage.graph import referred
from reprokit.lineage.merging import merge, normal
from reprokit.lineage.standards.mlmd.reading import read
from reprokit.lineage.standards.mlmd.writing import RESERVED, single, write
from reprokit.schema.lineage import UNKNOWN, Artifact, Context, Execution, Lineage

__all__ = ["EXTRA", "LOSES", "TITLE", "carried", "read", "write"]

TITLE = "ML Metadata (MLMD), schema version 10, SQLite"
EXTRA = ""
LOSES = (
    "Several events of one kind between the same artifact and execution become one.",
    "Nodes that are referred to and not described become nodes of the type Unknown.",
    "Properties called `reprokit.name` and `reprokit.ended`, which hold what the store has no column for.",
)


def carried(lineage: Lineage) -> Lineage:
    """What a store keeps of a graph."""
    lineage = normal(lineage)
    artifacts, executions, contexts = referred(lineage)
    placeholders = Lineage(
        artifacts=[Artifact(id=key, type=UNKNOWN, state="UNKNOWN") for key in artifacts],
        executions=[Execution(id=key, type=UNKNOWN, state="UNKNOWN") for key in executions],
        contexts=[Context(id=key, type=UNKNOWN) for key in contexts],
    )
    fields: dict[str, Any] = {
        "events": single(lineage),
        "artifacts": [_stored(node) for node in lineage.artifacts],
        "executions": [_stored(node) for node in lineage.executions],
        "contexts": [_stored(node) for node in lineage.contexts],
    }
    return merge([lineage.model_copy(update=fields), placeholders])


def _stored(node: Artifact | Execution | Context) -> Artifact | Execution | Context:
    kept = {name: value for name, value in node.properties.items() if name not in RESERVED}
    return node.model_copy(update={"properties": kept})
