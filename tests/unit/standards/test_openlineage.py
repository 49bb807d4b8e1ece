"""OpenLineage with the real client: its classes' schemas, its transports, and a collector that the test starts."""

import http.server
import importlib.util
import json
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("openlineage.client", reason="needs the extra `openlineage`")
jsonschema = pytest.importorskip("jsonschema", reason="needs the extra `test`")
referencing = pytest.importorskip("referencing", reason="needs the extra `test`")

from reprokit.errors import CorruptBundleError, UnverifiedError, UsageError  # noqa: E402
from reprokit.lineage.merging import merge, normal  # noqa: E402
from reprokit.lineage.standards import openlineage, standard  # noqa: E402
from reprokit.lineage.standards.openlineage.events import events_of, line_of, lines_of  # noqa: E402
from reprokit.lineage.standards.openlineage.sending import emitter, send  # noqa: E402
from reprokit.lineage.standards.openlineage.spool import Flushed, Spool  # noqa: E402
from reprokit.schema.lineage import Artifact, Execution, Lineage  # noqa: E402

OWN = json.loads((Path(__file__).parents[3] / "docs/schemas/openlineage/1-0-0/ReprokitFacets.json").read_text())


def made_schema(kind):
    module = loaded(Path(__file__).with_name("openlineage_schema.py"))
    registry = referencing.Registry().with_resource(OWN["$id"], referencing.Resource.from_contents(OWN))
    schema = module.schema_of_event(kind, OWN["$id"])
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema, registry=registry)


