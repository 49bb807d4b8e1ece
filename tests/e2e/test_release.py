"""Release rules and the scheduled rebuild, on real recordings: a chain that holds, and each way to break it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from reprokit.launch.lineage_chain import local_path, state_of
from reprokit.lineage.spool import leave
from reprokit.schema.lineage import Artifact, Event, Lineage

pytestmark = pytest.mark.slow
pytest.importorskip("sqlalchemy", reason="needs the extra `lineage`")
PYTHON = sys.executable
IMAGE = "sha256:" + "1" * 64
PREPARE = "import json\njson.dump([len(w) for w in open('raw.txt').read().split()], open('tokens.json', 'w'))\n"
TRAIN = """import json, random
random.seed(1)
tokens = json.load(open('tokens.json'))
json.dump([random.random() + token for token in tokens], open('model.pt', 'w'))
"""
MANIFEST = "sha256:" + "2" * 64


def git(directory, *arguments):
    author = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", *author, *arguments], cwd=directory, check=True, capture_output=True)


def project(directory, **files):
    """A git checkout that is clean."""
    directory.mkdir(parents=True)
    git(directory, "init", "-q")
    (directory / ".gitignore").write_text("*.zst\n*.pt\ntokens.json\n")
    for name, text in files.items():
        (directory / name.replace("_", ".")).write_text(text)
    git(directory, "add", ".")
    git(directory, "commit", "-qm", "x")
    return directory


@dataclass
class Place:
    """A chain raw -> prepare -> tokens -> train -> model in a project with a graph of its own."""

    run: object
    directory: Path
    home: Path

    def __call__(self, *arguments, status=None, **env):
        done = self.run(*arguments, cwd=self.directory, env={"REPROKIT_HOME": str(self.home), **env})
        if status is not None:
            assert done.status == status, done.text
        return done

    def verify(self, subject="model.pt", *more, status=None, policy="release", **env):
        """Codes and nodes of what is wrong."""
        done = self("verify", subject, "--policy", policy, "--json", *more, status=status, **env)
        return [(one["code"], one["name"].split(" (")[0]) for one in done.json["findings"]]

    def nodes(self, kind):
        """All executions of a type in the store."""
        from reprokit.lineage.store import Store

        with Store(self.home / "lineage.sqlite") as store:
            return store.of_type(kind)


@pytest.fixture(scope="module")
def made(reprokit, tmp_path_factory):
    """Made once; each test works on a copy of the graph, in the same directory."""
    base = tmp_path_factory.mktemp("release")
    place = Place(
        reprokit, project(base / "p", raw_txt="a few words\n", prepare_py=PREPARE, train_py=TRAIN), base / "h"
    )
    place("record", "--image-digest", IMAGE, "-o", "prepare.repro.tar.zst", "--", PYTHON, "prepare.py", status=0)
    place("record", "--image-digest", IMAGE, "-o", "train.repro.tar.zst", "--", PYTHON, "train.py", status=0)
    place("replay", "train.repro.tar.zst", status=0)
    place.verify("train.repro.tar.zst")  # brings what waits into the store
    prepare = next(node.id for node in place.nodes("Run") if node.name == "prepare")
    held = Artifact(id=MANIFEST, type="DatasetManifest", name="raw", properties={"licence": "MIT"})
    more = Lineage(artifacts=[held], events=[Event(artifact=MANIFEST, execution=prepare, type="INPUT")])
    leave(place.home / "lineage" / "pending", more)
    place.verify("train.repro.tar.zst", status=0)
    return place


@pytest.fixture
def place(made, tmp_path):
    """The chain with a copy of its files and its graph."""
    kept = tmp_path / "kept"
    shutil.copytree(made.directory, kept, symlinks=True)
    shutil.copytree(made.home, tmp_path / "h")
    yield Place(made.run, made.directory, tmp_path / "h")
    shutil.rmtree(made.directory)
    shutil.copytree(kept, made.directory, symlinks=True)


def test_a_chain_that_holds_is_released(place):
    for subject in ("model.pt", "train.repro.tar.zst", str(place.directory / "model.pt")):
        done = place("verify", subject, "--policy", "release", "--json", status=0)
        assert (done.json["schema"], done.json["met"], done.json["status"]) == ("reprokit.release/1", True, "verified")
        assert done.json["manifests"] == [MANIFEST]
        assert len(done.json["runs"]) == 2
        assert len(done.json["models"]) == 1
        assert done.json["rebuilt"]["tier"] == "bitwise"
    assert str(place.directory / "raw.txt") in done.json["checked"]
    text = place("verify", "model.pt", "--policy", "release", status=0).stdout.decode()
    assert text.startswith("model.pt meets the release policy release\n")
    assert place("verify", done.json["models"][0][:20], "--policy", "release").status == 0
    assert place("verify", "train.repro.tar.zst", "--json").json["schema"] == "reprokit.verify/1"


def test_what_lies_in_the_place_of_a_model_is_not_the_model_of_that_name(place):
    model = place.directory / "model.pt"
    model.unlink()
    for subject in ("model.pt", model.as_uri()):
        done = place("verify", subject, "--policy", "release", "--json", status=2).json
        assert (done["code"], "no such file" in done["message"]) == ("RPK003", True)
        identifier = done["hint"].split()[-1].rstrip(".")
        assert place.verify(identifier, status=0) == [], "who names the content asks about that, wherever it lies"
    model.write_bytes(b"another")
    assert place.verify(model.as_uri(), status=1) == [("RPK174", "Model model.pt")]
    model.unlink()
    for put in (lambda: model.symlink_to("gone.pt"), lambda: os.mkfifo(model)):
        put()
        assert place("verify", "model.pt", "--policy", "release", "--json", status=2).json["code"] == "RPK003"
        model.unlink()


def test_what_another_project_made_is_not_what_is_missing_here(place, tmp_path):
    """The store is the user's: a name means nothing across projects, and what nobody built here is not released."""
    (tmp_path / "other").mkdir()
    for name in ("model.pt", "train.repro.tar.zst", "raw.txt"):
        done = place.run(
            "verify", name, "--policy", "release", "--json", cwd=tmp_path / "other",
            env={"REPROKIT_HOME": str(place.home)},
        )  # fmt: skip
        assert (done.status, done.json["code"]) == (2, "RPK003"), name
    run = place("verify", "prepare", "--policy", "release")
    assert run.stdout.startswith(b"prepare "), "a run has no file"
    assert b"no file here: judged is what the graph knows by that name" in run.stderr


