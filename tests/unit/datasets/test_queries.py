"""Queries whose database moves with the manifest, and whose answer is looked up and split."""

from __future__ import annotations

import shutil
import sqlite3
from typing import TYPE_CHECKING

import pytest

from reprokit.verbs import manifest_check

if TYPE_CHECKING:
    from conftest import Place

QUERY = {"query": "SELECT a, b FROM t", "database": "x.sqlite"}


@pytest.fixture
def base(place: Place) -> Place:
    pytest.importorskip("sqlalchemy", reason="needs the extra `datasets`")
    with sqlite3.connect(place.root / "x.sqlite") as connection:
        connection.executescript("CREATE TABLE t (a INTEGER, b TEXT); INSERT INTO t VALUES (1, 'x'), (2, NULL);")
    connection.close()
    return place


def test_the_same_answer_has_the_same_id_wherever_its_file_is(base: Place) -> None:
    made = base.create(**QUERY).manifest
    assert made.snapshot.query is not None
    assert made.snapshot.query.database == "sqlite:///x.sqlite"
    elsewhere = base.root / "elsewhere"
    elsewhere.mkdir()
    for name in ("x.sqlite", base.manifest.name):
        shutil.move(base.root / name, elsewhere / name)
    assert manifest_check.check(elsewhere / base.manifest.name, options=base.options).met
    database = str(elsewhere / "x.sqlite")
    again = base.create(query=QUERY["query"], database=database, output=elsewhere / "again.json").manifest
    assert again.id == made.id


def test_a_column_that_names_splits_is_part_of_the_answer(base: Place) -> None:
    assert base.create(**QUERY, splits={"column": "b"}).manifest.sampling.splits[0].rows == 1
    assert base.check().met
    with sqlite3.connect(base.root / "x.sqlite") as connection:
        connection.execute("UPDATE t SET b = 'y' WHERE a = 1")
    connection.close()
    assert not base.check().met
