"""DVC projects, made by the real `dvc`: their graph, a recorded and replayed stage, and the hole in their locks."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reprokit.errors import CorruptBundleError, UsageError
from reprokit.lineage.graph import Graph
from reprokit.lineage.standards import dvc
from reprokit.lineage.standards.dvc.yaml_text import load

pytest.importorskip("yaml", reason="needs the extra `dvc`")
DVC = str(Path(sys.executable).with_name("dvc"))
needs_dvc = pytest.mark.skipif(not Path(DVC).exists(), reason="needs the command `dvc`: the extra `systems`")

PIPELINE = """
vars:
  - names: [one, two]
stages:
  prepare:
    cmd: python prepare.py
    deps: [raw, prepare.py]
    params: [prepare.upper, seed]
    outs: [prepared]
  train:
    foreach: ${names}
    do:
      cmd: python train.py ${item}
      deps: [prepared/a.txt, train.py]
      outs: ["${item}.npz"]
      metrics:
        - ${item}.json:
            cache: false
"""
PREPARE = """
import os
os.makedirs("prepared", exist_ok=True)
for name in sorted(os.listdir("raw")):
    open("prepared/" + name, "w").write(open("raw/" + name).read().upper())
"""
TRAIN = """
import json, sys
text = open("prepared/a.txt").read()
open(sys.argv[1] + ".npz", "w").write(sys.argv[1] + text)
json.dump({"loss": {"train": 1.5}, "steps": 3}, open(sys.argv[1] + ".json", "w"))
"""


def run_dvc(where: Path, *arguments: str) -> str:
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1", "PATH": f"{Path(DVC).parent}:{os.environ['PATH']}",
                   "DVC_SITE_CACHE_DIR": str(where.parent / "site")}  # fmt: skip
    done = subprocess.run([DVC, *arguments], cwd=where, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("dvc") / "project"
    (root / "raw").mkdir(parents=True)
    for name, text in (("a.txt", "alpha\n"), ("b.txt", "beta\n"), ("empty.txt", "")):
        (root / "raw" / name).write_text(text)
    (root / "prepare.py").write_text(PREPARE)
    (root / "train.py").write_text(TRAIN)
    (root / "dvc.yaml").write_text(PIPELINE)
    (root / "params.yaml").write_text("prepare: {upper: true}\nseed: 7\n")
    run_dvc(root, "init", "--no-scm", "--quiet")
    run_dvc(root, "add", "--quiet", "raw")
    run_dvc(root, "repro", "--quiet")
    return root


@pytest.fixture
def project(made, tmp_path):
    return Path(shutil.copytree(made, tmp_path / "project"))


def sha(path: Path) -> str:
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


@needs_dvc
def test_from_the_model_file_the_raw_files_are_upstream(project):
    graph = Graph(dvc.read(str(project)))
    up = graph.reached([sha(project / "one.npz")], "up")
    assert {sha(project / "raw" / "a.txt"), sha(project / "raw" / "b.txt")} <= up.keys()
    assert sha(project / "two.npz") not in up
    assert [graph.executions[node].name for node in up if node in graph.executions] == ["train@one", "prepare"]
    directory = next(node for node in graph.artifacts.values() if node.type == "Directory" and node.name == "raw")
    assert directory.id in up
    assert directory.properties["files"] == 3
    assert graph.artifacts[sha(project / "one.npz")].type == "Model"
    assert not graph.cycle()


@needs_dvc
def test_parameters_metrics_and_commands(project):
    runs = {run.name: run for run in dvc.read(str(project)).executions}
    assert sorted(runs) == ["prepare", "train@one", "train@two"]
    assert runs["prepare"].properties["parameter.prepare.upper"] is True
    assert runs["prepare"].properties["parameter.seed"] == 7
    assert runs["train@one"].properties["metric.loss.train"] == 1.5
    assert runs["train@one"].properties["command"] == "python train.py one"
    (project / "one.json").write_text('{"loss": {"train": 0.1}}')
    assert runs == {run.name: run for run in dvc.read(str(project)).executions}, "DVC's cache has what was locked"
    shutil.rmtree(project / ".dvc" / "cache")
    (project / "two.json").unlink()
    later = {run.name: run for run in dvc.read(str(project)).executions}
    assert "metric.loss.train" not in later["train@one"].properties, "not the file that the lock names"
    assert later["train@one"].id == runs["train@one"].id


@needs_dvc
def test_content_comes_from_the_cache_when_the_workspace_has_changed(project):
    before = sha(project / "raw" / "a.txt")
    (project / "raw" / "a.txt").write_text("changed\n")
    assert before in {node.id for node in dvc.read(str(project)).artifacts}
    shutil.rmtree(project / ".dvc" / "cache")
    ids = {node.id for node in dvc.read(str(project)).artifacts}
    assert before not in ids
    assert sha(project / "one.npz") in ids
    (project / "one.npz").unlink()
    assert sum(node.id.startswith("md5:") for node in dvc.read(str(project)).artifacts if node.type == "Model") == 1


@needs_dvc
def test_one_file_of_a_project(project):
    assert {n.name for n in dvc.read(str(project / "raw.dvc")).artifacts} == {"raw", "a.txt", "b.txt"}
    assert len(dvc.read(str(project / "dvc.yaml")).executions) == 3
    with pytest.raises(UsageError) as caught:
        dvc.read(str(project / "raw"))
    assert caught.value.code == "RPK184"


@needs_dvc
def test_a_list_in_the_cache_that_was_falsified(project):
    for found in (project / ".dvc" / "cache").rglob("*.dir"):
        found.chmod(0o644)
        found.write_text(found.read_text().replace("a.txt", "../../etc/passwd"))
    with pytest.raises(CorruptBundleError) as caught:
        dvc.read(str(project))
    assert caught.value.code == "RPK181"


@needs_dvc
@pytest.mark.slow
def test_a_stage_is_recorded_with_its_nested_python_and_replayed(project, reprokit, tmp_path):
    bundle = tmp_path / "stage.repro.tar.zst"
    env = {"DVC_NO_ANALYTICS": "1", "PATH": f"{Path(DVC).parent}:{os.environ['PATH']}"}
    done = reprokit("record", "--json", "-o", bundle, "--", "dvc", "repro", "--force", "prepare", cwd=project, env=env)
    assert done.status == 0, done.text
    document = done.json
    inputs = {entry["path"]: entry for entry in document["inputs"]}
    assert inputs[str(project / "raw" / "b.txt")]["seen_by"] != ["listing"], "the nested python was observed"
    outputs = {entry["path"] for entry in document["outputs"]}
    assert str(project / "prepared" / "a.txt") in outputs
    assert not [path for path in outputs if "/.dvc/tmp/" in path or "/.dvc/cache/" in path]
    again = reprokit("replay", bundle, "--json", cwd=tmp_path, env=env)
    assert again.status == 0, again.text
    assert again.json["tier"] == "bitwise"
    both = Graph(dvc.read(str(project)))
    read = {entry["sha256"] for path, entry in inputs.items() if "/raw/" in path and entry["size"]}
    assert read <= both.artifacts.keys(), "the recorded run and DVC's stage meet in the same artifacts"


HOLE = "d = open('dep.txt').read(); open('out.txt', 'w').write(d)"


@needs_dvc
@pytest.mark.parametrize("edited", [True, False])
def test_a_dependency_that_was_edited_while_its_stage_ran_is_named(edited, tmp_path):
    root = tmp_path / "project"
    root.mkdir()
    (root / "dep.txt").write_text("as it was read\n")
    edit = "; open('dep.txt', 'w').write('edited meanwhile')" if edited else ""
    (root / "dvc.yaml").write_text(
        f'stages:\n  s:\n    cmd: python -c "{HOLE}{edit}"\n    deps: [dep.txt]\n    outs: [out.txt]\n'
    )
    seen = {str(root / "dep.txt"): dvc.Seen(sha(root / "dep.txt"))}
    run_dvc(root, "init", "--no-scm", "--quiet")
    run_dvc(root, "repro", "--quiet")
    assert "up to date" in run_dvc(root, "status"), "DVC itself does not see it"
    (found,) = dvc.changed_while_it_ran(str(root / "dvc.lock"), seen)
    assert (found.stage, found.state) == ("s", "changed" if edited else "same")
    (root / "dep.txt").unlink()
    shutil.rmtree(root / ".dvc" / "cache")
    (found,) = dvc.changed_while_it_ran(str(root / "dvc.lock"), seen)
    assert found.state == "unknown", "the content behind the lock's MD5 is gone"
    content = hashlib.md5(b"as it was read\n").hexdigest()
    with_md5 = {str(root / "dep.txt"): dvc.Seen("sha256:00", md5=content)}
    (found,) = dvc.changed_while_it_ran(str(root / "dvc.lock"), with_md5)
    assert found.state == ("changed" if edited else "same")


FOLDER_HOLE = "d = open('raw/a.txt').read() + open('raw/b.txt').read(); open('out.txt', 'w').write(d)"


@needs_dvc
@pytest.mark.parametrize(
    ("meanwhile", "states"),
    [
        ("", {"same"}),
        ("; open('raw/a.txt', 'w').write('edited meanwhile')", {"same", "changed"}),
        ("; __import__('os').remove('raw/a.txt')", {"same", "unknown"}),
    ],
)
def test_a_file_that_was_edited_in_a_folder_that_no_stage_made_is_named(meanwhile, states, tmp_path):
    """DVC keeps no list of such a folder in its cache."""
    root = tmp_path / "project"
    (root / "raw" / "deep").mkdir(parents=True)
    for name in ("a.txt", "b.txt", "deep/\u00e9 c.txt"):
        (root / "raw" / name).write_text(f"{name} as it was read\n")
    (root / "dvc.yaml").write_text(
        f'stages:\n  s:\n    cmd: python -c "{FOLDER_HOLE}{meanwhile}"\n    deps: [raw]\n    outs: [out.txt]\n'
    )
    seen = {str(path): dvc.Seen(sha(path)) for path in (root / "raw" / "a.txt", root / "raw" / "b.txt")}
    run_dvc(root, "init", "--no-scm", "--quiet")
    run_dvc(root, "repro", "--quiet")
    assert "up to date" in run_dvc(root, "status"), "DVC itself does not see it"
    found = dvc.changed_while_it_ran(str(root / "dvc.lock"), seen)
    assert {one.state for one in found} == states
    assert len(found) == 2
    files = {node.name for node in dvc.read(str(root)).artifacts}
    assert {"b.txt", "\u00e9 c.txt"} <= files, "the folder's files are in the graph"
    (root / "raw" / "b.txt").write_text("edited later")
    (found,) = dvc.changed_while_it_ran(str(root / "dvc.lock"), seen)
    assert (found.path, found.state) == (str(root / "raw"), "unknown")


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefghi", "bcdefghij", strict=True)
)
MERGES = "a: &a {x: 1}\n" + "".join(
    f"{b}: &{b} {{<<: [{','.join([f'*{a}'] * 9)}]}}\n" for a, b in zip("abcdefghi", "bcdefghij", strict=True)
)
LOCK = (
    "schema: '2.0'\nstages:\n  s:\n    cmd: x\n    deps:\n"
    "    - path: {path}\n      md5: {md5}\n      hash: md5\n      size: {size}\n"
)
GOOD = {"path": "a", "md5": "ab" * 16, "size": 3}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (BOMB, "RPK183"),
        (MERGES, "RPK183"),
        ("&a [*a]", "RPK183"),
        ("schema: '2.0'\nstages: " + "[" * 50_000, "RPK183"),
        ("schema: '3.0'\nstages: {}", "RPK182"),
        ("stages: {}", "RPK182"),
        ("schema: '2.0'\nstages: [1]", "RPK181"),
        ("just text", "RPK181"),
        ("", "RPK181"),
        ("schema: '2.0'\n  bad: [", "RPK181"),
        ("schema: '2.0'\nstages: !!python/object/apply:os.system ['touch x']", "RPK181"),
        (LOCK.format(**GOOD | {"md5": "../../../../etc/passwd"}), "RPK181"),
        (LOCK.format(**GOOD | {"size": "9" * 30}), "RPK181"),
        (LOCK.format(**GOOD | {"size": "9" * 10_000}), "RPK181"),
        (LOCK.format(**GOOD | {"size": -1}), "RPK181"),
        ("\x00\x01\x02", "RPK181"),
    ],
)
def test_hostile_and_broken_locks(text, code, tmp_path):
    (tmp_path / "dvc.lock").write_text(text)
    with pytest.raises(CorruptBundleError) as caught:
        dvc.read(str(tmp_path))
    assert caught.value.code == code


def test_a_good_lock_is_read_and_a_cut_one_never_crashes(tmp_path):
    text = LOCK.format(**GOOD)
    (tmp_path / "dvc.lock").write_text(text)
    assert [node.id for node in dvc.read(str(tmp_path)).artifacts] == [f"md5:{'ab' * 16}"]
    for length in range(len(text)):
        (tmp_path / "dvc.lock").write_text(text[:length])
        with contextlib.suppress(CorruptBundleError):
            dvc.read(str(tmp_path))


def test_what_dvc_2_wrote_keeps_its_own_kind_of_digest(tmp_path):
    (tmp_path / "a").write_text("abc")
    (tmp_path / "a.dvc").write_text(f"outs:\n- md5: {hashlib.md5(b'abc').hexdigest()}\n  path: a\n  size: 3\n")
    (node,) = dvc.read(str(tmp_path)).artifacts
    assert node.id.startswith("md5-dos2unix:")


def test_references_are_allowed_where_they_are_few(tmp_path):
    (tmp_path / "x.yaml").write_text("a: &a [1, 2]\nb: *a\n")
    assert load(tmp_path / "x.yaml") == {"a": [1, 2], "b": [1, 2]}


LOCK_ELSEWHERE = """schema: '2.0'
stages:
  train:
    cmd: python train.py
    deps:
    - path: s3://bucket/raw.csv
      etag: abc
      size: 3
    - path: raw
      files:
      - relpath: a.csv
        md5: 900150983cd24fb0d6963f7d28e17f72
        size: 3
        version_id: v1
      - relpath: b.csv
        etag: def
        size: 4
    params:
      params.yaml:
        lr: 0.1
        steps: 5
      other.yaml:
        lr: 0.2
        steps: 5
    outs:
    - path: model.pt
      hash: md5
      md5: d16fb36f0911f878998c136191af705e
      size: 3
