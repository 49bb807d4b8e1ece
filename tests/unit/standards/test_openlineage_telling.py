"""A collector is told of recordings by a process that nobody waits for."""

import contextlib
import fcntl
import importlib.util
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("openlineage.client", reason="needs the extra `openlineage`")

from reprokit.errors import UnverifiedError
from reprokit.launch.lineage_events import collector_directory, export_options, tell, troubles
from reprokit.launch.lineage_parts import part_of_bundle
from reprokit.launch.opening import open_bundle
from reprokit.lineage.merging import merge, normal
from reprokit.lineage.standards import openlineage
from reprokit.lineage.standards.openlineage.sender import deliver
from reprokit.lineage.standards.openlineage.spool import Spool
from reprokit.lineage.urls import shown
from reprokit.schema.lineage import Execution, Lineage


@pytest.fixture
def collector():
    spec = importlib.util.spec_from_file_location("ol_collector", Path(__file__).with_name("test_openlineage.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    server = module.Collector()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("REPROKIT_HOME", str(tmp_path / "home"))


def until(condition, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def told(collector):
    return openlineage.read_events(json.dumps(collector.events), "the collector")


def test_the_collector_is_told_without_a_wait(story, collector):
    collector.ready.clear()  # it answers nothing before the telling has come back
    tell(story, collector.url)
    assert not collector.events
    collector.ready.set()
    assert until(lambda: len(collector.events) == 13)
    assert told(collector) == normal(story)


def test_what_a_collector_missed_comes_with_the_next_run(story, collector):
    collector.status = 503
    tell(story, collector.url)
    directory = collector_directory(collector.url)
    assert until(lambda: len(Spool(directory).pending()) == 13 and collector.requests)
    later = Lineage(executions=[Execution(id="urn:uuid:00000000-0000-4000-8000-00000000000a", type="Run", started=1)])
    collector.status = 201
    assert until(lambda: idle(directory)), "the first sender leaves"
    tell(later, collector.url)
    assert until(lambda: len(collector.events) == 15)
    assert told(collector) == merge([story, later])
    assert [event.get("job", {}).get("name") for event in collector.events[-2:]] == ["Run", "Run"]


def test_an_export_sends_only_what_is_new(story, collector):
    options = export_options("openlineage", collector.url)
    assert export_options("prov", "x.trig") == export_options("openlineage", "x.jsonl") == {}
    openlineage.write(story, collector.url, **options)
    openlineage.write(story, collector.url, **options)
    assert len(collector.events) == 13


@pytest.mark.slow
def test_a_recording_tells_the_projects_collector(collector, tmp_path):
    (tmp_path / "pyproject.toml").write_text(f'[tool.reprokit.lineage]\nopenlineage = "{collector.url}"\n')
    (tmp_path / "train.py").write_text("open('out.txt', 'w').write('3')\n")
    command = [sys.executable, "-m", "reprokit", "record", "-o", "run.repro.tar.zst", "--", sys.executable, "train.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert until(lambda: [e for e in collector.events if e.get("eventType") == "COMPLETE"])
    kinds = [event["eventType"] for event in collector.events if "run" in event]
    assert kinds == ["START", "COMPLETE"]
    outputs = {dataset["name"].rpartition("/")[2] for dataset in collector.events[-1]["outputs"]}
    assert outputs


def recorded(room, *command, **variables):
    """Records in a directory; returns the report and the process."""
    line = [sys.executable, "-m", "reprokit", "record", "--json", "-o", str(room / "run.repro.tar.zst"), "--", *command]
    environment = {**os.environ, **variables}
    done = subprocess.run(line, cwd=room, capture_output=True, text=True, check=False, env=environment)
    return (json.loads(done.stdout) if done.stdout.startswith("{") else {}), done


def project(room, url, script):
    (room / "pyproject.toml").write_text(f'[tool.reprokit.lineage]\nopenlineage = "{url}"\n')
    (room / "train.py").write_text(script)


WAITING = """
import os, time
end = time.monotonic() + 120
while not os.path.exists(os.environ["GO"]) and time.monotonic() < end:
    time.sleep(0.05)
open("model.pt", "w").write("weights")
"""


@pytest.mark.slow
def test_the_collector_knows_of_a_run_that_goes_on(collector, tmp_path, monkeypatch):
    room, go = tmp_path / "project", tmp_path / "go"
    room.mkdir()
    project(room, collector.url, WAITING)
    monkeypatch.setenv("GO", str(go))
    command = [sys.executable, "-m", "reprokit", "record", "-o", "run.repro.tar.zst", "--", sys.executable, "train.py"]
    with subprocess.Popen(command, cwd=room, stderr=subprocess.DEVNULL) as running:
        assert until(lambda: collector.events)
        assert running.poll() is None
        (begun,) = collector.events
        assert (begun["eventType"], begun["job"]["name"], begun["inputs"], begun["outputs"]) == (
            "START",
            "train",
            [],
            [],
        )
        assert not (room / "model.pt").exists()
        go.touch()
        assert running.wait(120) == 0
    assert until(lambda: collector.events[-1].get("eventType") == "COMPLETE")
    kinds = [event["eventType"] for event in collector.events if "run" in event]
    assert kinds == ["START", "COMPLETE"], "and no second START"
    assert collector.events[-1]["run"]["runId"] == begun["run"]["runId"]
    (run,) = told(collector).executions
    assert run.state == "COMPLETE"
    with open_bundle(room / "run.repro.tar.zst") as (reader, manifest, bundle_id):
        part = part_of_bundle(reader, manifest, bundle_id, (room / "run.repro.tar.zst").stat().st_size)
    assert run == normal(part).executions[0], "what was said at the start is what is said at the end"
    assert told(collector).events == normal(part).events


@pytest.mark.slow
def test_the_collector_knows_of_a_replay_that_goes_on_and_of_one_that_failed(collector, tmp_path):
    room, go = tmp_path / "project", tmp_path / "go"
    room.mkdir()
    script = WAITING.replace('os.environ["GO"]', repr(str(go)))
    project(room, "", script)
    go.touch()
    report, _ = recorded(room, sys.executable, "train.py")
    project(room, collector.url, script)
    go.unlink()
    command = [sys.executable, "-m", "reprokit", "replay", "--timeout", "600", report["bundle"]]
    with subprocess.Popen(command, cwd=room, stdout=subprocess.DEVNULL) as running:
        assert until(lambda: collector.events)
        assert running.poll() is None
        go.touch()
        running.wait(200)
    assert until(lambda: [e for e in collector.events if "run" in e][-1]["eventType"] == "COMPLETE")
    assert until(lambda: idle(collector_directory(collector.url)))
    by_run = {}
    for event in collector.events:
        if event.get("job", {}).get("facets", {}).get("jobType", {}).get("jobType") == "REPLAY":
            by_run.setdefault(event["run"]["runId"], []).append(event["eventType"])
    assert list(by_run.values()) == [["START", "COMPLETE"]]
    failed = subprocess.run(
        [sys.executable, "-c", FAILING, report["bundle"]], cwd=room, capture_output=True, text=True, check=False
    )
    assert failed.returncode == 0, failed.stderr
    assert until(lambda: collector.events[-1].get("eventType") == "ABORT")


FAILING = """
import sys
from pathlib import Path
from reprokit.launch.lineage_replays import told_replay
from reprokit.launch.opening import open_bundle
try:
    with open_bundle(Path(sys.argv[1])) as (_reader, manifest, _id), told_replay(manifest, wanted=None):
        raise ZeroDivisionError
except ZeroDivisionError:
    pass
"""


@pytest.mark.slow
def test_what_a_collector_that_is_down_missed_comes_in_order_and_once(collector, tmp_path):
    room = tmp_path / "project"
    room.mkdir()
    project(room, collector.url, "open('model.pt', 'w').write('weights')\n")
    collector.status = 503
    for _ in range(2):
        report, _done = recorded(room, sys.executable, "train.py")
        assert report["exit_status"] == 0
    directory = collector_directory(collector.url)
    assert until(lambda: len(Spool(directory).pending()) == 8 and not list((directory / "parts").iterdir()))
    assert until(lambda: idle(directory))
    collector.status = 201
    assert until(lambda: delivered(collector.url, directory))
    kinds = [event["eventType"] for event in collector.events if "run" in event]
    assert kinds == ["START", "COMPLETE"] * 2
    assert collector.events[0]["eventType"] == "START", "told before the outputs were known"
    assert until(lambda: delivered(collector.url, directory))
    assert len(collector.events) == 8


def delivered(url, directory):
    """Whether all was sent: the sender of a recording, which starts when it likes, may be at it."""
    with contextlib.suppress(UnverifiedError):
        deliver(url, directory)
    return idle(directory) and not Spool(directory).pending()


def idle(directory):
    """Whether no process is sending."""
    with (directory / ".sender.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True


@pytest.mark.slow
def test_a_run_that_could_not_be_started_is_called_off(collector, tmp_path):
    room = tmp_path / "project"
    room.mkdir()
    project(room, collector.url, "")
    program = room / "program"
    program.write_bytes(b"\x7fELF nothing of the kind")
    program.chmod(0o755)
    report, done = recorded(room, str(program))
    assert (report["code"], done.returncode) == ("RPK002", 2)
    assert until(lambda: len(collector.events) == 2)
    assert [event["eventType"] for event in collector.events] == ["START", "ABORT"]
    assert told(collector).executions[0].state == "CANCELED"


def test_a_sender_is_no_child_of_the_process_that_is_told_of(story, collector):
    """A script that records itself may wait for any child of its own, and must not find ours."""
    script = "import os\ntry:\n    os.wait()\nexcept ChildProcessError:\n    print('none')\n"
    telling = (
        "from reprokit.launch.lineage_events import tell\nfrom reprokit.schema.lineage import Execution, Lineage\n"
        f"tell(Lineage(executions=[Execution(id='r', type='Run')]), {collector.url!r})\n"
    )
    done = subprocess.run([sys.executable, "-c", telling + script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("none\n", "")
    assert until(lambda: collector.events)


@pytest.mark.slow
def test_a_state_directory_in_the_project_is_no_output(collector, tmp_path):
    project(tmp_path, collector.url, WAITING)
    go = tmp_path.parent / f"go-{tmp_path.name}"
    watch = threading.Thread(target=lambda: until(lambda: collector.events) and go.touch())
    watch.start()
    report, _ = recorded(tmp_path, sys.executable, "train.py", GO=str(go))
    watch.join()
    assert collector.events
    assert [Path(one["path"]).name for one in report["outputs"]] == ["model.pt"]


def test_a_run_that_is_kept_out_of_the_graph_is_told_to_nobody(collector, tmp_path):
    project(tmp_path, collector.url, "")
    line = [sys.executable, "-m", "reprokit", "record", "-o", "run.repro.tar.zst", "--no-lineage", "--"]
    subprocess.run([*line, sys.executable, "train.py"], cwd=tmp_path, capture_output=True, check=True)
    assert not collector_directory(collector.url).exists()


@pytest.mark.slow
def test_a_missing_extra_and_an_address_that_is_none_are_said(tmp_path):
    (tmp_path / "without" / "openlineage").mkdir(parents=True)
    (tmp_path / "without" / "openlineage" / "__init__.py").write_text("")
    project(tmp_path, "http://user:hidden@127.0.0.1:9", "")
    report, done = recorded(tmp_path, sys.executable, "train.py", PYTHONPATH=str(tmp_path / "without"))
    said = {one["code"]: one["message"] for one in report["warnings"]}
    assert "extra `openlineage`" in said["RPK168"]
    assert done.returncode == 0
    assert len(list((collector_directory("http://user:hidden@127.0.0.1:9") / "parts").glob("*.json"))) == 2
    project(tmp_path, "user:hidden@localhost:5000", "")
    report, _ = recorded(tmp_path, sys.executable, "train.py")
    (message,) = [one["message"] for one in report["warnings"] if one["code"] == "RPK166"]
    assert "localhost:5000" in message
    assert "hidden" not in message


@pytest.mark.parametrize(
    "url", ["http://me:hidden@host:5/x", "me:hidden@host:5/x", "http://me:hid/den@host:5/x", "http://host:5/x"]
)
def test_a_password_is_not_shown(url):
    assert shown(url).removeprefix("http://") == "host:5/x"


def test_what_waits_for_long_and_what_is_refused_are_said(story, tmp_path):
    url = "http://user:hidden@127.0.0.1:9"
    assert troubles(url) == []
    directory = collector_directory(url)
    Spool(directory).put(['{"eventTime": "x", "dataset": {}}'])
    assert troubles(url) == [], "it may be on its way"
    (waiting,) = Spool(directory).pending()
    os.utime(waiting, (1_700_000_000, 1_700_000_000))
    (directory / "refused").mkdir()
    (directory / "refused" / "1-x.json").write_text("{}")
    waits, refused = troubles(url)
    assert (waits.code, refused.code) == ("RPK169", "RPK169")
    assert "since 2023-11-14 22:13+00:00, 1 file in " in waits.message
    assert "refused 1 event, " in refused.message
    assert "hidden" not in waits.message + refused.message


@pytest.mark.slow
def test_a_recording_beside_a_collector_that_hangs_takes_no_longer(tmp_path):
    import socket

    with socket.socket() as deaf:  # takes connections and never answers
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        took = []
        for number in range(3):
            graph = Lineage(executions=[Execution(id=f"r{number}", type="Run")])
            started = time.perf_counter()
            tell(graph, url)
            took.append(time.perf_counter() - started)
        assert min(took) < 4.5  # seconds; one answer alone would be waited for five
