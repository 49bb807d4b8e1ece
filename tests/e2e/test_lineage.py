"""The lineage graph as people meet it: recorded runs, datasets with an opt-out list, questions, pictures, impact."""

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
from xml.etree import ElementTree as ET

import pytest

pytest.importorskip("sqlalchemy", reason="needs the extra `lineage`")
pytestmark = pytest.mark.slow
PYTHON = sys.executable
FILTER = """import json, sys
gone = {line.strip() for line in open(sys.argv[1])}
rows = [json.loads(line) for line in open('raw.jsonl')]
with open('clean.jsonl', 'w') as file:
    for row in rows:
        if row['user'] not in gone:
            file.write(json.dumps(row) + '\\n')
"""
TRAIN = """import json
rows = [json.loads(line) for line in open('clean.jsonl')]
json.dump({'weights': [len(row['text']) for row in rows]}, open('model.pt', 'w'))
"""
SETTINGS = """[tool.reprokit.lineage]
store = "graph.sqlite"
pipeline = "posts"

[tool.reprokit.dataset.raw]
path = "raw.jsonl"

[tool.reprokit.dataset.clean]
path = "clean.jsonl"
preprocessing = { command = "python filter.py", upstream = ["raw.manifest.json"] }
opt-out = [{ list = "opt-out.txt", key = "user", version = "2026-10" }]
"""


