"""SLSA provenance, parsed and validated by `in-toto-attestation`."""

import json

import pytest

from reprokit.errors import CorruptBundleError
from reprokit.lineage.standards import slsa
from reprokit.schema.lineage import Artifact, Event, Execution, Lineage

pb = pytest.importorskip("in_toto_attestation.v1.statement_pb2", reason="needs the extra `slsa`")
json_format = pytest.importorskip("google.protobuf.json_format", reason="needs the extra `slsa`")
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2  # noqa: E402
from in_toto_attestation.v1.statement import Statement  # noqa: E402


def parsed(line):
    """A statement and its predicate, in the library's types; a field that those do not know is an error."""
    statement = json_format.Parse(line, pb.Statement())
    Statement.copy_from_pb(statement).validate()
    provenance = json_format.ParseDict(json.loads(line)["predicate"], provenance_pb2.Provenance())
    return statement, provenance


@pytest.fixture
def lines(story, tmp_path):
    slsa.write(story, str(tmp_path / "provenance.intoto.jsonl"))
    return (tmp_path / "provenance.intoto.jsonl").read_text().splitlines()


def test_each_run_that_made_something_has_a_valid_statement(lines):
    assert [parsed(line)[1].run_details.metadata.invocation_id[-1] for line in lines] == ["1", "2", "3"]


def test_the_statement_of_the_training(lines):
    statement, provenance = parsed(lines[1])
    subjects = {subject.name: subject.digest.get("sha256", "") for subject in statement.subject}
    assert subjects == {"model.pt": "5" * 64, "run.repro.tar.zst": ""}
    (bundle,) = [one for one in statement.subject if one.name == "run.repro.tar.zst"]
    assert dict(bundle.digest) == {slsa.BUNDLE_DIGEST: "6" * 64}
    assert statement.predicate_type == "https://slsa.dev/provenance/v1"
    definition = provenance.build_definition
    assert definition.external_parameters["parameter.lr"] == 0.1
    data, source = definition.resolved_dependencies
    assert (data.name, data.uri, data.digest["sha256"]) == ("filtered", "s3://bucket/filtered", "3" * 64)
    assert source.uri == f"git+https://example.org/repo.git@{'a' * 40}"
    assert source.digest["gitCommit"] == "a" * 40
    assert provenance.run_details.metadata.started_on.ToMilliseconds() == 1_710_000_002_000
    assert provenance.run_details.builder.id.startswith("https://")


