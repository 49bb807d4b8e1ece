"""Dataset manifests as a user makes them: the command line, the settings, the Python API."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine

SETTINGS = """
[tool.reprokit.dataset.posts]
path = "posts"
exclude = ["*.tmp"]
version = "2026.1"
opt-out = [{ list = "optout.txt", key = "user", version = "7" }]

[tool.reprokit.dataset.posts.terms]
licence = "CC-BY-4.0"
intended_use = ["teaching"]
collection_period = { start = "2025-01", end = "2025-12-31" }
[tool.reprokit.dataset.posts.splits]
seed = 13
strategy = "by user"
parts = { train = ["train-*.jsonl"], test = ["test-*.jsonl"] }

[tool.reprokit.dataset.posts.filters]
rows-in = 5
rows-out = 4
rules = [{ name = "emails", kind = "pii", version = "1.2", action = "redact" }]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    pytest.importorskip("license_expression", reason="needs the extra `datasets`")
    (tmp_path / "pyproject.toml").write_text(SETTINGS)
    (tmp_path / "optout.txt").write_text("eve\n")
    posts = tmp_path / "posts"
    posts.mkdir()
    for name, users in (("train-0", ["ann", "bob"]), ("train-1", ["cid"]), ("test-0", ["dan"])):
        lines = [json.dumps({"user": user, "text": f"I am {user}", "age": len(user)}) for user in users]
        (posts / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    (posts / "x.tmp").write_text("no part of it")
    return tmp_path


def test_a_dataset_of_the_settings(reprokit: CommandLine, project: Path) -> None:
    done = reprokit("manifest", "create", "--dataset", "posts", "--json", cwd=project / "posts")
    assert (done.status, done.stderr) == (0, b""), done.text
    found = done.json
    assert found["schema"] == "reprokit.dataset-manifest/1"
    assert json.loads((project / "posts.manifest.json").read_text()) == found
    assert [one["path"] for one in found["snapshot"]["files"]] == ["test-0.jsonl", "train-0.jsonl", "train-1.jsonl"]
    first = found["snapshot"]["files"][0]
    assert first["digest"] == "sha256:" + hashlib.sha256((project / "posts" / "test-0.jsonl").read_bytes()).hexdigest()
    assert found["sampling"]["disjoint"] is True
    assert found["filters"]["opt_out"][0]["holds"] is True
    assert (found["filters"]["rows_in"], found["filters"]["rows_counted"]) == (5, 4)
    assert found["terms"]["licence"] == "CC-BY-4.0"
    assert b"eve" not in done.stdout

    checked = reprokit("manifest", "check", "posts.manifest.json", cwd=project)
    assert checked.status == 0, checked.text
    shown = reprokit("manifest", "show", "posts.manifest.json", cwd=project).text
    for text in ("4 rows", "CC-BY-4.0", "teaching", "age", "int64", "disjoint", "none of its keys is here"):
        assert text in shown
    (project / "posts" / "train-0.jsonl").write_text('{"user": "zoe", "text": "", "age": 1}\n')
    changed = reprokit("manifest", "check", "posts.manifest.json", "--json", cwd=project)
    assert (changed.status, changed.json["schema"], changed.json["met"]) == (1, "reprokit.dataset-check/1", False)
    assert changed.json["files"]["changed_paths"] == ["train-0.jsonl"]
    assert [one["code"] for one in changed.json["findings"]] == ["RPK154"]


def test_one_byte_is_enough(reprokit: CommandLine, project: Path) -> None:
    assert reprokit("manifest", "create", "posts", cwd=project).status == 0
    path = project / "posts" / "test-0.jsonl"
    path.write_bytes(path.read_bytes().replace(b"dan", b"den"))
    done = reprokit("manifest", "check", "posts.manifest.json", cwd=project)
    assert (done.status, "test-0.jsonl" in done.text) == (1, True)


def test_what_is_said_against_a_dataset_is_an_exit_status(reprokit: CommandLine, project: Path) -> None:
    (project / "optout.txt").write_text("eve\nbob\n")
    done = reprokit("manifest", "create", "--dataset", "posts", cwd=project)
    assert (done.status, b"RPK158" in done.stderr) == (1, True)
    assert b"bob" not in (project / "posts.manifest.json").read_bytes()
    assert reprokit("manifest", "check", "posts.manifest.json", cwd=project).status == 1


def test_a_newer_opt_out_list(reprokit: CommandLine, project: Path) -> None:
    assert reprokit("manifest", "create", "--dataset", "posts", cwd=project).status == 0
    (project / "new.txt").write_text(hashlib.sha256(b"cid").hexdigest())
    options = ("--opt-out", "new.txt", "--opt-out-key", "user", "--opt-out-hashed")
    done = reprokit("manifest", "check", "posts.manifest.json", *options, cwd=project)
    assert (done.status, "RPK158: 1 of 4 rows" in done.text) == (1, True), done.text


def test_two_versions_are_compared(reprokit: CommandLine, project: Path) -> None:
    assert reprokit("manifest", "create", "posts", "-o", "1.json", cwd=project).status == 0
    assert reprokit("manifest", "create", "posts", "-o", "2.json", "--licence", "mit", cwd=project).status == 0
    assert reprokit("manifest", "diff", "1.json", "1.json", cwd=project).status == 0
    done = reprokit("manifest", "diff", "1.json", "2.json", "--json", cwd=project)
    assert (done.status, done.json["schema"]) == (1, "reprokit.dataset-diff/1")
    assert done.json["fields"] == [{"field": "terms.licence", "first": "", "second": "MIT"}]


def test_the_answer_to_a_query(reprokit: CommandLine, tmp_path: Path) -> None:
    pytest.importorskip("sqlalchemy", reason="needs the extra `datasets`")
    connection = sqlite3.connect(tmp_path / "blog.sqlite")
    with connection:
        connection.execute("CREATE TABLE post (id INTEGER, text TEXT)")
        connection.execute("INSERT INTO post VALUES (1, 'a')")
    query = ("--query", "SELECT * FROM post", "--database", "blog.sqlite", "--name", "blog")
    assert reprokit("manifest", "create", *query, cwd=tmp_path).status == 0
    assert reprokit("manifest", "check", "blog.manifest.json", cwd=tmp_path).status == 0
    with connection:
        connection.execute("INSERT INTO post VALUES (2, 'b')")
    connection.close()
    done = reprokit("manifest", "check", "blog.manifest.json", cwd=tmp_path)
    assert (done.status, "another answer: 2 rows, and 1 then" in done.text) == (1, True)


WRONG = [
    (("create",), 2, "RPK164"), (("create", "gone"), 2, "RPK003"), (("create", "--dataset", "gone"), 2, "RPK164"),
    (("create", "posts", "--dataset", "posts"), 2, "RPK001"), (("create", "posts", "--licence", "free"), 2, "RPK157"),
    (("create", "posts", "--split", "train"), 2, "RPK001"), (("create", "posts", "--format", "word"), 2, "RPK164"),
    (("create", "posts", "--opt-out", "optout.txt"), 2, "RPK001"), (("create", "posts", "--threads", "0"), 2, "RPK001"),
    (("create", "empty"), 2, "RPK151"), (("create", "dangling"), 3, "RPK152"), (("check", "gone.json"), 2, "RPK003"),
    (("check", "optout.txt"), 4, "RPK027"), (("show", "pyproject.toml"), 4, "RPK027"), (("nonsense",), 2, "RPK001"),
    (("diff", "optout.txt"), 2, "RPK001"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "status", "code"), WRONG, ids=[" ".join(case[0])[:40] for case in WRONG])
def test_errors(reprokit: CommandLine, project: Path, arguments: tuple[str, ...], status: int, code: str) -> None:
    (project / "empty").mkdir()
    (project / "dangling").mkdir()
    (project / "dangling" / "link").symlink_to("nowhere")
    done = reprokit("manifest", *arguments, "--json", cwd=project)
    assert (done.status, done.json["schema"], done.json["code"]) == (status, "reprokit.error/1", code), done.text
    plain = reprokit("manifest", *arguments, cwd=project)
    assert (plain.status, plain.stdout, plain.stderr.startswith(f"error {code}: ".encode())) == (status, b"", True)


def test_a_misspelt_key_is_an_error(reprokit: CommandLine, project: Path) -> None:
    (project / "pyproject.toml").write_text(SETTINGS.replace("strategy", "stratgy"))
    done = reprokit("manifest", "create", "--dataset", "posts", cwd=project)
    assert (done.status, b"RPK004" in done.stderr, b"dataset.posts.splits.stratgy" in done.stderr) == (2, True, True)
    assert b"Known keys: seed, strategy, column, parts" in done.stderr, done.text


@pytest.mark.slow
def test_the_core_needs_no_extra(reprokit: CommandLine, project: Path, tmp_path: Path) -> None:
    """Folders, CSV, JSON lines and archives are read without pyarrow; what needs it says so."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    for name in ("pyarrow", "sqlalchemy", "license_expression", "yaml"):
        (hidden / f"{name}.py").write_text("raise ImportError('hidden')")
    env = {"PYTHONPATH": str(hidden)}
    assert reprokit("manifest", "create", "posts", cwd=project, env=env).status == 0
    for given in (("posts", "--licence", "MIT"), ("--query", "SELECT 1", "--database", "x.sqlite")):
        done = reprokit("manifest", "create", *given, cwd=project, env=env)
        assert (done.status, b"RPK150" in done.stderr) == (3, True), done.text
    (project / "posts" / "t.parquet").write_bytes(b"PAR1")
    assert b"RPK150" in reprokit("manifest", "create", "posts", cwd=project, env=env).stderr


def test_in_python(project: Path, tmp_path: Path, reprokit: CommandLine) -> None:
    code = """
import reprokit
made = reprokit.manifest(dataset="posts")
print(made.id == reprokit.manifest(dataset="posts").id, made.sampling.disjoint, made.statistics.rows)
print(reprokit.manifest("posts", splits={"column": "user"}, exclude=["*.tmp"], output="x.json").sampling.disjoint)
try:
    reprokit.manifest("posts", nonsense=1)
except Exception as error:
    print(error.code)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project,
        env=reprokit.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["True", "True", "4", "True", "RPK001"], done.stderr


def test_without_a_cache_nothing_is_kept(reprokit: CommandLine, project: Path, tmp_path: Path) -> None:
    env = {"REPROKIT_HOME": str(tmp_path / "home")}
    assert reprokit("manifest", "create", "posts", "--no-cache", cwd=project, env=env).status == 0
    assert not (tmp_path / "home" / "digests.sqlite").exists()
    assert reprokit("manifest", "create", "posts", "--paranoid", cwd=project, env=env).status == 0
    assert (tmp_path / "home" / "digests.sqlite").exists()


MADE = "import sys; open(sys.argv[2], 'w').write(open(sys.argv[1]).read() * 2)"


@pytest.mark.slow
def test_what_an_earlier_recorded_stage_made_is_no_finding(reprokit: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.reprokit.dataset.raw]\npath = "raw.txt"\n')
    (tmp_path / "raw.txt").write_text("raw\n")
    (tmp_path / "stray.txt").write_text("stray\n")
    home: dict[str, str | None] = {"REPROKIT_HOME": str(tmp_path / "home")}

    def said(source: str, target: str) -> list[str]:
        run = ("record", "-o", f"{target}.zst", "--json", "--", sys.executable, "-c", MADE, source, target)
        report = reprokit(*run, cwd=tmp_path, env=home).json
        return [warning["message"] for warning in report["warnings"] if warning["code"] == "RPK190"]

    assert reprokit("manifest", "create", "--dataset", "raw", cwd=tmp_path, env=home).status == 0
    assert said("raw.txt", "half.txt") == []
    assert said("half.txt", "whole.txt") == [], "as the part that waits for the graph says"
    assert len(said("stray.txt", "other.txt")) == 1
    pytest.importorskip("sqlalchemy", reason="needs the extra `lineage`")
    assert reprokit("lineage", "show", cwd=tmp_path, env=home).status == 0
    assert not list((tmp_path / "home" / "lineage" / "pending").glob("*.json"))
    assert said("half.txt", "again.txt") == [], "as the store says"
    assert len(said("stray.txt", "more.txt")) == 1


def test_a_manifest_is_in_the_graph_before_any_run(reprokit: CommandLine, project: Path, tmp_path: Path) -> None:
    pytest.importorskip("sqlalchemy", reason="needs the extra `lineage`")
    home: dict[str, str | None] = {"REPROKIT_HOME": str(tmp_path / "graph")}
    for _ in range(2):  # making it again adds nothing
        made = reprokit("manifest", "create", "--dataset", "posts", "--json", cwd=project, env=home)
        assert made.status == 0, made.text
    found = reprokit("lineage", "up", "posts.manifest.json", "--json", cwd=project, env=home)
    assert found.status == 0, found.text
    lineage = found.json["lineage"]
    assert made.json["id"] in {node["id"] for node in lineage["artifacts"]}
    assert {node["type"] for node in lineage["artifacts"]} == {"DatasetManifest", "OptOutList"}
    with (project / "pyproject.toml").open("a") as file:
        file.write("\n[tool.reprokit.lineage]\nrecord = false\n")
    home = {"REPROKIT_HOME": str(tmp_path / "none")}
    assert reprokit("manifest", "create", "--dataset", "posts", cwd=project, env=home).status == 0
    assert not (tmp_path / "none" / "lineage").exists()