class Project:
    def __init__(self, reprokit, directory):
        self.run, self.directory = reprokit, directory
        self.home = directory.parent / "home"  # parts for other tests' graphs do not wait here
        directory.mkdir()
        rows = [{"user": f"u{i}", "text": "word " * i} for i in range(20)]
        self.write("raw.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
        self.write("opt-out.txt", "u3\n")
        self.write("filter.py", FILTER)
        self.write("train.py", TRAIN)
        self.write("pyproject.toml", SETTINGS)

    def write(self, name, text):
        (self.directory / name).write_text(text)

    def __call__(self, *arguments, status=0, env=None):
        done = self.run(*arguments, cwd=self.directory, env={"REPROKIT_HOME": str(self.home), **(env or {})})
        assert done.status == status, done.text
        return done

    def pipeline(self):
        """Raw text, filtered by the opt-out list, and a model of what is left."""
        self("record", "-o", "filter.zst", "--", PYTHON, "filter.py", "opt-out.txt")
        for name in ("raw", "clean"):
            self("manifest", "create", "--dataset", name)
        return self("record", "-o", "train.zst", "--json", "--", PYTHON, "train.py").json


@pytest.fixture
def project(reprokit, tmp_path):
    return Project(reprokit, tmp_path / "project")


def named(walk, kind):
    lineage = walk["lineage"]
    return {node["name"] for node in (*lineage["artifacts"], *lineage["executions"]) if node["type"] == kind}


def test_from_the_model_alone_to_the_raw_data_and_the_version_of_the_opt_out_list(project):
    report = project.pipeline()
    assert "RPK190" not in {warning["code"] for warning in report["warnings"]}
    walk = project("lineage", "up", "model.pt", "--json").json
    assert walk["schema"] == "reprokit.lineage-walk/1"
    assert named(walk, "DatasetManifest") == {"raw", "clean"}
    assert named(walk, "Run") == {"filter", "train"}
    lists = [node for node in walk["lineage"]["artifacts"] if node["type"] == "OptOutList"]
    assert [node["properties"]["version"] for node in lists] == ["2026-10"]
    assert {node["id"] for node in walk["lineage"]["contexts"]} == {"Project:project", "Pipeline:project/posts"}
    shallow = project("lineage", "up", "model.pt", "--depth", "1", "--json").json
    assert named(shallow, "Run") == {"train"}
    assert named(shallow, "DatasetManifest") == {"clean"}
    down = project("lineage", "down", "raw.manifest.json", "--json").json
    assert named(down, "Model") == {"model.pt"}
    assert named(down, "Preprocessing") == {"clean"}


def test_one_changed_byte_is_not_in_the_graph_and_its_old_self_is_named(project):
    project.pipeline()
    text = (project.directory / "raw.jsonl").read_bytes()
    (project.directory / "raw.jsonl").write_bytes(text.replace(b"word", b"Word", 1))
    done = project("lineage", "down", "raw.jsonl", "--json", status=3)
    assert done.json["code"] == "RPK144"
    assert "by that name it knows File raw.jsonl" in done.json["message"]


def test_a_new_version_of_the_list_reaches_every_model_until_it_is_applied(project):
    project.pipeline()
    done = project("lineage", "impact", "--opt-out", "opt-out.txt", "--json")
    assert [model["name"] for model in done.json["clear"]] == ["model.pt"]
    old = done.json["clear"][0]["id"]

    project.write("opt-out.txt", "u3\nu7\n")
    done = project("lineage", "impact", "--opt-out", "opt-out.txt", "--json", status=1)
    assert [model["id"] for model in done.json["affected"]] == [old]
    assert "another version of the list" in done.json["affected"][0]["reasons"][-1]
    assert "version 2026-10" in done.json["affected"][0]["reasons"][-1]
    text = project("lineage", "impact", "--opt-out", "opt-out.txt", status=1).text
    assert "1 model not honouring it" in text
    assert old in text

    project.write("pyproject.toml", SETTINGS.replace("2026-10", "2026-11"))
    project.pipeline()
    done = project("lineage", "impact", "--opt-out", "opt-out.txt", "--json", status=1)
    assert [model["id"] for model in done.json["affected"]] == [old]
    assert len(done.json["clear"]) == 1
    assert done.json["version"] == "2026-11"
    assert project("lineage", "impact", "--opt-out", "nobody", status=2).text.startswith("error RPK144")


@pytest.mark.parametrize("version", ["2026-11", ""])
def test_an_older_list_is_no_reason_to_be_content(project, version):
    """Only the older list was applied to this model: asked by that list, it honours it, and that is not the answer."""
    project.pipeline()
    project.write("old-1.txt", "u3\n")
    project.write("opt-out.txt", "u3\nu7\n")
    new = SETTINGS.replace("2026-10", version)
    project.write("pyproject.toml", new)
    project("record", "-o", "again.zst", "--", PYTHON, "filter.py", "opt-out.txt")
    project("manifest", "create", "--dataset", "clean")
    done = project("lineage", "impact", "--opt-out", "old-1.txt", "--json", status=3).json
    assert (done["met"], done["affected"], done["clear"]) == (False, [], [])
    assert [model["name"] for model in done["unknown"]] == ["model.pt"]
    assert "another version of the list" in done["unknown"][0]["reasons"][-1]
    assert [warning["code"] for warning in done["warnings"]] == ["RPK145"]
    project("lineage", "impact", "--opt-out", "opt-out.txt", status=1)


def test_two_lists_that_are_both_applied_are_no_versions_of_each_other(project):
    two = '{ list = "mails.txt", key = "text", version = "9" }]'
    project.write("mails.txt", "nobody\n")
    project.write("pyproject.toml", SETTINGS.replace(" }]\n", " }, " + two + "\n"))
    project.pipeline()
    for name in ("opt-out.txt", "mails.txt"):
        done = project("lineage", "impact", "--opt-out", name, "--json").json
        assert len(done["clear"]) == 1


def test_a_list_that_was_named_and_not_applied_honours_nothing(project):
    """The planted fault: the filter lets one row through, and the manifest names the list all the same."""
    project.write("filter.py", FILTER.replace("not in gone", "not in gone or row['user'] == 'u3'"))
    project("record", "-o", "filter.zst", "--", PYTHON, "filter.py", "opt-out.txt")
    project("manifest", "create", "--dataset", "raw")
    project("manifest", "create", "--dataset", "clean", status=1)
    project("record", "-o", "train.zst", "--", PYTHON, "train.py")
    done = project("lineage", "impact", "--opt-out", "opt-out.txt", "--json", status=1)
    assert [model["name"] for model in done.json["affected"]] == ["model.pt"]


def test_a_file_in_no_manifest_is_named_and_makes_the_answer_unknown(project):
    project.pipeline()
    project.write("extra.txt", "scraped\n")
    project.write("train.py", TRAIN + "open('extra.txt').read()\n")
    report = project("record", "-o", "extra.zst", "--json", "--", PYTHON, "train.py").json
    said = [warning["message"] for warning in report["warnings"] if warning["code"] == "RPK190"]
    assert len(said) == 1
    assert "extra.txt" in said[0]
    assert "clean.jsonl" not in said[0]
    impact = project("lineage", "impact", "--opt-out", "opt-out.txt", "--json", status=3).json
    (reason,) = impact["unknown"][0]["reasons"]
    assert reason.endswith("was made by a run that read 1 file that is in no dataset manifest")


def test_an_opt_out_list_is_no_data_before_and_after_a_manifest_names_it(project):
    def said(*names):
        report = project("record", "-o", "f.zst", "--json", "--", PYTHON, *names).json
        return [warning["message"] for warning in report["warnings"] if warning["code"] == "RPK190"]

    project("manifest", "create", "--dataset", "raw")
    assert said("filter.py", "opt-out.txt") == [], "the settings call it a list"
    project.write("other.txt", "u3\n")
    project.write("pyproject.toml", SETTINGS.replace('"opt-out.txt"', '"elsewhere.txt"'))
    assert "opt-out.txt" in said("filter.py", "opt-out.txt")[0]
    project.write("pyproject.toml", SETTINGS)
    project("manifest", "create", "--dataset", "clean")
    project.write("other.txt", "u3\n")
    assert said("filter.py", "other.txt") == [], "a manifest names its content"
    project.write("other.txt", "u4\n")
    assert "other.txt" in said("filter.py", "other.txt")[0]
    assert said("filter.py", "opt-out.txt") == []
    project.write("train.py", TRAIN + "open('opt-out.txt').read()\n")
    assert said("train.py") == []
    done = project("lineage", "impact", "--opt-out", "opt-out.txt", "--json").json
    assert len(done["clear"]) == 1, "a model whose training looks at the list as well"


def test_no_project_without_manifests_is_told_of_them(reprokit, tmp_path):
    (tmp_path / "a.txt").write_text("a\n")
    done = reprokit(
        "record", "--json", "--", PYTHON, "-c", "open('b.txt','w').write(open('a.txt').read()*2)", cwd=tmp_path
    )
    assert "RPK190" not in {warning["code"] for warning in done.json["warnings"]}
    done = reprokit("record", "--manifest", "none.json", "--", PYTHON, "-c", "1", cwd=tmp_path)
    assert done.status == 2
    assert "RPK003" in done.text


def test_recording_needs_no_store_and_waits_for_a_locked_one_later(project):
    project.pipeline()
    waiting = list((project.home / "lineage" / "pending").rglob("*.json"))
    assert waiting
    assert not (project.directory / "graph.sqlite").exists()
    project("lineage", "show")
    blocker = sqlite3.connect(project.directory / "graph.sqlite", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    project("record", "-o", "again.zst", "--", PYTHON, "train.py")
    blocker.execute("COMMIT")
    blocker.close()
    before = project("lineage", "show", "--json").json
    assert before["types"]["Run"] == 3
    project("record", "-o", "apart.zst", "--no-lineage", "--", PYTHON, "train.py")
    assert project("lineage", "show", "--json").json["types"] == before["types"]
    listed = project("ls", "apart.zst", "--json").json
    assert "lineage.json" not in json.dumps(listed)


def test_record_and_replay_import_no_database(project):
    """The planted fault is the `lineage` verb, which does."""
    code = """
import sys
from reprokit.cli import main
sys.argv = ["reprokit", *sys.argv[1:]]
try:
    main()
except SystemExit:
    pass
heavy = {"sqlalchemy", "alembic", "psycopg", "reprokit.lineage.rules.judging"}
print(heavy & set(sys.modules), file=sys.stderr)
"""
    environment = project.run.environment(REPROKIT_HOME=str(project.home))

    def imported(*arguments):
        done = subprocess.run([PYTHON, "-c", code, *arguments], cwd=project.directory, env=environment,
                              capture_output=True, text=True, timeout=120, check=True)  # fmt: skip
        return done.stderr.splitlines()[-1]

    project.write("clean.jsonl", json.dumps({"text": "x"}) + "\n")
    assert imported("record", "-o", "t.zst", "--", PYTHON, "train.py") == "set()"
    assert imported("replay", "t.zst") == "set()"
    assert "sqlalchemy" in imported("lineage", "show")


def test_a_replay_is_an_event_and_its_verdict_is_found_by_its_file(project):
    project.pipeline()
    verdict = project("replay", "train.zst", "--json")
    (project.directory / "verdict.json").write_bytes(verdict.stdout)
    walk = project("lineage", "up", "verdict.json", "--json").json
    assert named(walk, "Replay") == {"train"}
    assert named(walk, "DatasetManifest") == {"raw", "clean"}
    found = next(node for node in walk["lineage"]["artifacts"] if node["type"] == "Verdict")
    assert found["properties"]["tier"] == verdict.json["tier"]
    project("replay", "train.zst", "--no-lineage")
    assert project("lineage", "show", "--json").json["types"]["Replay"] == 1


def test_bundles_bring_their_part_to_another_machine_and_twice_is_once(project, reprokit, tmp_path):
    project.pipeline()
    project("lineage", "show")
    other = {"REPROKIT_LINEAGE": str(tmp_path / "other.sqlite")}
    bundles = ("train.zst", "filter.zst")
    first = project("lineage", "add", *bundles, "--json", env=other).json
    assert first["executions"] == 3  # two runs, and the preprocessing that the manifest speaks of
    again = project("lineage", "add", *reversed(bundles), "--json", env=other).json
    assert (again["artifacts"], again["executions"], again["events"]) == (0, 0, 0)
    here = project("lineage", "up", "model.pt", "--json").json["lineage"]
    there = project("lineage", "up", "model.pt", "--json", env=other).json["lineage"]
    assert there == here
    project("lineage", "export", "graph.json")
    third = {"REPROKIT_LINEAGE": str(tmp_path / "third.sqlite")}
    project("lineage", "import", "graph.json", env=third)
    assert project("lineage", "up", "model.pt", "--json", env=third).json["lineage"] == here
    project("lineage", "add", "graph.json", "clean.manifest.json", env=third)
    assert project("lineage", "up", "model.pt", "--json", env=third).json["lineage"] == here


def test_formats(project):
    project.pipeline()
    assert project("lineage", "up", "model.pt").stdout.decode().splitlines()[0].startswith("Model model.pt")
    assert project("lineage", "up", "model.pt", "--format", "mermaid").stdout.startswith(b"flowchart LR\n")
    assert project("lineage", "up", "model.pt", "--format", "dot").stdout.startswith(b"digraph lineage {\n")
    done = project("lineage", "up", "model.pt", "--format", "svg", "-o", "up.svg")
    assert done.stdout == b""
    root = ET.fromstring((project.directory / "up.svg").read_bytes())
    words = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"model.pt", "clean", "raw", "train", "filter"} <= words
    assert project("lineage", "up", "model.pt", "--format", "json").json["direction"] == "up"


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (("up", "no-such"), 2, "RPK144"),
        (("up", ""), 2, "RPK144"),
        (("up", "a\x1b[31mb"), 2, "RPK144"),
        (("up", "train.py", "--depth", "-1"), 2, "RPK001"),
        (("up", "damaged.repro.tar.zst"), 4, "RPK021"),
        (("up", "data.zst"), 3, "RPK144"),
        (("show", "empty"), 3, "RPK144"),
        (("add", "no-such.zst"), 2, "RPK003"),
        (("add", "train.py"), 4, "RPK027"),
        (("add", "newer.json"), 4, "RPK025"),
        (("export", "--to", "papyrus", "x"), 2, "RPK165"),
        (("import", "--from", "papyrus", "x"), 2, "RPK165"),
        (("export", "no-such/x.json"), 2, "RPK005"),
        (("export",), 2, "RPK001"),
        (("impact",), 2, "RPK001"),
    ],
)  # fmt: skip
def test_what_goes_wrong_has_a_code(project, arguments, status, code):
    (project.directory / "empty").mkdir()
    for name in ("damaged.repro.tar.zst", "data.zst"):  # the other one may be data that are compressed
        (project.directory / name).write_bytes(b"\x28\xb5\x2f\xfd" + b"x" * 100)
    project.write("newer.json", '{"schema": "reprokit.lineage/9"}')
    done = project("lineage", *arguments, "--json", status=status)
    assert done.json["code"] == code, done.text
    assert "\x1b" not in done.stderr.decode()


