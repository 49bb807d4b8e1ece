"""MLflow 3: a real server on SQLite, started here, and its database spoken to directly."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from reprokit.errors import CorruptBundleError, UnverifiedError, UsageError
from reprokit.lineage.graph import Graph
from reprokit.lineage.merging import merge, normal
from reprokit.lineage.standards import mlflow as ours
from reprokit.lineage.standards.mlflow.saying import digest_of
from reprokit.schema.lineage import Artifact, Event, Execution, Lineage

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
mlflow = pytest.importorskip("mlflow", reason="needs the extra `mlflow`")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]  # the library's own warnings are its own
sys.path.insert(0, str(Path(__file__).parent))
import graphs  # noqa: E402


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """A database with its tables, to be copied: making them takes seconds."""
    path = tmp_path_factory.mktemp("mlflow") / "empty.db"
    ours.write(Lineage(), str(path))
    client = mlflow.MlflowClient(f"sqlite:///{path}")
    client.search_experiments()
    return path


@pytest.fixture(scope="module")
def server(database, tmp_path_factory):
    room = tmp_path_factory.mktemp("server")
    shutil.copyfile(database, room / "mlflow.db")
    with (room / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", "0", "--workers", "1",
             "--backend-store-uri", f"sqlite:///{room / 'mlflow.db'}", "--artifacts-destination", str(room / "files")],
            stdout=log, stderr=log, start_new_session=True,
            env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        )  # fmt: skip
    try:
        for _ in range(1500):
            if found := re.search(r"Uvicorn running on (http://127\.0\.0\.1:\d+)", (room / "log").read_text()):
                break
            assert process.poll() is None, (room / "log").read_text()
            time.sleep(0.2)
        else:
            pytest.fail((room / "log").read_text())
        yield found[1]
    finally:
        os.killpg(process.pid, 9)  # a busy machine may take long over an orderly end
        process.wait(120)


def test_a_graph_is_written_to_a_server_once_and_read_back(server):
    graph = graphs.pipeline()
    written = ours.write(graph, server)
    assert len(written) == 2
    assert ours.write(graph, server) == written, "the second time nothing is added"
    runs = {graphs.FILTERING, graphs.TRAINING}
    found = ours.read(server)
    assert sum(run.id in runs for run in found.executions) == 2
    carried = normal(ours.carried(graph))
    back = Graph(found)
    assert back.part([*(n.id for n in carried.artifacts), *runs]).events == carried.events
    assert {graphs.RAW, graphs.LIST} <= back.reached([graphs.MODEL], "up").keys()


def test_mlflow_itself_sees_runs_parameters_metrics_datasets_and_models(server):
    ours.write(graphs.pipeline(), server)
    client = mlflow.MlflowClient(server)
    run_id = next(
        place.partition("#")[2] for place in ours.write(graphs.pipeline(), server)
        if client.get_run(place.partition("#")[2]).info.run_name == "train"
    )  # fmt: skip
    run = client.get_run(run_id)
    assert run.data.params == {"lr": "0.1", "epochs": "3"}
    assert run.data.metrics == {"loss": 1.25}
    assert run.data.tags["mlflow.source.git.commit"] == "ab" * 20
    (dataset,) = run.inputs.dataset_inputs
    assert dataset.dataset.digest == digest_of(graphs.MANIFEST)
    assert json.loads(dataset.dataset.source)["id"] == graphs.MANIFEST
    (model,) = run.outputs.model_outputs
    assert client.get_logged_model(model.model_id).tags["reprokit.id"] == graphs.MODEL
    assert client.get_experiment(run.info.experiment_id).name == "text"


def test_a_digest_of_all_bytes_tells_tables_apart_that_mlflow_holds_for_one(tmp_path):
    pandas = pytest.importorskip("pandas", reason="needs the extra `test`")
    tables = [pandas.DataFrame({"x": range(12_000)}) for _ in range(2)]
    tables[1].loc[11_999, "x"] = -1
    theirs = {mlflow.data.from_pandas(table, name="t").digest for table in tables}
    own = {digest_of(f"sha256:{hashlib.sha256(table.to_csv().encode()).hexdigest()}") for table in tables}
    assert len(theirs) == 1, "theirs reads 10,000 rows"
    assert len(own) == 2


@pytest.fixture
def foreign(server, tmp_path):
    """A run that MLflow's own API tracked."""
    pandas = pytest.importorskip("pandas", reason="needs the extra `test`")
    model = tmp_path / "model.pt"
    model.write_bytes(os.urandom(100))
    mlflow.set_tracking_uri(server)
    mlflow.set_experiment("theirs")
    with mlflow.start_run() as run:
        mlflow.log_params({"lr": 0.5, "name": "x"})
        mlflow.log_metric("loss", 2.0, step=1)
        mlflow.log_metric("loss", 1.0, step=2)
        mlflow.log_input(
            mlflow.data.from_pandas(pandas.DataFrame({"x": [1.5]}), source="s3://b/x.csv", name="t"), "train"
        )
        mlflow.log_artifact(str(model), "out")
        mlflow.set_tag("team", "nlp")
    yield run.info.run_id, model
    mlflow.set_tracking_uri(None)


