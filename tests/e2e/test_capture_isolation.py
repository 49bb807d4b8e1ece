"""A replay never writes over what the original run wrote, wherever that was and however it is kept apart."""

import hashlib
import os
import shutil
import sys
import textwrap
from pathlib import Path

import pytest

PYTHON = sys.executable
ISOLATIONS = ("namespace", "rewrite")


@pytest.fixture(scope="module")
def namespaces():
    from reprokit.launch.isolation import namespaces_work

    if not namespaces_work():
        pytest.skip("this machine allows no mount namespace")


@pytest.fixture(params=ISOLATIONS)
def isolation(request):
    if request.param == "namespace":
        request.getfixturevalue("namespaces")
    return request.param


def state(*tops):
    """Everything that a write would change: content, times, inode, mode."""
    found = {}
    for top in tops:
        for path in sorted(Path(top).rglob("*")):
            status = path.lstat()
            content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
            found[str(path)] = (content, status.st_mtime_ns, status.st_ino, status.st_mode)
    return found


@pytest.fixture
def project(tmp_path):
    place = tmp_path / "project"
    place.mkdir()
    (place / "data.txt").write_text("1\n2\n3\n")
    return place


def write(place, text, name="run.py"):
    (place / name).write_text(textwrap.dedent(text))


def record(reprokit, place, *arguments, **more):
    done = reprokit("record", "--json", "-o", place / "b.repro.tar.zst", *arguments, cwd=place, **more)
    assert done.status == 0, done.text
    return done.json


def replay(reprokit, place, *options, **more):
    return reprokit("replay", place / "b.repro.tar.zst", "--json", *options, cwd=place, **more)


SAVE = """
    import sys, os, json
    total = sum(float(line) for line in open("data.txt"))
    path = {path}
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path + ".tmp", "w") as file:
        json.dump({{"loss": total}}, file)
    os.replace(path + ".tmp", path)
    with open(path + ".log", "a") as log:
        log.write("ran\\n")
"""


@pytest.mark.parametrize("where", ["relative", "absolute-argument", "absolute-from-file", "outside-argument"])
def test_outputs_of_the_original_stay(reprokit, project, tmp_path, isolation, where):
    outside = tmp_path / "elsewhere"
    outside.mkdir()
    (outside / "unrelated.txt").write_text("stays")
    path, arguments = {
        "relative": ("'out/m.json'", []),
        "absolute-argument": ("sys.argv[1]", [str(project / "out" / "m.json")]),
        "absolute-from-file": ("os.path.abspath(os.path.join(os.path.dirname(__file__), 'out/m.json'))", []),
        "outside-argument": ("sys.argv[1]", [f"{outside}/m.json"]),
    }[where]
    write(project, SAVE.format(path=path))
    report = record(reprokit, project, "--", PYTHON, "run.py", *arguments)
    names = {os.path.basename(output["path"]) for output in report["outputs"]}
    assert names == {"m.json", "m.json.log"}
    before = state(project, outside)
    done = replay(reprokit, project, "--isolation", isolation, "--runs", "2")
    assert state(project, outside) == before
    assert (done.status, done.json["tier"]) == (0, "bitwise"), done.text
    assert done.json["scope"]["isolation"] == isolation


def test_the_check_itself_would_notice(tmp_path):
    (tmp_path / "f").write_text("same")
    before = state(tmp_path)
    os.utime(tmp_path / "f", ns=(1, 1))
    assert state(tmp_path) != before


def test_an_output_path_in_the_code_needs_a_namespace(reprokit, project, tmp_path, namespaces):
    outside = tmp_path / "elsewhere"
    write(project, SAVE.format(path=repr(str(outside / "m.json"))))
    record(reprokit, project, "--", PYTHON, "run.py")
    before = state(project, outside)
    done = replay(reprokit, project, "--isolation", "namespace")
    assert (done.status, done.json["tier"]) == (0, "bitwise"), done.text
    assert state(project, outside) == before
    refused = replay(reprokit, project, "--isolation", "rewrite")
    assert (refused.status, refused.json["code"]) == (3, "RPK013"), refused.text
    assert state(project, outside) == before