def test_several_of_one_name_are_named(project):
    project.pipeline()
    project.write("clean.jsonl", json.dumps({"text": "other"}) + "\n")
    project("record", "-o", "other.zst", "--", PYTHON, "train.py")
    os.remove(project.directory / "model.pt")
    done = project("lineage", "up", "model.pt", "--json", status=2)
    assert done.json["code"] == "RPK145"
    assert done.json["message"].count("= sha256:") == 2
    some = done.json["message"].partition("= sha256:")[2][:10]
    assert project("lineage", "up", some, "--json").json["lineage"]["artifacts"]


def test_a_store_from_the_future_is_refused_and_what_waits_still_waits(project):
    project.pipeline()
    project("lineage", "show")
    with sqlite3.connect(project.directory / "graph.sqlite") as connection:
        connection.execute("UPDATE lineage_version SET version_num = '7'")
    connection.close()
    project("record", "-o", "later.zst", "--", PYTHON, "train.py")
    assert project("lineage", "show", "--json", status=2).json["code"] == "RPK142"
    with sqlite3.connect(project.directory / "graph.sqlite") as connection:
        connection.execute("UPDATE lineage_version SET version_num = '1'")
    connection.close()
    assert project("lineage", "show", "--json").json["types"]["Run"] == 3


def test_what_waits_and_is_damaged_is_a_warning_and_no_hindrance(project):
    project.pipeline()
    waiting = next((project.home / "lineage" / "pending").rglob("*.json")).parent
    (waiting / "damaged.json").write_bytes(b'{"schema": "reprokit.lineage/1", "artifacts": 3}')
    done = project("lineage", "up", "model.pt", "--json")
    assert [warning["code"] for warning in done.json["warnings"]] == ["RPK191"]
    assert project("lineage", "up", "model.pt", "--json").json["warnings"] == []


