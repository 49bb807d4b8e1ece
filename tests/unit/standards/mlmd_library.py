"""Runs in an environment of its own, with `ml-metadata` 1.17.1: writes a store, or asks one what is upstream.

python mlmd_library.py write STORE
python mlmd_library.py upstream STORE MODEL_ID
python mlmd_library.py dump STORE
"""

from __future__ import annotations

import json
import sys

from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as pb


def opened(path):
    config = pb.ConnectionConfig()
    config.sqlite.filename_uri = path
    config.sqlite.connection_mode = pb.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    return metadata_store.MetadataStore(config)


def value_of(value):
    return getattr(value, value.WhichOneof("value"))


def write(store):
    kind = pb.ArtifactType(name="Model", properties={"size": pb.INT, "score": pb.DOUBLE, "good": pb.BOOLEAN})
    model = pb.Artifact(
        type_id=store.put_artifact_type(kind),
        uri="file:///model.pt",
        name="model.pt",
        external_id="sha256:ab",
        state=pb.Artifact.LIVE,
    )
    model.properties["size"].int_value = 3
    model.properties["score"].double_value = 1.5
    model.properties["good"].bool_value = True
    model.custom_properties["note"].string_value = "a note"
    data = pb.Artifact(type_id=store.put_artifact_type(pb.ArtifactType(name="File")), uri="file:///raw.txt")
    run = pb.Execution(
        type_id=store.put_execution_type(pb.ExecutionType(name="Run")),
        name="train",
        last_known_state=pb.Execution.COMPLETE,
    )
    (model_id, data_id), (run_id,) = store.put_artifacts([model, data]), store.put_executions([run])
    made = pb.Event(artifact_id=model_id, execution_id=run_id, type=pb.Event.OUTPUT, milliseconds_since_epoch=5)
    made.path.steps.add().key = "model"
    made.path.steps.add().index = 2
    used = pb.Event(artifact_id=data_id, execution_id=run_id, type=pb.Event.INPUT, milliseconds_since_epoch=4)
    store.put_events([made, used])
    contexts = store.put_context_type(pb.ContextType(name="Experiment"))
    first, second = store.put_contexts(
        [pb.Context(type_id=contexts, name="one"), pb.Context(type_id=contexts, name="two")]
    )
    store.put_attributions_and_associations(
        [pb.Attribution(artifact_id=model_id, context_id=first)],
        [pb.Association(execution_id=run_id, context_id=first)],
    )
    store.put_parent_contexts([pb.ParentContext(child_id=first, parent_id=second)])
    return {}


def upstream(store, model):
    options = pb.LineageSubgraphQueryOptions(
        starting_artifacts=pb.LineageSubgraphQueryOptions.StartingNodes(filter_query=f"external_id = '{model}'"),
        max_num_hops=20,
        direction=pb.LineageSubgraphQueryOptions.UPSTREAM,
    )
    graph = store.get_lineage_subgraph(options)
    return {
        "artifacts": sorted(node.external_id for node in graph.artifacts),
        "executions": sorted(node.external_id for node in graph.executions),
        "types": sorted({node.type for node in graph.artifacts}),
        "events": len(graph.events),
    }


def dump(store):
    found = {}
    for kind in ("artifacts", "executions", "contexts"):
        for node in getattr(store, f"get_{kind}")():
            found[node.external_id] = {
                "name": node.name,
                "type": node.type,
                "uri": getattr(node, "uri", ""),
                "properties": {key: value_of(value) for key, value in node.custom_properties.items()},
            }
    return found


if __name__ == "__main__":
    said = {"write": write, "upstream": upstream, "dump": dump}[sys.argv[1]](opened(sys.argv[2]), *sys.argv[3:])
    print(json.dumps(said))