def test_a_run_of_someone_else_is_imported(server, foreign):
    run_id, model = foreign
    graph = Graph(ours.read(f"{server}#{run_id}"))
    own = uuid.UUID(hex=run_id).urn
    assert list(graph.executions) == [own]
    run = graph.executions[own]
    assert run.state == "COMPLETE"
    assert (run.properties["parameter.lr"], run.properties["metric.loss"], run.properties["tag.team"]) == (
        0.5,
        1,
        "nlp",
    )
    digest = f"sha256:{hashlib.sha256(model.read_bytes()).hexdigest()}"
    up = graph.reached([digest], "up")
    assert any(node.startswith("mlflow-digest:t:") for node in up)
    assert graph.artifacts[digest].type == "Model"


def test_an_audit_names_what_a_run_lacks(server, foreign):
    run_id, _ = foreign
    lacks = {lack.name: lack for lack in ours.audit(f"{server}#{run_id}")}
    assert {"seed", "image", "packages", "dataset digest", "trace"} <= lacks.keys()
    assert not {"parameters", "metrics", "outputs", "end", "dataset"} & lacks.keys()
    client = mlflow.MlflowClient(server)
    client.log_param(run_id, "random_seed", 3)
    client.log_text(run_id, "numpy==2.4.6", "requirements.txt")
    assert not {"seed", "packages"} & {lack.name for lack in ours.audit(f"{server}#{run_id}")}
    bare = client.create_run(client.create_experiment(f"bare-{uuid.uuid4()}"))
    missing = {lack.name for lack in ours.audit(f"{server}#{bare.info.run_id}")}
    assert {"commit", "parameters", "dataset", "metrics", "outputs", "end"} <= missing
    with pytest.raises(UsageError):
        ours.audit(server)


def test_a_bundle_is_logged_with_the_run_that_it_is_of(server, foreign, tmp_path):
    run_id, _ = foreign
    bundle = tmp_path / "train.repro.tar.zst"
    bundle.write_bytes(b"a bundle")
    graph = graphs.pipeline()
    own = uuid.UUID(hex=run_id).urn
    events = [
        event.model_copy(update={"execution": own}) for event in graph.events if event.execution == graphs.TRAINING
    ]
    part = graph.model_copy(update={"events": events, "executions": [Execution(id=own, type="Run")]})
    for _ in range(2):
        ours.log_bundle(f"{server}#{run_id}", str(bundle), graphs.BUNDLE, part)
    client = mlflow.MlflowClient(server)
    run = client.get_run(run_id)
    assert run.data.tags["reprokit.bundle"] == graphs.BUNDLE
    assert [one.path for one in client.list_artifacts(run_id, "reprokit")] == ["reprokit/train.repro.tar.zst"]
    assert len(run.outputs.model_outputs) == 1
    assert digest_of(graphs.MANIFEST) in {one.dataset.digest for one in run.inputs.dataset_inputs}
    back = Graph(ours.read(f"{server}#{run_id}"))
    assert graphs.MANIFEST in back.reached([graphs.MODEL], "up")
    assert ours.audit(f"{server}#{run_id}") == []
    with pytest.raises(UsageError) as caught:
        ours.log_bundle(f"{server}#{'0' * 32}", str(bundle), graphs.BUNDLE, part)
    assert caught.value.code == "RPK184"