def test_the_settings_keep_runs_out_and_a_password_out_of_the_bundle(project):
    secret = "postgresql+psycopg://me:hunter2@db/x"
    project.write("pyproject.toml", f'[tool.reprokit.lineage]\nstore = "{secret}"\nrecord = false\n')
    home = {"REPROKIT_HOME": str(project.directory / "home")}
    project("record", "-o", "t.zst", "--", PYTHON, "-c", "open('x.txt', 'w').write('x')", env=home)
    assert not (project.directory / "home" / "lineage").exists()
    project("unpack", "t.zst", "out")
    held = b"".join(path.read_bytes() for path in (project.directory / "out").rglob("*") if path.is_file())
    assert b"hunter2" not in held
    assert "hunter2" not in project("inspect", "t.zst", "--json").text


def test_a_copy_is_the_file_and_one_that_was_overwritten_is_not(project):
    """No other bytes are ever answered for: not under the old path, not under a name that is a digest."""
    project.pipeline()
    model = project.directory / "model.pt"
    (project.directory / "-copy of it.bin").write_bytes(model.read_bytes())
    asked = project("lineage", "up", "model.pt", "--json").json["lineage"]
    assert project("lineage", "up", model.as_uri(), "--json").json["lineage"] == asked
    assert project("lineage", "up", "--json", "--", "-copy of it.bin").json["lineage"] == asked
    assert project("lineage", "up", "./-copy of it.bin", "--json").json["lineage"] == asked
    model.write_bytes(model.read_bytes() + b" ")
    for path in ("model.pt", str(model), model.as_uri()):
        assert project("lineage", "up", path, "--json", status=3).json["code"] == "RPK144"
    digest = "sha256:" + hashlib.sha256(model.read_bytes()).hexdigest()
    fake = {"schema": "reprokit.lineage/1", "artifacts": [
        {"id": "other", "type": "Model", "name": digest, "uri": digest}, {"id": digest + "0", "type": "Model"},
    ]}  # fmt: skip
    project.write("fake.json", json.dumps(fake))
    project("lineage", "add", "fake.json")
    assert project("lineage", "up", "model.pt", "--json", status=3).json["code"] == "RPK144"