def loaded(path):
    spec = importlib.util.spec_from_file_location(f"loaded_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def plain_events(graph):
    return [json.loads(line_of(event)) for event in events_of(normal(graph))]


def kind_of(event):
    return "run" if "run" in event else "dataset"


class Collector(http.server.ThreadingHTTPServer):
    """A server that keeps what it is sent, in order; ``status`` is what it answers, once ``ready`` is set."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.events, self.requests, self.status, self.answers = [], [], 201, []
        self.location = None
        self.ready = threading.Event()
        self.ready.set()
        threading.Thread(target=self.serve_forever, daemon=True, kwargs={"poll_interval": 0.02}).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.ready.wait()
        status = self.server.answers.pop(0) if self.server.answers else self.server.status
        self.server.requests.append((self.path, dict(self.headers)))
        if status < 300:
            self.server.events.append(body)
        self.send_response(status)
        if 300 <= status < 400 and self.server.location is not None:
            self.send_header("Location", self.server.location)
        self.end_headers()
        self.wfile.write(b"said the collector")

    def do_GET(self):
        """What a page for people answers: that all is well; and an address that takes nothing but events: that not."""
        self.send_response(405 if self.path == "/events" else 200)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def collector():
    server = Collector()
    yield server
    server.shutdown()
    server.server_close()


def test_every_event_is_valid(story):
    validators = {kind: made_schema(kind) for kind in ("run", "dataset")}
    events = plain_events(story)
    for event in events:
        validators[kind_of(event)].validate(event)
    assert [kind_of(event) for event in events].count("dataset") == 7


@pytest.mark.slow
def test_every_event_of_any_graph_is_valid():
    from hypothesis import HealthCheck, given, settings

    graphs = loaded(Path(__file__).parents[2] / "contract" / "test_standards.py").graphs
    validators = {kind: made_schema(kind) for kind in ("run", "dataset")}

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(graphs())
    def law(graph):
        for event in plain_events(graph):
            validators[kind_of(event)].validate(event)

    law()


@pytest.mark.parametrize(
    "break_it",
    [
        lambda event: event.pop("eventTime"),
        lambda event: event.update(eventTime="yesterday"),
        lambda event: event["run"].update(runId="7"),
        lambda event: event.update(producer="reprokit"),
        lambda event: event["run"]["facets"]["processing_engine"].pop("version"),
        lambda event: event["run"]["facets"]["processing_engine"].update(_schemaURL="https://openlineage.io/other"),
        lambda event: event["run"]["facets"].update(processingEngine={}),
        lambda event: event["run"]["facets"]["reprokit_run"]["node"].update(state="GONE"),
        lambda event: event["job"]["facets"]["jobType"].update(processingType="batch"),
        lambda event: event["inputs"][0]["facets"]["reprokit_artifact"].pop("id"),
        lambda event: event["inputs"][0]["facets"]["reprokit_artifact"]["events"][0].update(time=-1),
        lambda event: event["inputs"][0].pop("namespace"),
        lambda event: event.update(eventType="DONE"),
    ],
)
def test_the_schemas_refuse_what_is_wrong(break_it, story):
    """The control of the test above."""
    event = next(event for event in plain_events(story) if kind_of(event) == "run" and event["inputs"])
    made_schema("run").validate(event)
    break_it(event)
    with pytest.raises(jsonschema.ValidationError):
        made_schema("run").validate(event)


def test_lines_are_the_events(story):
    assert [json.loads(line) for line in lines_of(normal(story))] == plain_events(story)


# In a process of its own: in one with a large heap, Python collects cycles late, and threads of other tests count too.
PEAKS = """
import json, sys, tracemalloc
from pathlib import Path
from reprokit.lineage.merging import normal
from reprokit.lineage.standards import openlineage
from reprokit.lineage.standards.openlineage.events import events_of, line_of, lines_of
from reprokit.schema.lineage import Artifact, Lineage

def peak(function, *arguments):
    tracemalloc.start()
    function(*arguments)
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found

digests = [f"sha256:{number:064x}" for number in range(5000)]
graph = normal(Lineage(artifacts=[Artifact(id=one, type="File", name="x", uri="file:///x.csv") for one in digests]))
openlineage.write(graph, sys.argv[1])
size, text = Path(sys.argv[1]).stat().st_size, Path(sys.argv[1]).read_text()
assert openlineage.read(sys.argv[1]) == graph
print(json.dumps([one / size for one in (
    peak(lines_of, graph), peak(lambda: [line_of(event) for event in events_of(graph)]),
    peak(openlineage.read_events, text, "events.jsonl"), peak(lambda: [json.loads(line) for line in text.splitlines()]),
)]))
"""


@pytest.mark.slow
def test_a_large_graph_is_written_and_read_in_little_more_than_its_text(tmp_path):
    """The control: the events of the client's classes alone take more, and so do all parts of a graph at once."""
    command = [sys.executable, "-c", PEAKS, str(tmp_path / "events.jsonl")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    written, events, read, plain = json.loads(done.stdout)
    assert written < 1.6 < events
    assert read < 3.5 < plain


def test_runs_start_and_end_in_their_order(story):
    told = [(event["job"]["name"], event["eventType"]) for event in plain_events(story) if kind_of(event) == "run"]
    assert told == [
        ("filter", "START"), ("filter", "COMPLETE"), ("train", "START"), ("train", "COMPLETE"),
        ("replay", "START"), ("replay", "FAIL"),
    ]  # fmt: skip


def test_each_facet_says_what_the_graph_says(story):
    events = plain_events(story)
    ends = {event["job"]["name"]: event for event in events if event.get("eventType") in {"COMPLETE", "FAIL"}}
    train, replay = ends["train"], ends["replay"]
    facets = train["run"]["facets"]
    assert facets["processing_engine"]["name"] == "torch"
    assert facets["processing_engine"]["version"] == "2.13.0"
    assert {"key": "lr", "value": "0.1"} in facets["executionParameters"]["parameters"]
    assert {"key": "seed", "value": "7"} in facets["executionParameters"]["parameters"]
    assert facets["environmentVariables"]["environmentVariables"] == [{"name": "PYTHONHASHSEED", "value": "0"}]
    assert {"key": "stage", "value": "release", "source": "REPROKIT"} in facets["tags"]["tags"]
    assert facets["parent"]["run"]["runId"] == "00000000-0000-4000-8000-000000000001"
    assert facets["jobDependencies"]["upstream"][0]["job"]["name"] == "filter"
    job = train["job"]["facets"]
    assert job["sourceCodeLocation"]["version"] == "a" * 40
    assert job["sourceCodeLocation"]["url"] == f"https://example.org/repo/tree/{'a' * 40}"
    assert job["jobType"]["processingType"] == "BATCH"
    assert job["ownership"]["owners"][0]["name"] == "team:research"
    assert job["documentation"]["description"] == "python train.py"
    (data,) = train["inputs"]
    assert (data["namespace"], data["name"]) == ("s3://bucket", "filtered")
    assert data["inputFacets"]["subset"]["inputCondition"] == {
        "type": "location", "locations": ["train/data/train.jsonl"],
    }  # fmt: skip
    of_data = data["facets"]
    assert of_data["version"]["datasetVersion"] == f"sha256:{'3' * 64}"
    assert [field["name"] for field in of_data["schema"]["fields"]] == ["label", "text"]
    assert of_data["dataSource"]["uri"] == "s3://bucket/filtered"
    assert of_data["ownership"]["owners"][0] == {"name": "data@example.org", "type": "CONTACT"}
    assert of_data["documentation"]["description"] == "Letters, filtered."
    assert of_data["storage"]["storageLayer"] == "s3"
    assert {tag["key"] for tag in of_data["tags"]["tags"]} == {"pii", "licence"}
    assert replay["run"]["facets"]["errorMessage"]["message"] == "exit status 1"
    (test,) = replay["run"]["facets"]["test"]["tests"]
    assert (test["status"], test["expected"], test["actual"]) == ("fail", "bitwise", "metric-close")
    (kept,) = [event["dataset"] for event in events if event.get("dataset", {}).get("name") == "/data/train.jsonl"]
    assert kept["facets"]["storage"]["fileFormat"] == "json"


def test_the_client_takes_every_event_over_its_file_transport(story, tmp_path):
    from openlineage.client import OpenLineageClient
    from openlineage.client.transport.file import FileConfig, FileTransport

    path = tmp_path / "events.jsonl"
    client = OpenLineageClient(transport=FileTransport(FileConfig(log_file_path=str(path), append=True)))
    for event in events_of(normal(story)):
        client.emit(event)
    assert standard("openlineage").read(str(path)) == normal(story)


def test_events_go_to_a_collector_over_http(story, collector):
    openlineage.write(story, collector.url, key="secret")
    assert collector.events == plain_events(story)
    assert {path for path, _ in collector.requests} == {"/api/v1/lineage"}
    assert all(headers["Authorization"] == "Bearer secret" for _, headers in collector.requests)


def test_what_the_collector_got_reads_as_the_graph(story, collector):
    openlineage.write(story, f"{collector.url}/other/path")
    assert collector.requests[0][0] == "/other/path"
    assert openlineage.read_events(json.dumps(collector.events), "the collector") == normal(story)


def test_events_in_any_order_and_twice_read_as_the_same_graph(story, tmp_path):
    lines = [line_of(event) for event in events_of(normal(story))] * 2
    for seed in range(5):
        random.Random(seed).shuffle(lines)
        (tmp_path / "events.jsonl").write_text("\n".join(lines))
        assert openlineage.read(str(tmp_path / "events.jsonl")) == normal(story)


def test_a_collector_that_is_down_gets_the_events_later_in_order_and_once(story, collector, tmp_path):
    events = events_of(normal(story))
    collector.status = 503
    with pytest.raises(UnverifiedError) as caught:
        send(events, collector.url, spool=tmp_path / "spool")
    assert caught.value.code == "RPK169"
    assert "13 waiting" in caught.value.message
    assert collector.events == []
    collector.answers = [201, 201, 500]  # it comes back, and goes again after two
    with pytest.raises(UnverifiedError, match="2 sent, 0 refused, 11 waiting"):
        send(events, collector.url, spool=tmp_path / "spool")
    collector.status = 201
    assert send(events, collector.url, spool=tmp_path / "spool") == Flushed(11, 0, 0)
    assert send(events, collector.url, spool=tmp_path / "spool") == Flushed(0, 0, 0)
    assert collector.events == plain_events(story)


def test_a_collector_that_nobody_runs(story, tmp_path):
    with pytest.raises(UnverifiedError, match="0 sent, 0 refused, 13 waiting"):
        send(events_of(normal(story)), "http://127.0.0.1:9", spool=tmp_path / "spool", timeout=1)
    assert len(Spool(tmp_path / "spool").pending()) == 13


@pytest.mark.parametrize(
    ("status", "location"),
    [(301, "/elsewhere"), (302, "/elsewhere"), (303, "/"), (304, None), (302, "http://["), (302, "/events")],
)
def test_an_event_that_was_led_astray_is_not_sent(status, location, story, collector, tmp_path):
    """A POST becomes a GET then: a page answers it, and no collector has the event."""
    collector.answers, collector.location = [status], location
    with pytest.raises(UnverifiedError, match="0 sent, 0 refused, 13 waiting"):
        send(events_of(normal(story)), collector.url, spool=tmp_path / "spool")
    assert collector.events == []
    assert send([], collector.url, spool=tmp_path / "spool") == Flushed(13, 0, 0)
    assert len(collector.events) == 13


@pytest.mark.parametrize("status", [401, 403, 404, 405, 429, 500, 503])
def test_a_wrong_key_or_address_costs_no_event(status, story, collector, tmp_path):
    """They say nothing of the event: it waits until the key or the address is right."""
    collector.answers = [201, status]
    with pytest.raises(UnverifiedError, match=f"1 sent, 0 refused, 12 waiting: .*{status}"):
        send(events_of(normal(story)), collector.url, spool=tmp_path / "spool")
    assert send([], collector.url, spool=tmp_path / "spool") == Flushed(12, 0, 0)
    assert [event["eventTime"] for event in collector.events] == [str(e.eventTime) for e in events_of(normal(story))]


def test_a_redirection_that_keeps_the_event_is_followed(story, collector, tmp_path):
    collector.answers, collector.location = [308], "/v2/lineage"
    assert send(events_of(normal(story)), collector.url, spool=tmp_path / "spool") == Flushed(13, 0, 0)
    assert len(collector.events) == 13
    assert collector.requests[1][0] == "/v2/lineage"


def test_an_event_that_is_refused_does_not_hold_up_the_others(story, collector, tmp_path):
    collector.answers = [201, 422]
    with pytest.raises(UnverifiedError, match="12 sent, 1 refused, 0 waiting"):
        send(events_of(normal(story)), collector.url, spool=tmp_path / "spool")
    (why,) = (tmp_path / "spool" / "refused").glob("*.txt")
    assert "422: said the collector" in why.read_text()
    assert len(collector.events) == 12


def test_a_crash_between_sending_and_removing_does_not_send_twice(story, collector, tmp_path, monkeypatch):
    spool = Spool(tmp_path / "spool")
    spool.put(line_of(event) for event in events_of(normal(story)))
    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", lambda *_a, **_k: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            spool.flush(emitter(collector.url))
    assert len(spool.pending()) == 13
    spool.flush(emitter(collector.url))
    assert collector.events == plain_events(story)


def test_two_senders_at_once_send_each_event_once(story, collector, tmp_path):
    Spool(tmp_path / "spool").put(line_of(event) for event in events_of(normal(story)))
    found = []

    def one():
        found.append(Spool(tmp_path / "spool").flush(emitter(collector.url)))

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    Spool(tmp_path / "spool").flush(emitter(collector.url))
    assert sum(done.sent for done in found) == 13
    assert sorted(map(json.dumps, collector.events)) == sorted(map(json.dumps, plain_events(story)))


def test_what_comes_while_others_are_sent_is_sent_too(story, tmp_path):
    lines = [line_of(event) for event in events_of(normal(story))]
    spool, got = Spool(tmp_path / "spool"), []
    spool.put(lines[:3])

    def emit(line):
        spool.put(lines)  # another recording ends
        got.append(line)

    assert spool.flush(emit) == Flushed(13, 0, 0)
    assert got == lines


def test_what_comes_after_the_last_look_is_sent_too(story, tmp_path):
    """Its own sender finds the lock still held, and leaves."""
    lines = [line_of(event) for event in events_of(normal(story))]
    got, left = [], []

    class Last(Spool):
        def pending(self):
            found = super().pending()
            if got and not found and not left:  # another recording ends now
                Spool(tmp_path).put(lines[3:])
                left.append(Spool(tmp_path).flush(got.append))
            return found

    spool = Last(tmp_path)
    spool.put(lines[:3])
    assert spool.flush(got.append) == Flushed(13, 0, 0)
    assert left == [Flushed(0, 0, 10, "another process is sending")]
    assert got == lines


def test_an_event_that_is_sent_while_another_recording_ends_is_not_kept_again(story, tmp_path):
    """It goes from the files that wait to the notes of what was sent: at each moment it is in one of them."""
    lines = [line_of(event) for event in events_of(normal(story))]
    spool, got = Spool(tmp_path), []
    spool.put(lines)

    class Interrupted(Spool):
        """All that waits is sent between the two looks at what is known already."""

        def _sent(self):
            found = super()._sent()
            spool.flush(got.append)
            return found

        def pending(self):
            found = super().pending()
            spool.flush(got.append)
            return found

    assert Interrupted(tmp_path).put(lines) == 0
    assert (got, spool.pending()) == (lines, [])


def test_keeping_events_asks_no_collector_and_takes_no_time(story, tmp_path):
    lines = [line_of(event) for event in events_of(normal(story))]
    Spool(tmp_path / "warm").put(lines)
    started = time.process_time()
    assert Spool(tmp_path / "spool").put(lines) == 13
    assert time.process_time() - started < 3
    assert Spool(tmp_path / "spool").put(lines) == 0


def test_a_spool_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError) as caught:
        Spool(tmp_path / "file" / "spool").put(["{}"])
    assert caught.value.code == "RPK166"


def test_a_password_is_used_and_never_shown(story, collector):
    url = collector.url.replace("://", "://someone:hidden@")
    assert openlineage.write(story, url) == [collector.url]
    assert collector.requests[0][1]["Authorization"].startswith("Basic ")
    collector.status = 500
    with pytest.raises(UnverifiedError) as caught:
        openlineage.write(story, url)
    assert "hidden" not in caught.value.message


def test_a_host_and_port_are_no_file(story, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for target in ("localhost:5000", "127.0.0.1:5000/api/v1/lineage"):
        with pytest.raises(UsageError) as caught:
            openlineage.write(story, target)
        assert caught.value.code == "RPK166"
    assert list(tmp_path.iterdir()) == []


def test_not_a_url():
    with pytest.raises(UsageError):
        emitter("no url at all")


def test_events_of_other_producers_are_imported(tmp_path):
    """Events that the client makes without reprokit, duplicated and in the wrong order."""
    from openlineage.client import event_v2, facet_v2
    from openlineage.client.serde import Serde

    run = event_v2.Run(
        runId="0190a000-0000-7000-8000-000000000001",
        facets={
            "errorMessage": facet_v2.error_message_run.ErrorMessageRunFacet("no space", "JAVA"),
            "parent": facet_v2.parent_run.ParentRunFacet(
                run=facet_v2.parent_run.Run(runId="0190a000-0000-7000-8000-000000000002"),
                job=facet_v2.parent_run.Job(namespace="airflow", name="dag"),
            ),
        },
    )
    data = event_v2.InputDataset(
        namespace="s3://bucket", name="/table",
        facets={
            "version": facet_v2.dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion="12"),
            "schema": facet_v2.schema_dataset.SchemaDatasetFacet(
                fields=[facet_v2.schema_dataset.SchemaDatasetFacetFields(name="text", type="STRING")]
            ),
        },
    )  # fmt: skip
    job = event_v2.Job(namespace="airflow", name="dag.train")
    common = {"run": run, "job": job, "producer": "https://example.org/airflow", "inputs": [data]}
    start = event_v2.RunEvent(eventType=event_v2.RunState.START, eventTime="2024-01-01T00:00:00Z", **common)
    fail = event_v2.RunEvent(eventType=event_v2.RunState.FAIL, eventTime="2024-01-01T01:00:00+00:00", **common)
    (tmp_path / "e.ndjson").write_text("\n".join(Serde.to_json(event) for event in (fail, start, fail)))
    found = openlineage.read(str(tmp_path / "e.ndjson"))
    (one,) = found.executions
    assert (one.id, one.name, one.state) == ("urn:uuid:0190a000-0000-7000-8000-000000000001", "dag.train", "FAILED")
    assert (one.started, one.ended) == (1704067200000, 1704070800000)
    assert one.properties["message"] == "no space"
    (table,) = found.artifacts
    assert table.id == "s3://bucket/table@12"
    assert table.properties["column.text"] == "STRING"
    assert {event.type for event in found.events} == {"INPUT"}
    assert found.contexts[0].name == "dag"


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_one_event_that_is_written_for_people(mark, story, tmp_path):
    """Indented, as documentation shows them and as some tools save them, and with a byte order mark of others."""
    for number, event in enumerate(plain_events(story)):
        (tmp_path / f"{number}.json").write_text(f"{mark}{json.dumps(event, indent=2)}\n", encoding="utf-8")
    parts = [openlineage.read(str(path)) for path in tmp_path.glob("*.json")]
    assert merge(parts) == normal(openlineage.carried(story))


@pytest.mark.parametrize("text", ['{"run": 3}', '{"eventTime": "x", "dataset": {}}', '[{"run": {}}]', "3", '{"a": 1}'])
def test_what_is_no_event_is_corrupt(text, tmp_path):
    (tmp_path / "e.jsonl").write_text(text)
    with pytest.raises(CorruptBundleError) as caught:
        openlineage.read(str(tmp_path / "e.jsonl"))
    assert caught.value.code == "RPK167"


def test_identifiers_that_are_no_uuid_get_one_and_come_back(tmp_path):
    graph = Lineage(
        executions=[Execution(id="train", type="Run", state="RUNNING")], artifacts=[Artifact(id="x", type="y")]
    )
    openlineage.write(graph, str(tmp_path / "e.jsonl"))
    (event,) = [event for event in plain_events(graph) if kind_of(event) == "run"]
    made_schema("run").validate(event)
    assert event["eventType"] == "START"
    assert openlineage.read(str(tmp_path / "e.jsonl")) == normal(graph)


def test_a_run_as_record_describes_it():
    """Without a framework's name, the engine is the recorder; the hash seed is a variable of the environment."""
    facts = {"reprokit": "0.9", "hash_seed": "7", "command": "python train.py", "policy": "none", "root": "/work"}
    run = Execution(id="urn:uuid:00000000-0000-4000-8000-00000000000b", type="Run", properties=facts)
    start, end = plain_events(Lineage(executions=[run]))
    for event in (start, end):
        made_schema("run").validate(event)
        engine = event["run"]["facets"]["processing_engine"]
        assert (engine["name"], engine["version"]) == ("reprokit", "0.9")
        assert event["run"]["facets"]["environmentVariables"]["environmentVariables"] == [
            {"name": "PYTHONHASHSEED", "value": "7"}
        ]


def test_our_facets_point_at_the_schema_that_is_published(story):
    from reprokit.lineage.standards.openlineage import own

    assert OWN["$id"] == own.SCHEMA
    published = Path(__file__).parents[3] / "docs" / own.SCHEMA.partition(".io/")[2]
    assert published.is_file()
    facets = [event["run"]["facets"]["reprokit_run"] for event in plain_events(story) if "run" in event]
    assert {facet["_schemaURL"].partition("#/$defs/")[2] for facet in facets} <= OWN["$defs"].keys()


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("file:///data/gro%C3%9F%20a.csv", ("file", "/data/groß a.csv")),
        ("/data/a#1.csv", ("file", "/data/a#1.csv")),
        ("s3://bucket/a/b.csv", ("s3://bucket", "a/b.csv")),
        ("s3://bucket/a?b", ("s3://bucket", "a?b")),
        ("gs://bucket/a#b", ("gs://bucket", "a#b")),
        ("postgresql://me:secret@db:5432/posts", ("postgresql://db:5432", "posts")),
        ("http://[half", ("reprokit", "id")),
        ("", ("reprokit", "id")),
    ],
)
def test_a_dataset_is_named_as_other_producers_name_it(uri, place):
    from reprokit.lineage.standards.openlineage.datasets import place_of

    assert place_of("id", Artifact(id="id", type="File", uri=uri)) == place