def test_one_raw_byte_is_named(place):
    raw = place.directory / "raw.txt"
    raw.write_bytes(b"b" + raw.read_bytes()[1:])
    assert place.verify(status=1) == [("RPK174", "File raw.txt")]
    assert place.verify("train.repro.tar.zst", status=1) == [("RPK174", "File raw.txt")]
    shown = place("verify", "model.pt", "--policy", "release", status=1).stdout.decode()
    assert "RPK174 integrity: " in shown
    assert str(raw) in shown
    assert "    remedy: " in shown


def test_what_happens_to_a_copy_elsewhere_is_no_matter(place, tmp_path):
    """The same content was read in another project, and changed there."""
    other = tmp_path / "zzz"
    shutil.copytree(place.directory, other)
    recorded = place.run("record", "--image-digest", IMAGE, "--", PYTHON, "prepare.py", cwd=other,
                         env={"REPROKIT_HOME": str(place.home)})  # fmt: skip
    assert recorded.status == 0, recorded.text
    (other / "raw.txt").write_text("something else\n")
    assert place.verify(status=0) == []
    (place.directory / "raw.txt").write_text("something else\n")
    assert place.verify(status=1) == [("RPK174", "File raw.txt")]


def test_a_changed_model_is_named_and_its_bundle_is_not(place):
    with (place.directory / "model.pt").open("a") as file:
        file.write(" ")
    assert place.verify(status=1) == [("RPK174", "Model model.pt")]
    assert place.verify("train.repro.tar.zst", status=0) == []


def test_files_that_are_gone_are_not_at_hand(place):
    (place.directory / "raw.txt").unlink()
    (place.directory / "tokens.json").unlink()
    assert place.verify(status=0) == []


def test_a_file_that_nobody_made_is_not_established(place, tmp_path):
    (tmp_path / "other.pt").write_text("other")
    done = place("verify", tmp_path / "other.pt", "--policy", "release", "--json", status=3)
    assert [one["code"] for one in done.json["findings"]] == ["RPK179"]
    assert done.json["status"] == "unverified"


