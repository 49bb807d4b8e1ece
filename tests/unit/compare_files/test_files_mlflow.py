"""MLflow's database and its description of a model: what was logged counts, when and under which name does not."""

from __future__ import annotations

import sqlite3
import uuid
from contextlib import closing

import pytest

from reprokit.compare.files import compare_files

SCHEMA = """
CREATE TABLE alembic_version (version_num);
CREATE TABLE experiments (experiment_id INTEGER PRIMARY KEY, name, artifact_location, lifecycle_stage, creation_time);
CREATE TABLE runs (run_uuid PRIMARY KEY, experiment_id, name, status, lifecycle_stage, start_time, artifact_uri);
CREATE TABLE metrics ("key", value, timestamp, run_uuid, step, is_nan);
CREATE TABLE latest_metrics ("key", value, timestamp, run_uuid, step, is_nan);
CREATE TABLE params ("key", value, run_uuid);
CREATE TABLE tags ("key", value, run_uuid);
CREATE TABLE trace_info (request_id);
CREATE TABLE datasets (dataset_uuid, name, digest, dataset_schema, dataset_profile);
CREATE TABLE inputs (input_uuid, source_id, destination_id);
CREATE TABLE input_tags (input_uuid, name, value);
CREATE TABLE registered_models (name, description);
"""


def database(path, *statements, losses=(1.0, 0.5), lr="0.1", tags=(), late=0):
    """What MLflow writes for one run; `statements` are executed at the end."""
    own = uuid.uuid4().hex
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA)
        connection.execute("INSERT INTO experiments VALUES (0, 'Default', '/tmp/x', 'active', ?)", [late])
        connection.execute("INSERT INTO runs VALUES (?, 0, ?, 'FINISHED', 'active', ?, ?)", [own, own[:4], late, own])
        for step, loss in enumerate(losses):
            connection.execute("INSERT INTO metrics VALUES ('loss', ?, ?, ?, ?, 0)", [loss, late + step, own, step])
            connection.execute("INSERT INTO metrics VALUES ('system/cpu', ?, ?, ?, ?, 0)", [late, late, own, step])
        connection.execute("INSERT INTO params VALUES ('lr', ?, ?)", [lr, own])
        for key, value in (("mlflow.runName", own[:4]), ("mlflow.user", own), *tags):
            connection.execute("INSERT INTO tags VALUES (?, ?, ?)", [key, value, own])
        connection.commit()
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    return path


def compared(tmp_path, statements=(), **changes):
    a = database(tmp_path / "a", *statements)
    return compare_files(a, database(tmp_path / "b", *statements, late=9_000, **changes), "mlflow.db")


def test_times_and_identifiers_are_not_content(tmp_path):
    result = compared(tmp_path)
    assert (result.equal, result.method.split(":")[0]) == (True, "MLflow database"), result
    assert (tmp_path / "a").read_bytes() != (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"losses": (1.0, 0.5000000000000001)}, "experiment Default/run 1/metric/loss/value"),
        ({"losses": (1.0,)}, "experiment Default/run 1/metric/loss/value"),
        ({"lr": "0.10"}, "experiment Default/run 1/param/lr"),
        ({"tags": [("data", "v2")]}, "experiment Default/run 1/tag/data"),
        ({"tags": [("mlflow.note.content", "best")]}, "experiment Default/run 1/tag/mlflow.note.content"),
    ],
)
def test_what_was_logged_is(tmp_path, changes, where):
    result = compared(tmp_path, **changes)
    assert not result.equal
    assert where in [difference.where for difference in result.differences]


USED = [
    "INSERT INTO datasets VALUES ('d', 'train', '1f', '{}', '{\"rows\": 3}')",
    "INSERT INTO inputs SELECT 'u', 'd', run_uuid FROM runs",
    "INSERT INTO input_tags VALUES ('u', 'mlflow.data.context', 'training')",
    "INSERT INTO registered_models VALUES ('net', 'the best')",
]


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("'1f'", "'2f'", "experiment Default/run 1/dataset/train"),
        ('"rows": 3', '"rows": 4', "experiment Default/run 1/dataset/train"),
        ("'training'", "'test'", "experiment Default/run 1/dataset/train"),
        ("the best", "the worst", "registry/model/net"),
    ],
)
def test_datasets_and_registered_models_are_content(tmp_path, old, new, where):
    a = database(tmp_path / "a", *USED)
    assert compare_files(a, database(tmp_path / "same", *USED), "mlflow.db").equal
    other = database(tmp_path / "b", *(statement.replace(old, new) for statement in USED))
    result = compare_files(a, other, "mlflow.db")
    assert [difference.where for difference in result.differences] == [where]


@pytest.mark.parametrize(
    "statements",
    [
        ["UPDATE tags SET key = NULL"],
        ["UPDATE metrics SET key = 7"],
        ["INSERT INTO trace_info VALUES ('tr-1')"],
        ["DROP TABLE metrics", "CREATE VIEW metrics AS SELECT 1"],
        ["UPDATE metrics SET step = 'x'"],
        ["UPDATE metrics SET value = 'x'"],
        ["UPDATE metrics SET step = 1e300"],
        ["UPDATE experiments SET name = NULL"],
        ["INSERT INTO params VALUES (x'ff', NULL, (SELECT run_uuid FROM runs))"],
        ["PRAGMA journal_mode = WAL"],
    ],
)
def test_what_cannot_be_read_is_never_equal(tmp_path, statements):
    assert not compared(tmp_path, statements).equal


@pytest.mark.parametrize("at", [20, 100, 5000, 30_000])
def test_a_damaged_one_is_never_equal(tmp_path, at):
    a, b = database(tmp_path / "a"), database(tmp_path / "b")
    data = b.read_bytes()
    b.write_bytes(data[:at] + bytes(len(data) - at))
    assert not compare_files(a, b, "mlflow.db").equal
    b.write_bytes(data[:at])
    assert not compare_files(a, b, "mlflow.db").equal


MODEL = """artifact_path: /p/mlruns/1/models/m-{0}/artifacts
flavors:
  sklearn:
    sklearn_version: 1.9.1
mlflow_version: 3.17.2
model_id: m-{0}
model_size_bytes: {1}
model_uuid: m-{0}
run_id: {0}
utc_time_created: '2026-11-23 08:24:31.{1}'
"""


@pytest.mark.parametrize(
    ("old", "new", "equal"),
    [("", "", True), ("1.9.1", "1.9.0", False), ("    sklearn_v", "    run_id: 7\n    s", False)],
)
def test_the_description_of_a_model(tmp_path, old, new, equal):
    (tmp_path / "a").write_text(MODEL.format(uuid.uuid4().hex, 7))
    (tmp_path / "b").write_text(MODEL.format(uuid.uuid4().hex, 7).replace(old, new).replace("31.7", "32.9"))
    result = compare_files(tmp_path / "a", tmp_path / "b", "artifacts/MLmodel")
    assert (result.equal, result.method.split(":")[0]) == (equal, "MLflow model")