def test_a_manifest_that_a_run_read_as_a_file_is_found(project):
    """Its own identifier is not in the graph, that of its bytes is."""
    project("manifest", "create", "--dataset", "raw")
    project.write("pyproject.toml", '[tool.reprokit.lineage]\nstore = "graph.sqlite"\n')
    project("record", "-o", "t.zst", "--", PYTHON, "-c",
            "open('m.txt', 'w').write(open('raw.manifest.json').read()[:9])")  # fmt: skip
    os.rename(project.directory / "raw.manifest.json", project.directory / "kept.json")
    assert project("lineage", "down", "kept.json", "--json").json["lineage"]["executions"]


def test_one_content_that_two_runs_made_has_both_and_a_failed_run_says_so(project):
    write = "open('same.pt', 'w').write('w'); import sys; sys.exit(int(sys.argv[1]))"
    project("record", "-o", "one.zst", "--", PYTHON, "-c", write, "0")
    project("record", "-o", "two.zst", "--", PYTHON, "-c", write, "7", status=7)
    runs = project("lineage", "up", "same.pt", "--json").json["lineage"]["executions"]
    assert sorted(run["state"] for run in runs) == ["COMPLETE", "FAILED"]
    assert sorted(run["properties"]["exit_status"] for run in runs) == [0, 7]
    assert "failed" in project("lineage", "up", "same.pt").text


