"""The same pipeline as the manual tells it: one `dvc repro` records every stage, an MLflow server tracks the training.

Then its bundles replay bit by bit without the server, the model may be released, and whatever is changed is named.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

for module, extra in (("sqlalchemy", "lineage"), ("yaml", "dvc"), ("mlflow", "mlflow")):
    pytest.importorskip(module, reason=f"needs the extra `{extra}`")
_spec = importlib.util.spec_from_file_location("pipeline_parts", Path(__file__).with_name("test_pipeline.py"))
parts = sys.modules["pipeline_parts"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(parts)
pytestmark = parts.pytestmark

TRAIN = parts.TRAIN.replace("import json\n", "import json, random\nrandom.seed(1)\n", 1).replace(
    '"loss": float(np.mean(losses))', '"loss": float(np.mean(losses)), "drawn": random.random()'
)
STAGES = """
stages:
  filter:
    cmd:
      - reprokit record -o filter.repro.tar.zst -- python filter.py
      - reprokit manifest create --dataset filtered
    deps: [raw.jsonl, opt-out.txt, filter.py]
    outs: [filtered.jsonl]
  tokenise:
    cmd: reprokit record -o tokenise.repro.tar.zst -- python tokenise.py
    deps: [filtered.jsonl, tokenise.py]
    outs: [tokens.json]
  train:
    cmd: reprokit record -o train.repro.tar.zst --mlflow-run $RUN -- python train.py
    deps: [tokens.json, train.py]
    outs: [model.npz]
    metrics:
      - metrics.json:
          cache: false
"""
IGNORED = "*.zst\n*.jsonl\ntokens.json\nmetrics.json\n*.npz\nmlruns\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    room = tmp_path_factory.mktemp("server")
    places = ["--backend-store-uri", f"sqlite:///{room / 'mlflow.db'}", "--artifacts-destination", str(room / "files")]
    where = ["--host", "127.0.0.1", "--port", "0", "--workers", "1"]
    command = [sys.executable, "-m", "mlflow", "server", *where, *places]
    with (room / "log").open("wb") as log:
        environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
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


@pytest.fixture(scope="module")
def released(reprokit, server, tmp_path_factory):
    """The project after two whole runs: in the second, DVC's lock and the manifest are under git, and change."""
    import mlflow

    directory = tmp_path_factory.mktemp("released") / "project"
    directory.mkdir()
    parts.real_text(directory)
    written = {"filter.py": parts.FILTER, "tokenise.py": parts.TOKENISE, "train.py": TRAIN, "dvc.yaml": STAGES,
               "pyproject.toml": parts.SETTINGS, ".gitignore": IGNORED}  # fmt: skip
    for name, text in written.items():
        (directory / name).write_text(text)
    own = parts.Project(reprokit, directory)
    own.environment |= {"MLFLOW_TRACKING_URI": server, "REPROKIT_IMAGE_DIGEST": "sha256:" + "1" * 64}
    own.shell("git", "init", "-q")
    own.shell("dvc", "init", "-q")
    own("manifest", "create", "--dataset", "raw")
    author = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    client = mlflow.MlflowClient(server)
    for words in ("lambda\nyield\n", "lambda\nyield\nimport\n"):
        (directory / "opt-out.txt").write_text(words)
        own.shell("git", "add", ".")
        own.shell("git", *author, "commit", "-qm", "as it is")
        own.mlflow_run = client.create_run("0").info.run_id
        own.environment["RUN"] = own.mlflow_run
        own.shell("dvc", "repro")
    own.client = client
    yield own
    shutil.rmtree(directory, ignore_errors=True)


def findings(project, subject="model.npz"):
    done = project.run("verify", subject, "--policy", "release", "--json", cwd=project.directory,
                       env=project.environment)  # fmt: skip
    assert done.json["schema"] == "reprokit.release/1", done.text
    for one in done.json["findings"]:
        assert one["code"], one
        assert one["node"], one
        assert one["remedy"], one
    return done.status, {(one["code"], one["name"].split(" (")[0]) for one in done.json["findings"]}


def test_it_replays_bit_by_bit_without_the_server_and_may_be_released(released):
    runs = len(released.client.search_runs(["0"]))
    assert findings(released) == (1, {("RPK177", "Bundle train.repro.tar.zst")})
    rebuilt = released("rebuild", "--due", "--json").json["bundles"]
    assert [(one["outcome"], one["tier"]) for one in rebuilt] == [("met", "bitwise")] * 3
    assert len(released.client.search_runs(["0"])) == runs, "a replay adds no run to the server"
    assert not (released.directory / "mlflow.db").exists()
    assert findings(released) == (0, set())
    assert released.mlflow_run[:8] in json.dumps(released("lineage", "up", "model.npz", "--json").json)


CHANGES = {
    "raw.jsonl": {("RPK174", "File raw.jsonl"), ("RPK174", "DatasetManifest raw")},
    "opt-out.txt": {("RPK174", "OptOutList opt-out.txt")},
    "filtered.jsonl": {("RPK174", "File filtered.jsonl"), ("RPK174", "DatasetManifest filtered")},
    "tokens.json": {("RPK174", "File tokens.json")},
    "model.npz": {("RPK174", "Model model.npz")},
    "raw.manifest.json": {("RPK174", "DatasetManifest raw")},
    "filtered.manifest.json": {("RPK174", "DatasetManifest filtered")},
    "filter.repro.tar.zst": {("RPK174", "Bundle filter.repro.tar.zst")},
    "train.repro.tar.zst": {("RPK174", "Bundle train.repro.tar.zst")},
}


@pytest.mark.parametrize("name", CHANGES)
def test_one_byte_of_whatever_it_is_made_of_is_named(released, name):
    released("rebuild", "--due")
    path = released.directory / name
    content = path.read_bytes()
    at = len(content) // 2
    try:
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        assert findings(released) == (1, CHANGES[name])
    finally:
        path.write_bytes(content)
    assert findings(released) == (0, set())