def test_what_a_run_does_not_say(place):
    """Uncommitted changes and no image: both are said, and a policy of one's own takes them."""
    (place.directory / "train.py").write_text(TRAIN.replace("seed(1)", "seed(2)"))
    place("record", "-o", "train-2.repro.tar.zst", "--", PYTHON, "train.py", status=0)
    place("replay", "train-2.repro.tar.zst", status=0)
    assert place.verify(status=1) == [("RPK176", "Run train"), ("RPK148", "Run train")]
    (place.directory / "pyproject.toml").write_text(
        "[tool.reprokit.release]\nmax_age_days = 3\n"
        "[tool.reprokit.release.lenient]\ndirty_tree = 'allow'\nunknown_image = 'allow'\n"
    )
    assert place.verify(policy="lenient", status=0) == []
    assert place.verify(status=1) == [("RPK176", "Run train"), ("RPK148", "Run train")]
    (place.directory / "pyproject.toml").write_text("[tool.reprokit.release]\ndirty_trees = 'allow'\n")
    assert place("verify", "model.pt", "--policy", "release", "--json", status=2).json["code"] == "RPK004"


def test_a_link_that_was_cut_in_the_store_is_missed(place):
    from reprokit.lineage.tables import ARTIFACT, EVENT

    with sqlite3.connect(place.home / "lineage.sqlite") as store:
        cut = f"delete from {EVENT.name} where artifact in (select key from {ARTIFACT.name} where name = ?)"
        assert store.execute(cut, ["raw.txt"]).rowcount == 1
    assert place.verify(status=1) == [("RPK170", "Run prepare")]


def test_with_a_real_manifest_one_raw_byte_is_named_whoever_read_it(made, tmp_path):
    """Nothing is made by hand: describe, record, rebuild, verify; then each way in which the raw data change."""
    place = Place(made.run, project(tmp_path / "p", raw_txt="a few words\n", prepare_py=PREPARE, train_py=TRAIN),
                  tmp_path / "h")  # fmt: skip
    raw, manifest = place.directory / "raw.txt", place.directory / "raw.manifest.json"
    place("manifest", "create", "raw.txt", "-o", "raw.manifest.json", status=0)
    git(place.directory, "add", ".")
    git(place.directory, "commit", "-qm", "manifest")
    for script in ("prepare.py", "train.py"):
        place("record", "--image-digest", IMAGE, "--", PYTHON, script, status=0)
    name = json.loads(manifest.read_text())["name"]
    assert place.verify(status=1) == [("RPK177", "Bundle train.repro.tar.zst")]
    place("rebuild", "--due", status=0)
    assert place.verify(status=0) == []
    text = raw.read_text()
    raw.write_text(text.replace("few", "fwe"))
    assert sorted(place.verify(status=1)) == [("RPK174", f"DatasetManifest {name}"), ("RPK174", "File raw.txt")]
    raw.write_text(text)
    assert place.verify(status=0) == []
    manifest.write_text(manifest.read_text().replace(f'"name": "{name}"', '"name": "other"'))
    assert place.verify(status=1) == [("RPK174", f"DatasetManifest {name}")]
    (place.directory / "pyproject.toml").write_text("[tool.reprokit.release]\nuncovered_inputs = 'refuse'\n")
    manifest.unlink()
    assert place.verify(status=1) == [("RPK175", "Run train")]  # it read the tokens, which no manifest holds


def test_an_old_verdict(place, monkeypatch):
    from reprokit.verbs.release import verify_release

    monkeypatch.chdir(place.directory)
    monkeypatch.setenv("REPROKIT_HOME", str(place.home))
    later = verify_release("model.pt", now=time.time() + 31 * 86_400)
    assert [one.code for one in later.findings] == ["RPK177"]
    assert verify_release("model.pt", now=time.time() + 29 * 86_400).met


