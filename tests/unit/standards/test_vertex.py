"""Vertex ML Metadata: the resources are parsed by the types of Google's own client."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from reprokit.errors import CorruptBundleError, UsageError
from reprokit.lineage.merging import normal
from reprokit.lineage.standards import vertex

sys.path.insert(0, str(Path(__file__).parent))
import graphs


@pytest.fixture(scope="module")
def types():
    return pytest.importorskip("google.cloud.aiplatform_v1.types", reason="needs the extra `vertex`")


def strictly(kind, resource):
    """Parses a resource with an unknown field as an error, and returns its JSON as the client writes it."""
    message = kind.from_json(json.dumps(resource), ignore_unknown_fields=False)
    return json.loads(kind.to_json(message, use_integers_for_enums=False))


def through_the_client(document, types):
    graph = {name: document[name] for name in ("artifacts", "executions", "events")}
    back = strictly(types.LineageSubgraph, graph)
    back["contexts"] = [strictly(types.Context, one) for one in document["contexts"]]
    back["contextMembers"] = [
        strictly(types.AddContextArtifactsAndExecutionsRequest, one) for one in document["contextMembers"]
    ]
    return back | {"reprokit": document["reprokit"]}


def test_the_client_understands_every_resource(types, tmp_path):
    target = str(tmp_path / "vertex.json")
    vertex.write(graphs.pipeline(), target)
    document = json.loads(Path(target).read_text())
    back = through_the_client(document, types)
    titles = {one["metadata"]["reprokit_id"]: one["schemaTitle"] for one in back["artifacts"] + back["executions"]}
    assert (titles[graphs.MODEL], titles[graphs.RAW], titles[graphs.TRAINING]) == (
        "system.Model", "system.Dataset", "system.Run",
    )  # fmt: skip
    with pytest.raises(Exception, match=r"(?i)no field|invalid|unknown"):
        strictly(types.Artifact, {**document["artifacts"][0], "colour": "red"})
    with pytest.raises(Exception, match=r"(?i)enum"):
        strictly(types.Event, {**document["events"][0], "type": "DECLARED_INPUT"})


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(graph=graphs.graphs())
def test_a_graph_survives_the_file_and_the_client(graph, types, tmp_path_factory):
    target = tmp_path_factory.mktemp("vertex") / "vertex.json"
    vertex.write(graph, str(target))
    assert vertex.read(str(target)) == normal(vertex.carried(graph))
    target.write_text(json.dumps(through_the_client(json.loads(target.read_text()), types)))
    assert vertex.read(str(target)) == normal(vertex.carried(graph)), "what Google's client gives back"


def test_resources_of_someone_else(types, tmp_path):
    theirs = types.LineageSubgraph(
        artifacts=[types.Artifact(name="projects/1/a", display_name="m", schema_title="system.Model", state=2,
                                  metadata={"framework": "tf", "shape": [1, 2]})],
        executions=[types.Execution(name="projects/1/e", schema_title="system.ContainerExecution", state=6)],
        events=[types.Event(artifact="projects/1/a", execution="projects/1/e", type_=2)],
    )  # fmt: skip
    path = tmp_path / "theirs.json"
    path.write_text(types.LineageSubgraph.to_json(theirs, use_integers_for_enums=False))
    found = vertex.read(str(path))
    assert (found.artifacts[0].type, found.artifacts[0].name) == ("system.Model", "m")
    assert found.artifacts[0].properties == {"framework": "tf", "shape": "[1.0, 2.0]"}
    assert found.executions[0].state == "CANCELED"
    assert found.events[0].type == "OUTPUT"


@pytest.mark.parametrize(
    "text", ["", "[]", "1", "{", '{"artifacts": 3}', '{"artifacts": [{}]}', '{"events": [{"artifact": "a"}]}',
             '{"executions": [{"name": "x", "state": "FLYING"}]}', "[" * 100_000, '{"artifacts": [{"name": 5}]}',
             '{"artifacts": [{"name": "x", "createTime": "yesterday"}]}'],
)  # fmt: skip
def test_broken_files(text, tmp_path):
    path = tmp_path / "broken.json"
    path.write_text(text)
    with pytest.raises(CorruptBundleError) as caught:
        vertex.read(str(path))
    assert caught.value.code == "RPK167"


def test_no_file(tmp_path):
    with pytest.raises(UsageError):
        vertex.read(str(tmp_path / "none"))
