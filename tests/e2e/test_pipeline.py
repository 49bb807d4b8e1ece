"""A pipeline as a team has one: real text, filtered by an opt-out list, tokenised, and a model trained on it.

DVC runs it, MLflow tracks the training, and reprokit records each stage. From the model's file alone, the graph then
leads to the raw snapshot and to the opt-out list's version.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]  # MLflow's own warnings are its own
for module, extra in (("sqlalchemy", "lineage"), ("yaml", "dvc"), ("mlflow", "mlflow")):
    pytest.importorskip(module, reason=f"needs the extra `{extra}`")
BIN = Path(sys.executable).parent
if not (BIN / "dvc").exists():
    pytest.skip("needs the command `dvc`: the extra `systems`", allow_module_level=True)

FILTER = """
import json
out = set(open("opt-out.txt").read().split())
with open("filtered.jsonl", "w") as file:
    for line in open("raw.jsonl"):
        if json.loads(line)["id"] not in out:
            file.write(line)
"""
TOKENISE = """
import json
words, tokens = {}, []
for line in open("filtered.jsonl"):
    tokens += [words.setdefault(word, len(words)) for word in json.loads(line)["text"].split()]
json.dump({"words": list(words), "tokens": tokens}, open("tokens.json", "w"))
"""
TRAIN = """
import json
import mlflow
import numpy as np
data = json.load(open("tokens.json"))
tokens, size = np.array(data["tokens"]), len(data["words"])
rng = np.random.default_rng(7)
left, right = rng.normal(size=(size, 8)) / 8, rng.normal(size=(8, size)) / 8
with mlflow.start_run() as run:
    mlflow.log_params({"seed": 7, "epochs": 3})
    for epoch in range(3):
        losses = []
        for at in range(0, min(len(tokens) - 1, 4096), 512):
            x, y = tokens[at : at + 512], tokens[at + 1 : at + 513]
            x = x[: len(y)]
            hidden = left[x]
            scores = hidden @ right
            scores -= scores.max(1, keepdims=True)
            likely = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
            losses.append(-np.log(likely[np.arange(len(y)), y]).mean())
            likely[np.arange(len(y)), y] -= 1
            step = likely / len(y)
            np.add.at(left, x, -2.0 * (step @ right.T))
            right -= 2.0 * (hidden.T @ step)
        mlflow.log_metric("loss", float(np.mean(losses)), step=epoch)
np.savez("model.npz", left=left, right=right)
json.dump({"loss": float(np.mean(losses))}, open("metrics.json", "w"))
"""
DVC = """
stages:
  filter:
    cmd: python filter.py
    deps: [raw.jsonl, opt-out.txt, filter.py]
    outs: [filtered.jsonl]
  tokenise:
    cmd: python tokenise.py
    deps: [filtered.jsonl, tokenise.py]
    outs: [tokens.json]
  train:
    cmd: python train.py
    deps: [tokens.json, train.py]
    outs: [model.npz]
    metrics:
      - metrics.json:
          cache: false
"""
SETTINGS = """
[tool.reprokit.dataset.raw]
path = "raw.jsonl"
version = "1"

[tool.reprokit.dataset.filtered]
path = "filtered.jsonl"

[[tool.reprokit.dataset.filtered.opt-out]]
list = "opt-out.txt"
version = "2026-11-01"
key = "id"