def test_a_bundles_digest_is_not_given_for_that_of_its_file(lines):
    """Whoever hashes the file finds another: the identifier is the digest of its canonical manifest."""
    (used,) = json.loads(lines[2])["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert used["digest"] == {slsa.BUNDLE_DIGEST: "6" * 64}


def test_every_resource_has_a_uri_or_a_digest():
    """The specification asks for it; a name alone says nothing to a verifier."""
    run = Execution(id="urn:uuid:00000000-0000-4000-8000-000000000009", type="Run")
    events = [
        Event(artifact="wandb:abc", execution=run.id, type="INPUT"),
        Event(artifact="mlflow:log", execution=run.id, type="OUTPUT"),
        Event(artifact=f"sha256:{'9' * 64}", execution=run.id, type="OUTPUT"),
    ]
    nodes = [Artifact(id="wandb:abc", type="Dataset", name="corpus")]
    (statement,) = slsa.statements(Lineage(artifacts=nodes, executions=[run], events=events))
    predicate = statement["predicate"]
    resources = [*statement["subject"], *predicate["buildDefinition"]["resolvedDependencies"]]
    resources += predicate["runDetails"]["byproducts"]
    assert len(resources) == 3
    assert all(one.get("uri") or one.get("digest") for one in resources)


@pytest.mark.parametrize(("dirty", "said"), [(False, None), (True, True), ("unknown", True)])
def test_changes_that_no_commit_holds_are_said(dirty, said, story):
    runs = [run.model_copy(update={"properties": {**run.properties, "git_dirty": dirty}}) for run in story.executions]
    statement = slsa.statements(story.model_copy(update={"executions": runs}))[1]
    source = statement["predicate"]["buildDefinition"]["resolvedDependencies"][-1]
    assert source["annotations"]["reprokit"].get("dirty") is said


@pytest.mark.parametrize(
    "break_it",
    [
        lambda statement: statement.update(subject=[]),
        lambda statement: statement["subject"][0].pop("digest"),
        lambda statement: statement.update(_type="https://in-toto.io/Statement/v0.1"),
        lambda statement: statement["predicate"].update(builder={}),
        lambda statement: statement["predicate"]["runDetails"]["metadata"].update(startedOn="yesterday"),
    ],
)
def test_the_library_refuses_what_is_wrong(break_it, lines):
    """The control."""
    statement = json.loads(lines[1])
    parsed(json.dumps(statement))
    break_it(statement)
    with pytest.raises((ValueError, json_format.ParseError)):
        parsed(json.dumps(statement))


def test_what_the_library_writes_is_read(lines, story, tmp_path):
    """Through the library's types and out again: numbers are doubles there, so a run's integers stay equal."""
    written = [json_format.MessageToJson(parsed(line)[0], indent=None) for line in lines]
    (tmp_path / "again.jsonl").write_text("\n".join(written))
    assert slsa.read(str(tmp_path / "again.jsonl")) == slsa.carried(story)


def test_statements_of_other_builders(tmp_path):
    theirs = {
        "_type": slsa.STATEMENT,
        "subject": [{"name": "model.bin", "digest": {"sha256": "9" * 64}}],
        "predicateType": slsa.PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": "https://actions.github.io/buildtypes/workflow/v1",
                "externalParameters": {"workflow": {"ref": "refs/heads/main"}},
                "resolvedDependencies": [{"uri": "git+https://x", "digest": {"gitCommit": "b" * 40}}],
            },
            "runDetails": {"builder": {"id": "https://b"}, "metadata": {"startedOn": "2024-01-01T00:00:00Z"}},
        },
    }
    parsed(json.dumps(theirs))
    (tmp_path / "theirs.json").write_text(json.dumps(theirs, indent=1))
    found = slsa.read(str(tmp_path / "theirs.json"))
    assert {node.id for node in found.artifacts} == {f"sha256:{'9' * 64}", f"gitCommit:{'b' * 40}"}
    (run,) = found.executions
    assert (run.type, run.name, run.started) == ("Build", "https://b", 1_704_067_200_000)
    for name, known in (("7", "https://b#7"), ("https://b/runs/7", "https://b/runs/7")):
        theirs["predicate"]["runDetails"]["metadata"]["invocationId"] = name
        (tmp_path / "theirs.json").write_text(json.dumps(theirs))
        (run,) = slsa.read(str(tmp_path / "theirs.json")).executions
        assert run.id == known, "two builders may call their runs alike"


def test_what_is_not_read_is_said_where_a_document_is_imported(story, tmp_path, monkeypatch):
    pytest.importorskip("sqlalchemy", reason="needs the extra `lineage`")
    from reprokit.verbs.lineage_exchange import take_in

    monkeypatch.setenv("REPROKIT_HOME", str(tmp_path / "home"))
    (place,) = slsa.write(story, str(tmp_path / "graph.jsonl"))
    said = take_in("slsa", place, start=tmp_path).loses
    assert said[: len(slsa.LOSES)] == [*slsa.LOSES]
    assert [one.partition(": ")[2] for one in said[len(slsa.LOSES) :]] == [*slsa.UNREAD]
    assert slsa.UNREAD


def test_another_predicate_is_refused(lines, tmp_path):
    (tmp_path / "x").write_text(lines[0].replace("slsa.dev/provenance/v1", "slsa.dev/provenance/v0.2"))
    with pytest.raises(CorruptBundleError, match=r"v0\.2"):
        slsa.read(str(tmp_path / "x"))