def test_a_run_that_only_names_a_bundle_lacks_what_it_lacked(server, foreign, tmp_path):
    """The upload failed, or somebody set the tag: there is nothing that could be replayed."""
    run_id, _ = foreign
    before = {lack.name for lack in ours.audit(f"{server}#{run_id}")}
    mlflow.MlflowClient(server).set_tag(run_id, "reprokit.bundle", graphs.BUNDLE)
    assert {lack.name for lack in ours.audit(f"{server}#{run_id}")} == before >= {"trace", "seed"}
    with pytest.raises(UnverifiedError):
        ours.log_bundle(f"{server}#{run_id}", str(tmp_path / "gone.repro.tar.zst"), graphs.BUNDLE, Lineage())


def test_a_run_that_read_very_many_files_logs_its_manifests_alone(server, foreign, tmp_path):
    run_id, _ = foreign
    own = uuid.UUID(hex=run_id).urn
    files = [Artifact(id=graphs.sha(n), type="File", name=f"{n}.png") for n in range(100, 1200)]
    manifest = Artifact(id=graphs.MANIFEST, type="DatasetManifest", name="pictures")
    events = [Event(artifact=node.id, execution=own, type="INPUT") for node in (*files, manifest)]
    part = Lineage(artifacts=[*files, manifest], executions=[Execution(id=own, type="Run")], events=events)
    bundle = tmp_path / "b.repro.tar.zst"
    bundle.write_bytes(b"x")
    ours.log_bundle(f"{server}#{run_id}", str(bundle), graphs.BUNDLE, part)
    run = mlflow.MlflowClient(server).get_run(run_id)
    assert {one.dataset.name for one in run.inputs.dataset_inputs} == {"t", "pictures"}
    assert run.data.tags["reprokit.inputs_left_out"] == "1100"


def test_a_server_that_is_down_is_said_soon():
    with socket.socket() as silent:  # bound and not listening: it refuses, and no other program gets the port
        silent.bind(("127.0.0.1", 0))
        place = f"http://127.0.0.1:{silent.getsockname()[1]}"
        before = time.monotonic()
        for doing in (lambda: ours.read(place), lambda: ours.write(graphs.pipeline(), place)):
            with pytest.raises(UnverifiedError) as caught:
                doing()
            assert caught.value.code == "RPK185"
        assert time.monotonic() - before < 120  # left to itself, MLflow tries for minutes
    assert "MLFLOW_HTTP_REQUEST_MAX_RETRIES" not in os.environ


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(graph=graphs.graphs())
def test_what_is_written_is_read_back(graph, database, tmp_path_factory):
    path = tmp_path_factory.mktemp("law") / "mlflow.db"
    shutil.copyfile(database, path)
    ours.write(graph, str(path))
    found, kept = ours.read(str(path)).to_json(), normal(ours.carried(graph)).to_json()
    for part in kept:
        assert [one for one in kept[part] if one not in found[part]] == []
        assert found[part] == kept[part]


def test_artifacts_whose_digests_begin_alike_stay_apart(server):
    """MLflow's digests are short, and it takes datasets of one name and one digest for the same one."""
    nodes = [Artifact(id=graphs.sha(n), type="File", name="part.csv") for n in range(2**70, 2**70 + 130)]
    assert len({digest_of(node.id) for node in nodes}) == 1
    runs = [Execution(id=uuid.uuid4().urn, type="Run", name=f"alike {n}") for n in range(2)]
    events = [Event(artifact=nodes[-1].id, execution=runs[0].id, type="INPUT")]
    events += [Event(artifact=node.id, execution=runs[1].id, type="INPUT") for node in nodes]
    events += [Event(artifact=node.id, execution=runs[1].id, type="OUTPUT") for node in nodes[:2]]
    graph = Lineage(artifacts=nodes, executions=runs, events=events)
    for _ in range(2):
        ours.write(graph, server)
        back = Graph(ours.read(server)).part([*(node.id for node in nodes), *(run.id for run in runs)])
        kept = normal(ours.carried(graph))
        assert (back.artifacts, back.events) == (kept.artifacts, kept.events)
    client = mlflow.MlflowClient(server)
    inputs = client.get_run(uuid_of(client, runs[1].id)).inputs.dataset_inputs
    assert {json.loads(one.dataset.source)["id"] for one in inputs} >= {node.id for node in nodes}