@pytest.mark.parametrize("verb", [("up",), ("show",), ("add",), ("import",), ("impact", "--opt-out")])
def test_a_pipe_or_a_device_is_not_waited_for(project, verb):
    os.mkfifo(project.directory / "pipe")
    for path in ("pipe", "/dev/zero"):
        assert project("lineage", *verb, path, "--json", status=2).json["code"] == "RPK003"


@pytest.mark.parametrize("store", ["~nobody-of-this-name/x", "mysql://me:hunter2@db/x", "sqlite://", "/proc/none/x"])
def test_a_store_that_cannot_be_changes_no_recording(project, store):
    """Nor does a state directory that is none. The verb that needs the store says what is wrong, without a secret."""
    environment = {"REPROKIT_LINEAGE": store}
    command = ("record", "-o", "x.zst", "--", PYTHON, "-c", "open('x', 'w').write('x'); raise SystemExit(3)")
    done = project(*command, env=environment, status=3)
    project.write("file", "")
    again = project(*command, env={**environment, "REPROKIT_HOME": str(project.directory / "file")}, status=3)
    assert "RPK191" in again.text
    said = project.run("lineage", "show", "--json", cwd=project.directory,
                       env={"REPROKIT_HOME": str(project.home), **environment})  # fmt: skip
    assert said.json["code"] in ("RPK141", "RPK143")
    assert "hunter2" not in done.text + again.text + said.text