"""


def test_what_lies_in_a_remote_keeps_its_place_and_its_files(tmp_path):
    """A path of S3 is no path here; a directory in a remote that keeps versions has files, and no digest of its own."""
    pytest.importorskip("dvc", reason="needs the extra `dvc`")
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA

    (tmp_path / "dvc.lock").write_text(LOCK_ELSEWHERE)
    COMPILED_LOCKFILE_SCHEMA(load(tmp_path / "dvc.lock"))
    found = dvc.read(str(tmp_path / "dvc.lock"))
    nodes = {node.id: node.uri for node in found.artifacts}
    here = tmp_path.as_uri()
    assert nodes == {
        "etag:abc": "s3://bucket/raw.csv", "md5:900150983cd24fb0d6963f7d28e17f72": f"{here}/raw/a.csv",
        "etag:def": f"{here}/raw/b.csv", "md5:d16fb36f0911f878998c136191af705e": f"{here}/model.pt",
    }  # fmt: skip
    (run,) = found.executions
    assert {event.artifact for event in found.events if event.is_input} == {*nodes} - {
        "md5:d16fb36f0911f878998c136191af705e"
    }
    parameters = {name: value for name, value in run.properties.items() if name.startswith("parameter.")}
    assert parameters == {"parameter.lr": 0.1, "parameter.steps": 5, "parameter.other.yaml:lr": 0.2}
    (tmp_path / "dvc.lock").write_text(LOCK_ELSEWHERE.replace("etag: def", "etag: new"))
    assert dvc.read(str(tmp_path / "dvc.lock")).executions[0].id != run.id, "other files are another run"


def test_a_stage_keeps_the_identifier_that_it_has_in_the_graphs_of_users(tmp_path):
    lines = "schema: '2.0'\nstages:\n  a:\n    cmd: x\n    outs:\n    - {path: o, hash: md5, md5: '%s', size: 3}\n"
    (tmp_path / "dvc.lock").write_text(lines % ("9" * 32))
    (run,) = dvc.read(str(tmp_path / "dvc.lock")).executions
    assert run.id == "urn:uuid:b8e5134f-9a8d-59d9-ac29-e894ecf3a4b4"


def test_plain_words_are_what_dvc_means_by_them(tmp_path):
    """DVC writes YAML 1.2: a learning rate of 1e-05 is a number there, and `off` a word."""
    pytest.importorskip("dvc", reason="needs the extra `dvc`")
    from dvc.utils.serialize import dump_yaml

    params = {
        "lr": 1e-5, "mode": "off", "time": "1:30", "yes": "yes", "big": 1e22, "neg": -1.5e-7, "seven": "0o7",
        "code": "0123", "under": "1_000", "day": "2024-01-01", "text": "1e5", "hex": "0x1F", "is": True, "not": False,
        "none": "null", "whole": -17, "half": 0.5, "inf": float("inf"), "zero": 0, "version": "1.0", "digits": "9" * 32,
    }  # fmt: skip
    dump_yaml(tmp_path / "dvc.lock", {"schema": "2.0", "stages": {"on": {"cmd": "x", "params": {"p.yaml": params}}}})
    assert load(tmp_path / "dvc.lock")["stages"]["on"]["params"]["p.yaml"] == params
    (run,) = dvc.read(str(tmp_path / "dvc.lock")).executions
    assert (run.name, run.properties["parameter.lr"], run.properties["parameter.mode"]) == ("on", 1e-5, "off")