def test_a_damaged_bundle_is_corrupt(place):
    data = bytearray((place.directory / "train.repro.tar.zst").read_bytes())
    data[len(data) // 2] ^= 1
    (place.directory / "bad.repro.tar.zst").write_bytes(data)
    done = place("verify", "bad.repro.tar.zst", "--policy", "release", "--json", status=4)
    assert done.json["schema"] == "reprokit.error/1"
    (place.directory / "not-a.repro.tar.zst").write_text("hello")
    assert place("verify", "not-a.repro.tar.zst", "--policy", "release").status == 4


@pytest.mark.parametrize(
    ("text", "status", "code"),
    [
        ('{"schema": "reprokit.lineage/2"}', 4, "RPK025"),
        ('{"schema": "reprokit.lineage/1", "events": [{"artifact": 3}]}', 4, "RPK027"),
        ('{"schema": "reprokit.li', 4, "RPK027"),
        ("[" * 100_000, 4, "RPK027"),
        ("", 4, "RPK027"),
        (None, 2, "RPK003"),
    ],
)
def test_a_graph_that_cannot_be_read(place, tmp_path, text, status, code):
    if text is not None:
        (tmp_path / "graph.json").write_text(text)
    done = place("verify", "model.pt", "--policy", "release", "--lineage", tmp_path / "graph.json", "--json")
    assert (done.status, done.json["code"]) == (status, code), done.text


def test_another_graph(place, tmp_path):
    empty = tmp_path / "graph.json"
    empty.write_bytes(Lineage().canonical())
    assert place.verify("model.pt", "--lineage", empty, status=3) == [("RPK179", place.verify("model.pt", "--lineage",
                                                                                          empty)[0][1])]  # fmt: skip
    assert place.verify("train.repro.tar.zst", "--lineage", empty, status=1) == [
        ("RPK171", "Run train"), ("RPK177", "Bundle train.repro.tar.zst")
    ]  # fmt: skip
    assert place.verify("model.pt", "--lineage", place.home / "lineage.sqlite", status=0) == []
    assert place("verify", "model.pt", "--policy", "release", "--lineage", tmp_path / "no.sqlite").status == 2
    (tmp_path / "text.sqlite").write_text("no database\n" * 1000)
    assert place("verify", "model.pt", "--policy", "release", "--lineage", tmp_path / "text.sqlite").status == 3


def test_without_a_database_the_parts_that_wait_are_the_graph(made, tmp_path):
    (tmp_path / "blocked" / "sqlalchemy").mkdir(parents=True)
    (tmp_path / "blocked" / "sqlalchemy" / "__init__.py").write_text("raise ImportError('not installed')\n")
    settings = "[tool.reprokit.release]\nmodels = false\n"
    own = project(tmp_path / "p", raw_txt="x\n", prepare_py=PREPARE, pyproject_toml=settings)
    place = Place(made.run, own, tmp_path / "h")
    place("record", "--image-digest", IMAGE, "--", PYTHON, "prepare.py", status=0)
    blocked = {"PYTHONPATH": str(tmp_path / "blocked")}
    done = place.verify("prepare.repro.tar.zst", status=1, **blocked)
    assert done == [("RPK171", "Run prepare"), ("RPK177", "Bundle prepare.repro.tar.zst")]
    first = place("rebuild", "--due", "--json", status=0, **blocked)
    assert [(one["outcome"], one["recorded"]) for one in first.json["bundles"]] == [("met", True)]
    assert place.verify("prepare.repro.tar.zst", status=1, **blocked) == [("RPK171", "Run prepare")]
    assert [one["outcome"] for one in place("rebuild", "--due", "--json", **blocked).json["bundles"]] == ["not-due"]
    assert not (tmp_path / "h" / "lineage.sqlite").exists()
    assert place.verify("prepare.repro.tar.zst", status=1) == [("RPK171", "Run prepare")]
    assert (tmp_path / "h" / "lineage.sqlite").exists()


def test_places_in_uris():
    assert local_path("file:///a%20b/%FF") == Path(os.fsdecode(b"/a b/\xff"))
    assert local_path("/a/b") == Path("/a/b")
    assert local_path("file://localhost/a") == Path("/a")
    for uri in ("file://host/a", "s3://b/a", "a/b", "", "file:a", "file:///a%00b", "http://[::1", "file://"):
        assert local_path(uri) is None


def test_a_file_that_cannot_be_read_is_said():
    state = state_of(Path("/proc/self/mem"))
    assert state.problem
    assert not state.digest


SCRIPTS = {
    "good": "import time\nopen('out.txt', 'w').write('x')\ntime.sleep(2)\n",
    "quick": "open('out.txt', 'w').write('x')\n",
    "hangs": "import os, time\nopen('out.txt', 'w').write('x')\nif os.environ.get('TERM') == 'hang': time.sleep(999)\n",
    "differs": "import os\nopen('out.txt', 'w').write(os.urandom(8).hex())\n",
}  # fmt: skip


@pytest.fixture
def bundles(reprokit, tmp_path):
    """A function that records scripts, each into a directory of its own."""
    place = Place(reprokit, tmp_path / "p", tmp_path / "h")
    place.directory.mkdir()

    def record(*names):
        for name in names:
            (place.directory / name).mkdir()
            (place.directory / name / "run.py").write_text(SCRIPTS[name])
            done = place.run("record", "--", PYTHON, "run.py", cwd=place.directory / name,
                             env={"REPROKIT_HOME": str(place.home)})  # fmt: skip
            assert done.status == 0, done.text
        return place

    return record


def outcomes(done):
    return [(Path(one["bundle"]).parent.name, one["outcome"]) for one in done.json["bundles"]]


def test_only_what_is_due_is_replayed_and_the_outcome_is_an_event(bundles):
    place = bundles("good", "differs")
    first = place("rebuild", "--due", ".", "--json", status=1)
    assert outcomes(first) == [("differs", "missed"), ("good", "met")]
    assert first.json["schema"] == "reprokit.rebuild/1"
    assert all(one["recorded"] for one in first.json["bundles"])
    assert len(place.nodes("Replay")) == 2
    second = place("rebuild", "--due", ".", "--json", status=1)
    assert outcomes(second) == [("differs", "missed"), ("good", "not-due")]
    assert "reached re-runnable, not bitwise" in second.json["bundles"][0]["why"]
    assert second.json["bundles"][1]["last"]["tier"] == "bitwise"
    third = place("rebuild", "--due", "--older-than", "0", "good", "--json", status=0)
    assert outcomes(third) == [("good", "met")]
    shutil.copy(place.directory / "good" / "run.repro.tar.zst", place.directory / "good" / "same.repro.tar.zst")
    twice = place("rebuild", "good", "--json", status=0)
    assert [one["outcome"] for one in twice.json["bundles"]] == ["met", "not-due"]
    shown = place("rebuild", "--due", "good", status=0).stdout.decode()
    assert re.match(r"not-due    good/run\.repro\.tar\.zst: it was replayed 0\.0 days ago\n", shown)
    lenient = place("rebuild", "differs", "--target", "re-runnable", status=0)
    assert b"re-runnable of re-runnable" in lenient.stdout


def test_two_at_once_replay_a_bundle_once(bundles):
    place = bundles("good")
    environment = place.run.environment(REPROKIT_HOME=str(place.home))
    command = [place.run.program, "rebuild", "--due", ".", "--json"]
    both = [subprocess.Popen(command, cwd=place.directory, env=environment, stdout=subprocess.PIPE) for _ in range(2)]
    said = [json.loads(one.communicate(timeout=120)[0])["bundles"][0] for one in both]
    assert sorted(one["outcome"] for one in said) in (["elsewhere", "met"], ["met", "not-due"])
    if "elsewhere" in {one["outcome"] for one in said}:
        assert {one.returncode for one in both} == {0, 3}
        assert "RPK147" in {one["code"] for one in said}
    assert len(place.nodes("Replay")) == 1


def below(pid):
    """The processes that run below one now."""
    found = []
    with contextlib.suppress(OSError):  # it ended meanwhile: also while its threads are listed
        for path in Path(f"/proc/{pid}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += path.read_text().split()
    return found + [one for child in found for one in below(child)]


def is_the_script(pid):
    """Whether a process is the recorded command, and not yet, or no more, what prepares for it."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[1:] == [b"run.py", b""]
    except OSError:
        return False


def started(pid):
    """The processes below a replay, once the recorded command is among them."""
    for _ in range(5000):
        children = below(pid)
        if any(map(is_the_script, children)):
            return children
        time.sleep(0.02)
    pytest.fail("it did not start the command")


def is_alive(pid):
    """Whether a process runs; one that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_one_that_was_killed_leaves_no_lock_and_the_next_removes_its_directory(bundles, tmp_path):
    place, room = bundles("hangs"), tmp_path / "room"
    room.mkdir()
    environment = place.run.environment(REPROKIT_HOME=str(place.home), TMPDIR=str(room), TERM="hang")
    command = [place.run.program, "rebuild", "."]
    running = subprocess.Popen(command, cwd=place.directory, env=environment, start_new_session=True)
    while not list(place.home.glob("rebuilding/*.lock")):
        assert running.poll() is None
        time.sleep(0.02)
    assert outcomes(place("rebuild", "--json", status=3)) == [("hangs", "elsewhere")]
    children = started(running.pid)
    os.kill(running.pid, signal.SIGKILL)  # it alone: what it started must not go on without it
    running.wait()
    begun = time.monotonic()
    while any(map(is_alive, children)):
        assert time.monotonic() - begun < 60, "it sleeps for much longer"
        time.sleep(0.05)
    (left,) = room.glob("reprokit-replay-*")
    assert outcomes(place("rebuild", "--json", status=0, TMPDIR=str(room))) == [("hangs", "met")]
    assert not left.exists()


def test_one_that_hangs_is_stopped_and_the_others_go_on(bundles):
    place = bundles("hangs", "quick")
    done = place("rebuild", "hangs", "quick", "--timeout", "8", "--json", status=3, TERM="hang")
    assert outcomes(done) == [("hangs", "unverified"), ("quick", "met")]
    assert done.json["bundles"][0]["tier"] == "none"


def test_what_may_not_run_here_is_refused_and_that_is_an_event_too(bundles, tmp_path):
    place = bundles("good")
    stranger = Place(place.run, place.directory, tmp_path / "other-home")
    done = stranger("rebuild", "--due", "--json", status=4)
    assert [(one["outcome"], one["code"]) for one in done.json["bundles"]] == [("refused", "RPK026")]
    (replay,) = stranger.nodes("Replay")
    assert replay.state == "FAILED"
    assert replay.properties["code"] == "RPK026"
    assert outcomes(stranger("rebuild", "--due", "--trust", "--json", status=0)) == [("good", "met")]


def test_a_damaged_bundle_does_not_keep_the_others_back(bundles):
    place = bundles("good")
    (place.directory / "bad").mkdir()
    (place.directory / "bad" / "x.repro.tar.zst").write_bytes(b"\x28\xb5\x2f\xfd nothing")
    assert outcomes(place("rebuild", "--json", status=4)) == [("bad", "refused"), ("good", "met")]


def test_settings_of_another_version_do_not_keep_the_others_back(bundles):
    from reprokit.bundle import Item, pack
    from reprokit.bundle.reader import BundleReader
    from reprokit.schema.base import canonical_json

    place = bundles("good")
    with BundleReader.open(place.directory / "good" / "run.repro.tar.zst") as reader:
        document = json.loads(reader.manifest)
        items = [Item(one.path, reader.read(one.path, 1 << 20)) for one in reader.members]
    document["run"]["config"]["of_the_future"] = 1
    (place.directory / "a").mkdir()
    pack(place.directory / "a" / "new.repro.tar.zst", items, lambda _members: canonical_json(document))
    done = place("rebuild", "--json", status=4)
    assert outcomes(done) == [("a", "refused"), ("good", "met")]
    assert done.json["bundles"][0]["code"] == "RPK025"


def test_a_wrong_place_is_no_success(bundles, tmp_path):
    place = bundles("good")
    (tmp_path / "empty" / ".hidden").mkdir(parents=True)
    shutil.copy(place.directory / "good" / "run.repro.tar.zst", tmp_path / "empty" / ".hidden")
    assert place("rebuild", "--due", tmp_path / "empty", "--json", status=2).json["code"] == "RPK003"


def test_a_clock_that_jumps_makes_a_bundle_due_and_no_more(bundles, monkeypatch):
    from reprokit.verbs.rebuild import RebuildOptions, rebuild

    place = bundles("good")
    monkeypatch.chdir(place.directory)
    monkeypatch.setenv("REPROKIT_HOME", str(place.home))
    options = RebuildOptions(older_than=7.0)

    def at(days):
        (one,) = rebuild(["good"], options, now=time.time() + days * 86_400).bundles
        return one.outcome, one.why

    assert at(0)[0] == "met"
    assert at(6.9)[0] == "not-due"
    assert at(-400) == ("met", "its last replay lies in the future")
    assert at(0)[0] == "not-due"
    assert at(-0.001)[0] == "not-due", "another job just replayed it: clocks of two machines differ by as much"
    for option in ("--older-than", "--timeout"):
        assert place("rebuild", "--due", option, "nan", "--json", status=2).json["code"] == "RPK001"