def test_parts_find_a_store_whose_password_or_spelling_has_changed(project):
    """They wait under the store's name."""
    path = project.directory / "own.sqlite"
    record = ("record", "-o", "x.zst", "--", PYTHON, "-c", "open('x', 'w').write('x')")
    project(*record, env={"REPROKIT_LINEAGE": str(path)})
    shown = project("lineage", "show", "--json", env={"REPROKIT_LINEAGE": f"sqlite:///{path}"}).json
    assert shown["types"]["Run"] == 1
    from reprokit.launch.lineage_places import pending_directory

    def place(user):
        return pending_directory(f"postgresql+psycopg://{user}@db/x")

    assert place("me:one") == place("me:two") == place("me")
    assert place("me:one") != place("you:one")


def test_hostile_words_go_through_every_verb(project):
    """Half a surrogate pair, which JSON can say; no bytes of a terminal's; names that are not UTF-8."""
    project.write("hostile.json", json.dumps({"schema": "reprokit.lineage/1", "artifacts": [
        {"id": "abcdefgh1", "type": "Model", "name": "x\ud800\u001b[31m\u0000", "created": 2**53 - 1, "uri": "\udcff"},
    ]}))  # fmt: skip
    project("lineage", "add", "hostile.json")
    for arguments in (("up", "abcdefgh1"), ("down", "abcdefgh1"), ("show", "abcdefgh1")):
        assert b"\x1b" not in project("lineage", *arguments).stdout
        assert project("lineage", *arguments, "--json").json
    for kind in ("svg", "dot", "mermaid", "json"):
        assert b"\x1b" not in project("lineage", "up", "abcdefgh1", "--format", kind).stdout
    assert project("lineage", "up", "", "--json", status=2).json["code"] == "RPK144"
    assert project("lineage", "up", b"\xff\xfe", "--json", status=2).json["code"] == "RPK144"


@pytest.mark.parametrize("glob", ["", "/"])
def test_a_glob_that_is_none_is_named_before_the_run(project, glob):
    project.write("pyproject.toml", f"[tool.reprokit.lineage]\nmanifests = ['{glob}']\n")
    done = project("record", "--json", "--", PYTHON, "-c", "open('ran', 'w').write('x')", status=2)
    assert done.json["code"] == "RPK004"
    assert not (project.directory / "ran").exists()


def test_what_only_is_called_like_a_manifest_changes_no_recording(project):
    """A pipe, a directory, a link to itself, a device, and files that are no manifests."""
    directory = project.directory
    os.mkfifo(directory / "a.manifest.json")
    (directory / "b.manifest.json").mkdir()
    (directory / "c.manifest.json").symlink_to("c.manifest.json")
    (directory / "d.manifest.json").symlink_to("/dev/zero")
    for name, text in (("e", "{"), ("f", ""), ("g", '{"schema": "reprokit.dataset-manifest/9"}')):
        project.write(f"{name}.manifest.json", text)
    command = ("record", "-o", "t.zst", "--json", "--", PYTHON, "-c", "open('x', 'w').write('x'); raise SystemExit(5)")
    report = project(*command, status=5).json
    assert {"RPK025", "RPK027"} <= {warning["code"] for warning in report["warnings"]}
    assert project("lineage", "up", "x", "--json").json["lineage"]["executions"][0]["state"] == "FAILED"


def test_a_graph_without_models_honours_nothing(project):
    """It is the wrong graph, most likely, and no reason for anybody to be content."""
    done = project("lineage", "impact", "--opt-out", "opt-out.txt", "--json", status=3).json
    assert (done["met"], done["affected"], done["unknown"]) == (False, [], [])
    assert [warning["code"] for warning in done["warnings"]] == ["RPK144"]