@pytest.mark.parametrize("how", ["joined", "config", "home"])
def test_rewrite_stops_what_it_cannot_redirect(reprokit, project, tmp_path, how):
    """The path is put together at run time, so nothing can be seen before; the write itself must be refused."""
    home = tmp_path / "home"
    home.mkdir()
    top = str(project)
    path = {
        "joined": f"os.sep.join({[*top.split('/'), 'm.json']!r})",
        "config": f"bytes.fromhex({os.fsencode(top).hex()!r}).decode() + '/m.json'",
        "home": "os.path.expanduser('~/m.json')",
    }[how]
    write(project, SAVE.format(path=path))
    record(reprokit, project, "--", PYTHON, "run.py", env={"HOME": str(home)})
    before = state(project, home)
    done = replay(reprokit, project, "--isolation", "rewrite", env={"HOME": str(home)})
    assert state(project, home) == before
    assert (done.status, done.json.get("code")) == (3, "RPK013"), done.text


def test_inputs_that_the_run_destroys(reprokit, project, isolation):
    """The bundle holds what was there before the run, so the replay starts from that."""
    (project / "edited.txt").write_text("5\n")
    (project / "deleted.txt").write_text("7\n")
    (project / "moved.txt").write_text("9\n")
    write(project, """
        import json, os
        values = [int(open(name).read()) for name in ("edited.txt", "deleted.txt", "moved.txt")]
        open("edited.txt", "w").write("500\\n")
        os.remove("deleted.txt")
        os.rename("moved.txt", "kept-aside.txt")
        json.dump(values, open("m.json", "w"))
    """)  # fmt: skip
    report = record(reprokit, project, "--", PYTHON, "run.py")
    changed = {
        os.path.basename(w["message"].split()[0]) for w in report["warnings"] if w["code"] in ("RPK040", "RPK047")
    }
    assert {"edited.txt", "deleted.txt"} <= changed
    reprokit("unpack", "b.repro.tar.zst", "held", cwd=project)
    assert {p.name: p.read_text() for p in (project / "held" / "data").iterdir()} == {
        "edited.txt": "5\n", "deleted.txt": "7\n", "moved.txt": "9\n",
    }  # fmt: skip
    done = replay(reprokit, project, "--isolation", isolation)
    assert (done.status, done.json["tier"]) == (0, "bitwise"), done.text


def test_inputs_beside_and_above_the_project(reprokit, project, tmp_path, isolation):
    shared = tmp_path / "shared data"
    shared.mkdir()
    (shared / "values.txt").write_text("4\n")
    (project / "link").symlink_to(shared)
    (project / "sub").mkdir()
    write(project, """
        import json, os, sys
        found = [open("../shared data/values.txt").read(), open("link/values.txt").read(), open(sys.argv[1]).read()]
        os.chdir("sub")
        json.dump(found, open("m.json", "w"))
        open("../top.txt", "w").write("x")
    """)  # fmt: skip
    report = record(reprokit, project, "--", PYTHON, "run.py", str(shared / "values.txt"))
    assert str(shared / "values.txt") in {entry["path"] for entry in report["inputs"]}
    assert {os.path.relpath(o["path"], project) for o in report["outputs"]} == {"sub/m.json", "top.txt"}
    shutil.move(shared, tmp_path / "gone")
    before = state(project, tmp_path / "gone")
    done = replay(reprokit, project, "--isolation", isolation)
    assert (done.status, done.json["tier"]) == (0, "bitwise"), done.text
    assert state(project, tmp_path / "gone") == before
    assert not shared.exists()


LARGE = """
    import hashlib, json, sys
    json.dump(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest(), open("m.json", "w"))
"""