def uuid_of(client, execution):
    experiments = [one.experiment_id for one in client.search_experiments()]
    (run,) = client.search_runs(experiments, f"tags.`reprokit.execution` = '{execution}'")
    return run.info.run_id


@pytest.mark.parametrize("identifier", [graphs.HOSTILE, "it's", 'say "x"', "`", "%' OR '1'='1", "x" * 4000])
def test_a_run_is_found_again_whatever_it_is_called(identifier, database, tmp_path):
    path = tmp_path / "mlflow.db"
    shutil.copyfile(database, path)
    graph = Lineage(executions=[Execution(id=identifier, type="Run", name="one")])
    assert ours.write(graph, str(path)) == ours.write(graph, str(path))
    assert len(ours.read(str(path)).executions) == 1


def test_a_run_from_before_the_tag_of_its_digest_is_found(database, tmp_path):
    path = tmp_path / "mlflow.db"
    shutil.copyfile(database, path)
    client = mlflow.MlflowClient(f"sqlite:///{path}")
    older = client.create_run("0", tags={"reprokit.execution": graphs.TRAINING}).info.run_id
    graph = Lineage(executions=[Execution(id=graphs.TRAINING, type="Run", name="train")])
    assert [place.partition("#")[2] for place in ours.write(graph, str(path))] == [older]


def test_a_logged_model_that_another_run_used_joins_them(database, tmp_path):
    """As an evaluation, or a training that goes on from it, says it."""
    path = tmp_path / "mlflow.db"
    shutil.copyfile(database, path)
    client = mlflow.MlflowClient(f"sqlite:///{path}")
    trained, tuned = (client.create_run("0").info.run_id for _ in range(2))
    model = client.create_logged_model("0", name="base", source_run_id=trained).model_id
    client.log_outputs(trained, [mlflow.entities.LoggedModelOutput(model, 0)])
    client.log_inputs(tuned, models=[mlflow.entities.LoggedModelInput(model)])
    found = Graph(merge(ours.read(f"sqlite:///{path}#{run}") for run in (trained, tuned)))
    above = found.reached([f"urn:uuid:{uuid.UUID(tuned)}"], "up")
    assert {f"mlflow-model:{model}", f"urn:uuid:{uuid.UUID(trained)}"} < set(above)


def test_the_longest_parameters_and_tags_fit_into_a_request(server):
    """Three bytes become six characters there, four become twelve, and a request may have a million."""
    long = {f"parameter.p{n}": "\N{GRINNING FACE}" * 1500 for n in range(120)}
    long |= {f"t{n}": "\N{GRINNING FACE}" * 400 for n in range(120)}
    graph = Lineage(executions=[Execution(id=uuid.uuid4().urn, type="Run", name="long", properties=long)])
    (place,) = ours.write(graph, server)
    (run,) = ours.read(place).executions
    assert run.properties == normal(ours.carried(graph)).executions[0].properties
    assert len(run.properties) == 240


def test_a_broken_tag_is_named(database, tmp_path):
    path = tmp_path / "mlflow.db"
    shutil.copyfile(database, path)
    (_, run) = ours.write(graphs.pipeline(), str(path))
    client = mlflow.MlflowClient(f"sqlite:///{path}")
    client.set_tag(run.partition("#")[2], "reprokit.output.x", '{"artifact": {"id": ')
    with pytest.raises(CorruptBundleError) as caught:
        ours.read(str(path))
    assert caught.value.code == "RPK181"


def test_a_database_that_is_not_there_is_not_made(tmp_path):
    path = tmp_path / "mispelt.db"
    run = "0" * 32
    for doing in (
        lambda: ours.read(str(path)),
        lambda: ours.read(f"sqlite:///{path}#{run}"),
        lambda: ours.audit(f"{path}#{run}"),
        lambda: ours.log_bundle(f"{path}#{run}", str(path), graphs.BUNDLE, Lineage()),
    ):
        with pytest.raises(UsageError) as caught:
            doing()
        assert caught.value.code == "RPK184"
    assert not path.exists()


def test_a_file_that_is_no_database(tmp_path):
    path = tmp_path / "mlflow.db"
    path.write_text("nothing of the kind " * 500)
    with pytest.raises(UnverifiedError) as caught:
        ours.read(str(path))
    assert caught.value.code == "RPK185"
