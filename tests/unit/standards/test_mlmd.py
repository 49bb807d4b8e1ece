"""MLMD stores: ours, read back by the library in an environment of its own, and the library's, read by us."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from reprokit.errors import CorruptBundleError, UsageError
from reprokit.lineage.merging import merge, normal
from reprokit.lineage.standards import mlmd
from reprokit.schema.lineage import Artifact, Lineage

sys.path.insert(0, str(Path(__file__).parent))
import graphs

LIBRARY = Path(__file__).with_name("mlmd_library.py")


def library(*arguments: str) -> dict:
    python = os.environ.get("REPROKIT_MLMD_PYTHON")
    if not python:
        pytest.skip("needs REPROKIT_MLMD_PYTHON: an interpreter with ml-metadata 1.17.1; `nox -s mlmd` makes one")
    done = subprocess.run([python, str(LIBRARY), *arguments], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_library_finds_the_raw_manifest_and_the_opt_out_list_upstream_of_the_model(tmp_path):
    store = str(tmp_path / "store.db")
    assert mlmd.write(graphs.pipeline(), store) == [store]
    found = library("upstream", store, graphs.MODEL)
    assert found["artifacts"] == sorted([graphs.RAW, graphs.LIST, graphs.MANIFEST, graphs.MODEL])
    assert found["executions"] == sorted([graphs.FILTERING, graphs.TRAINING])
    assert found["events"] == 5
    cut = graphs.pipeline()
    cut = cut.model_copy(update={"events": [event for event in cut.events if event.artifact != graphs.RAW]})
    other = str(tmp_path / "cut.db")
    mlmd.write(cut, other)
    assert graphs.RAW not in library("upstream", other, graphs.MODEL)["artifacts"], "the planted fault"


def test_the_library_reads_names_types_and_values(tmp_path):
    store = str(tmp_path / "store.db")
    mlmd.write(graphs.pipeline(), store)
    found = library("dump", store)
    assert found[graphs.MODEL]["type"] == "Model"
    assert found[graphs.MODEL]["uri"] == "file:///model.pt"
    run = found[graphs.TRAINING]["properties"]
    assert (run["parameter.lr"], run["parameter.epochs"], run["git_dirty"]) == (0.1, 3, False)


def test_the_library_reads_hostile_text(tmp_path):
    store = str(tmp_path / "store.db")
    node = Artifact(id=graphs.HOSTILE, type=graphs.HOSTILE, name=graphs.HOSTILE, uri=graphs.HOSTILE,
                    properties={graphs.HOSTILE: graphs.HOSTILE, "struct": "mlmd-struct::!", "zero": "a\0b"},
                    )  # fmt: skip
    mlmd.write(Lineage(artifacts=[node]), store)
    assert library("dump", store)[graphs.HOSTILE] == {
        "name": graphs.HOSTILE, "type": graphs.HOSTILE, "uri": graphs.HOSTILE,
        "properties": {graphs.HOSTILE: graphs.HOSTILE, "struct": " mlmd-struct::!", "zero": "a␀b"},
    }  # fmt: skip


def test_a_store_of_the_library_is_read_and_added_to(tmp_path):
    store = str(tmp_path / "theirs.db")
    library("write", store)
    found = mlmd.read(store)
    model = next(node for node in found.artifacts if node.type == "Model")
    assert (model.id, model.name) == ("sha256:ab", "model.pt")
    assert model.properties == {"size": 3, "score": 1.5, "good": True, "note": "a note"}
    other = next(node for node in found.artifacts if node.type == "File")
    assert other.id.startswith("mlmd:")
    assert {(e.type, e.path, e.time) for e in found.events} == {("OUTPUT", ("model", 2), 5), ("INPUT", (), 4)}
    assert [node.name for node in found.contexts] == ["one", "two"]
    assert (len(found.attributions), len(found.associations), len(found.parents)) == (1, 1, 1)
    assert mlmd.read(store) == found, "identifiers stay"
    mlmd.write(graphs.pipeline(), store)
    library("dump", store)
    both = mlmd.read(store)
    assert {node.id for node in both.artifacts} >= {node.id for node in found.artifacts} | {graphs.MODEL}
    joined = Lineage(artifacts=[Artifact(id="sha256:ab", type="Model", properties={"size": 9, "own": 1})])
    mlmd.write(joined, store)
    again = next(node for node in mlmd.read(store).artifacts if node.id == "sha256:ab")
    assert again.properties["own"] == 1
    assert again.properties["size"] == 3, "what the library declared is the library's"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graph=graphs.graphs())
def test_what_is_written_is_read_back(graph, tmp_path_factory):
    store = str(tmp_path_factory.mktemp("mlmd") / "store.db")
    mlmd.write(graph, store)
    assert mlmd.read(store) == normal(mlmd.carried(graph))
    assert mlmd.carried(mlmd.carried(graph)) == mlmd.carried(graph)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(one=graphs.graphs(), other=graphs.graphs())
def test_writing_twice_adds_nothing_and_two_graphs_merge(one, other, tmp_path_factory):
    store = str(tmp_path_factory.mktemp("mlmd") / "store.db")
    for graph in (one, other, one):
        mlmd.write(graph, store)
    merged = merge([mlmd.carried(one), mlmd.carried(other)])
    found = mlmd.read(store)
    assert (found.artifacts, found.executions, found.contexts) == (
        merged.artifacts, merged.executions, merged.contexts,
    )  # fmt: skip
    assert {(e.artifact, e.execution, e.type) for e in found.events} == {
        (e.artifact, e.execution, e.type) for e in merged.events
    }


def broken(path: Path, *statements: str) -> str:
    mlmd.write(graphs.pipeline(), str(path))
    with sqlite3.connect(path) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()
    return str(path)


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE MLMDEnv SET schema_version = 11", "RPK182"),
        ("DELETE FROM MLMDEnv", "RPK182"),
        ("DROP TABLE MLMDEnv", "RPK181"),
        ("DROP TABLE EventPath", "RPK181"),
        ("UPDATE Event SET artifact_id = 999 WHERE id = 1", "RPK181"),
        ("UPDATE Event SET type = 99", "RPK181"),
        ("UPDATE Artifact SET state = 99", "RPK181"),
        ("UPDATE Artifact SET create_time_since_epoch = 'long ago'", "RPK181"),
        ("UPDATE Execution SET create_time_since_epoch = -1", "RPK181"),
        ("UPDATE Artifact SET type_id = 77", "RPK181"),
        ("UPDATE ArtifactProperty SET string_value = x'ff00', int_value = NULL", "RPK181"),
    ],
)
def test_a_broken_store_is_named(statement, code, tmp_path):
    with pytest.raises(CorruptBundleError) as caught:
        mlmd.read(broken(tmp_path / "store.db", statement))
    assert caught.value.code == code
    if statement.startswith(("UPDATE MLMDEnv", "DROP")):
        before = (tmp_path / "store.db").read_bytes()
        with pytest.raises(CorruptBundleError):
            mlmd.write(graphs.pipeline(), str(tmp_path / "store.db"))
        assert (tmp_path / "store.db").read_bytes() == before


def test_a_table_that_is_a_view_is_refused(tmp_path):
    store = broken(
        tmp_path / "store.db",
        "DROP TABLE Attribution",
        "CREATE VIEW Attribution AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
        "SELECT i AS id, 1 AS context_id, i AS artifact_id FROM n",
    )
    with pytest.raises(CorruptBundleError, match="no table Attribution"):
        mlmd.read(store)


def test_a_cut_file_and_one_that_is_no_database(tmp_path):
    store = tmp_path / "store.db"
    mlmd.write(graphs.pipeline(), str(store))
    content = store.read_bytes()
    for length in range(1, len(content), len(content) // 20):
        store.write_bytes(content[:length])
        with pytest.raises(CorruptBundleError) as caught:
            mlmd.read(str(store))
        assert caught.value.code == "RPK181"
    other = tmp_path / "text"
    other.write_text("no database at all " * 100)
    with pytest.raises((UsageError, CorruptBundleError)):
        mlmd.write(graphs.pipeline(), str(other))
    assert other.read_text().startswith("no database")


def test_places_that_cannot_be(tmp_path):
    with pytest.raises(UsageError) as caught:
        mlmd.read(str(tmp_path / "none"))
    assert caught.value.code == "RPK184"
    for place in (tmp_path, tmp_path / "no" / "such"):
        with pytest.raises(UsageError) as caught:
            mlmd.write(graphs.pipeline(), str(place))
        assert caught.value.code == "RPK188"