[tool.reprokit.dataset.filtered.preprocessing]
upstream = ["raw.manifest.json"]
"""


class Project:
    """The project, with a graph and a tracking server's database of its own."""

    def __init__(self, run, directory: Path) -> None:
        self.run, self.directory = run, directory
        self.database = f"sqlite:///{directory.parent / 'mlflow.db'}"
        self.environment = {
            "REPROKIT_HOME": str(directory.parent / "home"), "DVC_NO_ANALYTICS": "1",
            "MLFLOW_TRACKING_URI": self.database, "MLFLOW_DISABLE_TELEMETRY": "true",
            "PATH": f"{BIN}:{os.environ['PATH']}", "DVC_SITE_CACHE_DIR": str(directory.parent / "var/tmp/dvc"),
        }  # fmt: skip

    def __call__(self, *arguments, status=0):
        done = self.run(*arguments, cwd=self.directory, env=self.environment)
        assert done.status == status, done.text
        return done

    def shell(self, *command) -> None:
        environment = {**os.environ, **self.environment}
        done = subprocess.run(command, cwd=self.directory, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def sha(self, name: str) -> str:
        return f"sha256:{hashlib.sha256((self.directory / name).read_bytes()).hexdigest()}"


def real_text(directory: Path) -> None:
    """The topics of Python's own help: some 400 kB of English, an entry a topic."""
    from pydoc_data.topics import topics

    with (directory / "raw.jsonl").open("w") as file:
        for name, text in sorted(topics.items()):
            file.write(json.dumps({"id": name, "text": text}) + "\n")
    (directory / "opt-out.txt").write_text("lambda\nyield\nimport\n")


@pytest.fixture(scope="module")
def project(reprokit, tmp_path_factory):
    directory = tmp_path_factory.mktemp("pipeline") / "project"
    directory.mkdir()
    real_text(directory)
    written = {"filter.py": FILTER, "tokenise.py": TOKENISE, "train.py": TRAIN, "dvc.yaml": DVC,
               "pyproject.toml": SETTINGS, ".gitignore": "*.zst\nmlruns\n"}  # fmt: skip
    for name, text in written.items():
        (directory / name).write_text(text)
    own = Project(reprokit, directory)
    own.shell("git", "init", "-q")
    own.shell("dvc", "init", "-q")
    own.shell("git", "add", ".")
    own.shell("git", "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "x")
    own("manifest", "create", "--dataset", "raw")
    import mlflow

    client = mlflow.MlflowClient(own.database)
    where = client.create_experiment("text", artifact_location=(directory.parent / "files").as_uri())
    own.mlflow_run = client.create_run(where).info.run_id
    own("record", "-o", "filter.repro.tar.zst", "--", "dvc", "repro", "-s", "filter")
    own("manifest", "create", "--dataset", "filtered")
    own("record", "-o", "tokenise.repro.tar.zst", "--", "dvc", "repro", "-s", "tokenise")
    own("record", "-o", "train.repro.tar.zst", "--mlflow-run", own.mlflow_run, "--", "dvc", "repro", "-s", "train")
    own("lineage", "import", "--from", "dvc", ".")
    yield own
    shutil.rmtree(directory, ignore_errors=True)


def test_from_the_model_alone_the_raw_snapshot_and_the_lists_version_are_reached(project):
    found = project("lineage", "up", "model.npz", "--json").json
    text = json.dumps(found)
    raw = json.loads((project.directory / "raw.manifest.json").read_text())
    assert project.sha("raw.jsonl") in text, "the raw file, by content"
    assert raw["id"] in text, "the raw snapshot"
    assert "2026-11-01" in text, "the opt-out list's version"
    assert project.sha("opt-out.txt") in text
    shown = project("lineage", "up", "model.npz").stdout.decode()
    assert "OptOutList" in shown
    assert "train" in shown


def test_what_dvc_keeps_for_itself_is_neither_data_nor_a_result(project):
    """`.gitignore` is written for git, which no replay has; `dvc.lock` is another one after the next stage."""
    for name in ("filter", "tokenise"):
        report = project("inspect", f"{name}.repro.tar.zst", "--json").json
        manifest = report.get("manifest", report)
        assert ".gitignore" not in {Path(one["path"]).name for one in manifest["outputs"]}
        assert [one["message"] for one in manifest["warnings"] if one["code"] == "RPK190"] == [], name
    found = project("lineage", "up", "model.npz", "--json").json["lineage"]
    names = {node["name"] for node in found["artifacts"]}
    assert names.isdisjoint({"dvc.lock", ".gitignore", ".dvcignore", ".gitconfig"}), names


def test_a_stage_that_dvc_ran_is_replayed_bit_by_bit(project):
    verdict = project("replay", "filter.repro.tar.zst", "--json").json
    assert (verdict["tier"], verdict["met"]) == ("bitwise", True), verdict["outputs"]


def test_mlflow_and_the_bundle_know_the_run_by_one_identifier(project):
    import uuid

    import mlflow

    own = uuid.UUID(hex=project.mlflow_run).urn
    assert own in project("lineage", "up", "model.npz", "--json").stdout.decode()
    run = mlflow.MlflowClient(project.database).get_run(project.mlflow_run)
    assert run.data.params["seed"] == "7", "the script continued the run"
    assert "loss" in run.data.metrics
    report = project("inspect", "train.repro.tar.zst", "--json").json
    assert report.get("manifest", report)["run"]["id"] == own
    assert run.data.tags["reprokit.bundle"].startswith("sha256:")
    files = [one.path for one in mlflow.MlflowClient(project.database).list_artifacts(project.mlflow_run, "reprokit")]
    assert files == ["reprokit/train.repro.tar.zst"]
    audit = project("lineage", "audit", "--from", "mlflow", f"{project.database}#{project.mlflow_run}", "--json")
    assert audit.json["met"] is True


def test_a_server_that_is_down_leaves_the_recording_whole(project):
    done = project.run(
        "record", "--json", "-o", "alone.repro.tar.zst", "--mlflow-run", f"http://127.0.0.1:9#{'a' * 32}", "--",
        sys.executable, "-c", "print(1)", cwd=project.directory, env=project.environment,
    )  # fmt: skip
    assert done.status == 0, done.text
    assert "RPK186" in {one["code"] for one in done.json["warnings"]}
    project("verify", "alone.repro.tar.zst")
    project("record", "--mlflow-run", "no run", "--", sys.executable, "-c", "1", status=2)


def test_the_lock_is_what_the_stage_read_until_a_dependency_is_edited_meanwhile(project):
    audit = ("lineage", "audit", "--from", "dvc", "dvc.lock", "--json", "--bundle")
    assert project(*audit, "train.repro.tar.zst").json["met"] is True
    lock = project.directory / "dvc.lock"
    before = lock.read_text()
    md5 = hashlib.md5((project.directory / "tokens.json").read_bytes()).hexdigest()
    try:
        lock.write_text(before.replace(md5, "0123456789abcdef" * 2))
        (found,) = project(*audit, "train.repro.tar.zst", status=1).json["lacks"]
        assert found["node"] == "train"
        assert "tokens.json" in found["why"]
    finally:
        lock.write_text(before)


def test_one_raw_byte_changed_is_named(project):
    raw = project.directory / "raw.jsonl"
    content = raw.read_bytes()
    try:
        before = project.run("verify", "model.npz", "--policy", "release", "--json", cwd=project.directory,
                             env=project.environment).json["findings"]  # fmt: skip
        assert not [one for one in before if "raw.jsonl" in json.dumps(one)], before
        raw.write_bytes(content[:100] + bytes([content[100] ^ 1]) + content[101:])
        done = project("verify", "model.npz", "--policy", "release", "--json", status=1)
        assert [one for one in done.json["findings"] if "raw.jsonl" in json.dumps(one)], done.text
    finally:
        raw.write_bytes(content)