def test_large_inputs_are_referenced_and_checked(reprokit, project, tmp_path, isolation):
    data = tmp_path / "data.bin"
    data.write_bytes(os.urandom(5000))
    write(project, LARGE)
    report = record(reprokit, project, "--embed-limit", "1k", "--", PYTHON, "run.py", str(data))
    (entry,) = [one for one in report["inputs"] if one["path"] == str(data)]
    assert entry["member"] is None
    assert entry["sha256"] == "sha256:" + hashlib.sha256(data.read_bytes()).hexdigest()
    assert replay(reprokit, project, "--isolation", isolation).json["tier"] == "bitwise"

    original = data.read_bytes()
    data.write_bytes(original[:-1] + bytes([original[-1] ^ 1]))
    changed = replay(reprokit, project, "--isolation", isolation)
    assert (changed.status, changed.json["code"]) == (3, "RPK012")
    assert str(data) in changed.json["message"]
    data.unlink()
    missing = replay(reprokit, project, "--isolation", isolation)
    assert (missing.status, missing.json["code"]) == (3, "RPK012")
    assert f"{data} is missing" in missing.json["message"]

    copy = tmp_path / "mirror"
    copy.mkdir()
    (copy / "data.bin").write_bytes(original)
    for option in (f"{data}={copy / 'data.bin'}", f"{tmp_path}={copy}"):
        done = replay(reprokit, project, "--isolation", isolation, "--data", option)
        assert (done.status, done.json["tier"]) == (0, "bitwise"), done.text
    assert not data.exists()
    assert (copy / "data.bin").read_bytes() == original


@pytest.mark.parametrize("where", ["inside", "outside"])
def test_a_referenced_input_is_not_written_over(reprokit, project, tmp_path, isolation, where):
    """A large file is used in place; where the run also writes to it, the replay gets a copy."""
    data = (project if where == "inside" else tmp_path) / "big.bin"
    data.write_bytes(b"a" * 5000)
    write(project, """
        import json, sys
        with open(sys.argv[1], "r+b") as file:
            first = file.read(1)
            file.seek(0)
            file.write(first)
        json.dump(first.hex(), open("m.json", "w"))
    """)  # fmt: skip
    record(reprokit, project, "--embed-limit", "1k", "--", PYTHON, "run.py", data)
    before = state(tmp_path)
    done = replay(reprokit, project, "--isolation", isolation)
    assert state(tmp_path) == before
    assert (done.status, done.json["tier"]) == (0, "bitwise"), done.text


@pytest.mark.parametrize("where", ["inside", "outside"])
def test_a_replay_that_writes_where_the_record_only_read(reprokit, project, tmp_path, isolation, where):
    data = (project if where == "inside" else tmp_path) / "big.bin"
    data.write_bytes(b"a" * 5000)
    write(project, """
        import os, sys
        with open(sys.argv[1], "rb" if "RECORDING" in os.environ else "r+b") as file:
            file.read(1)
            if "RECORDING" not in os.environ:
                file.write(b"z")
    """)  # fmt: skip
    record(reprokit, project, "--embed-limit", "1k", "--", PYTHON, "run.py", data, env={"RECORDING": "1"})
    before = state(tmp_path)
    done = replay(reprokit, project, "--isolation", isolation)
    assert state(tmp_path) == before
    assert done.status in (1, 3), done.text


@pytest.mark.usefixtures("namespaces")
def test_a_result_above_the_project_hides_nothing_beside_it(reprokit, tmp_path):
    """The directory that is put over the result's must show what lay there, on the way to the project, too."""
    project = tmp_path / "a" / "b" / "project"
    project.mkdir(parents=True)
    (tmp_path / "a" / "beside.txt").write_text("beside")
    (tmp_path / "a" / "b" / "tool.py").write_text("print('tool')\n")
    (project / "run.py").write_text(
        "import subprocess, sys\n"
        f"text = open({str(tmp_path / 'a' / 'beside.txt')!r}).read()\n"
        f"subprocess.run([sys.executable, {str(tmp_path / 'a' / 'b' / 'tool.py')!r}], check=True)\n"
        f"open({str(tmp_path / 'result.txt')!r}, 'w').write(text)\n"
    )
    done = reprokit("record", "-o", "run.repro.tar.zst", "--", sys.executable, "run.py", cwd=project)
    assert done.status == 0, done.text
    before = (tmp_path / "result.txt").stat()
    replayed = reprokit("replay", "--json", "run.repro.tar.zst", cwd=project)
    assert replayed.json["tier"] == "bitwise", replayed.text
    after = (tmp_path / "result.txt").stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)
