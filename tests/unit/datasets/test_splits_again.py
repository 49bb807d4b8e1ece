"""`check` computes the splits again: a manifest that was forged from end to end still speaks of other rows."""

from __future__ import annotations

import contextlib
import gzip
import json
import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from reprokit.datasets.manifests import read_manifest
from reprokit.errors import UnverifiedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Place

PARTS: dict[str, Any] = {
    "parts": {"train": ["train*"], "test": ["test*", "more/*.json"]},
    "seed": 2**63,
    "strategy": "by hand",
}
OTHER = "sha256-row-values-any-order:" + "0" * 64


def files(place: Place) -> None:
    place.write("train.csv.gz", gzip.compress(b"user;n\nann;1\nann;1\nbob;2\n"))
    place.write("test.csv", "user;n\ncid;1\n")
    place.write("notes.txt", "text")


def forge(what: str, value: Any) -> Callable[[dict[str, Any]], object]:
    return lambda plain: next(one for one in plain["sampling"]["splits"] if one["name"] == "train").update(
        {what: value}
    )


FORGED: list[Callable[[dict[str, Any]], object]] = [
    forge("digest", OTHER), forge("rows", 4), forge("duplicates", 0), forge("bytes", 1),
    forge("globs", ["t*.csv"]), forge("globs", ["nothing*"]), forge("globs", []), forge("globs", ["[", "*" * 40 + "b"]),
    lambda plain: plain["sampling"].update(disjoint=None),
    lambda plain: plain["sampling"].update(column="user"),
    lambda plain: plain["sampling"].update(column="no such"),
    lambda plain: plain["snapshot"]["reading"].update(delimiter=","),
    lambda plain: plain["snapshot"]["reading"].update(format="jsonl"),
    lambda plain: plain["snapshot"]["reading"].update(format="sql"),
]  # fmt: skip


@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.parametrize("change", FORGED, ids=range(len(FORGED)))
def test_a_forged_split_is_found(place: Place, change: Any, cached: bool) -> None:
    files(place)
    assert place.create(splits=PARTS, delimiter=";").met
    options = replace(place.options, cached=cached)
    place.reseal(lambda _plain: None)
    assert place.check(options).met
    place.reseal(change)
    if place.manifest.read_text().count('"jsonl"'):
        with pytest.raises(Exception, match="RPK156"):
            place.check(options)
        return
    found = place.check(options)
    assert not found.met
    assert {one.code for one in found.findings} == {"RPK154"}
    assert found.files.same


def test_rows_that_two_splits_share_cannot_be_hidden(place: Place) -> None:
    place.write("train.csv", "user\nann\n")
    place.write("test.csv", "user\nann\n")
    assert not place.create(splits=PARTS).met
    place.reseal(lambda plain: plain["sampling"].update(disjoint=True, overlaps=[]))
    found = place.check()
    assert not found.met
    assert "not disjoint" in found.findings[0].message


def test_a_column_of_splits_is_kept(place: Place) -> None:
    place.write("a.jsonl", '{"fold": "\\ud800", "n": 1}\n{"fold": 7, "n": 2}\n{"n": 3}\n')
    made = place.create(splits={"column": "fold"})
    assert (made.manifest.sampling.column, [one.globs for one in made.manifest.sampling.splits]) == ("fold", [[], []])
    assert place.check().met
    assert place.check(replace(place.options, paranoid=True)).met
    place.reseal(lambda plain: plain["sampling"]["splits"][0].update(digest=OTHER))
    assert not place.check().met


def test_splits_of_a_query(place: Place) -> None:
    pytest.importorskip("sqlalchemy", reason="needs the extra `datasets`")
    with sqlite3.connect(place.root / "d.sqlite") as database:
        database.execute("CREATE TABLE t (n, fold)")
        database.executemany("INSERT INTO t VALUES (?, ?)", [(1, "train"), (2, "test")])
    database.close()
    place.create(query="SELECT * FROM t", database="d.sqlite", splits={"column": "fold"})
    assert place.check().met
    place.reseal(lambda plain: plain["sampling"]["splits"][0].update(digest=OTHER))
    assert [one.code for one in place.check().findings] == ["RPK154"]


def test_splits_of_saved_datasets(place: Place) -> None:
    datasets = pytest.importorskip("datasets", reason="needs `datasets`")
    saved = {name: datasets.Dataset.from_dict({"n": [at, at + 2]}) for at, name in enumerate(["train", "test"])}
    datasets.DatasetDict(saved).save_to_disk(str(place.data / "saved"))
    place.create(path="data/saved")
    assert place.check().met
    place.reseal(lambda plain: plain["sampling"]["splits"][0].update(digest=OTHER))
    assert not place.check().met


def old(plain: dict[str, Any]) -> None:
    """As the first version wrote it."""
    del plain["snapshot"]["reading"], plain["sampling"]["column"]
    for one in plain["sampling"]["splits"]:
        del one["globs"]


def test_a_manifest_of_an_earlier_version_is_read_and_says_what_was_not_looked_at(place: Place) -> None:
    files(place)
    place.create(splits=PARTS, delimiter=";")
    place.reseal(old)
    assert read_manifest(place.manifest).sampling.splits[0].globs == []
    for paranoid in (False, True):
        found = place.check(replace(place.options, paranoid=paranoid))
        assert found.met
        assert [one.code for one in found.warnings] == ["RPK164"]
    place.create()
    place.reseal(old)
    assert not place.check().warnings, "it has no splits"


def test_splits_are_read_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    from reprokit.verbs import manifest_rows

    files(place)
    place.create(splits=PARTS, delimiter=";")
    monkeypatch.setattr(manifest_rows, "describe_files", None)
    assert place.check().met
    with pytest.raises(TypeError):
        place.check(replace(place.options, paranoid=True))
    with pytest.raises(TypeError):
        place.check(replace(place.options, cached=False))


def test_files_that_change_between_two_looks_leave_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    from reprokit.verbs import manifest_rows

    files(place)
    place.create(splits=PARTS, delimiter=";")
    with contextlib.closing(sqlite3.connect(place.root / "home" / "digests.sqlite")) as cache, cache:
        cache.execute("DELETE FROM answer")
    describe = manifest_rows.describe_files

    def later(*given: Any) -> Any:
        place.write("test.csv", "user;n\nann;1\n")
        return describe(*given)

    monkeypatch.setattr(manifest_rows, "describe_files", later)
    with pytest.raises(UnverifiedError, match="RPK153"):
        place.check()
    monkeypatch.undo()
    monkeypatch.setenv("REPROKIT_HOME", str(place.root / "home"))
    place.write("test.csv", "user;n\ncid;1\n")
    assert place.check().met


def test_a_damaged_cache_is_none(place: Place) -> None:
    files(place)
    place.create(splits=PARTS, delimiter=";")
    with sqlite3.connect(place.root / "home" / "digests.sqlite") as cache:
        assert cache.execute("SELECT count(*) FROM answer").fetchone() == (1,)
        cache.execute("""UPDATE answer SET answer = '{"splits": 3}'""")
    cache.close()
    assert place.check().met


LIES: list[Callable[[dict[str, Any]], object]] = [
    lambda plain: plain["statistics"]["columns"][0].update(nulls=7),
    lambda plain: plain["statistics"].update(tokens=7),
    lambda plain: plain.update(schema_fingerprint=None),
    lambda plain: plain["snapshot"]["archives"][0].update(members=7),
    lambda plain: plain["snapshot"]["archives"].clear(),
]


@pytest.mark.parametrize("lie", LIES, ids=range(len(LIES)))
def test_paranoid_computes_all_of_the_rows_again(place: Place, lie: Any) -> None:
    import zipfile

    place.write("a.jsonl", '{"n": 9007199254740993, "x": NaN}\n{"n": 1, "x": Infinity}\n')
    with zipfile.ZipFile(place.data / "a.zip", "w") as archive:
        archive.writestr("b.csv", "k\n3\n")
    place.create()
    paranoid = replace(place.options, paranoid=True)
    assert place.check(paranoid).met
    place.reseal(lie)
    found = place.check(paranoid)
    assert [one.code for one in found.findings] == ["RPK154"]


def test_globs_may_have_any_bytes(place: Place) -> None:
    place.write("tr\udcff.csv".encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape"), "a\n1\n")
    place.write("te\\st.csv", "a\n2\n")
    parts = {"train": ["tr\udcff*"], "test": ["te\\st*"]}
    from reprokit.schema.dataset_config import DatasetConfig
    from reprokit.verbs import manifest

    config = DatasetConfig(path="data").model_copy(
        update={"splits": DatasetConfig().splits.model_copy(update={"parts": parts})}
    )
    made = manifest.create(config, "data", place.root, place.manifest, place.options)
    assert made.manifest.sampling.disjoint
    assert json.loads(place.manifest.read_bytes())["sampling"]["splits"][1]["globs"] == ["tr\\xff*"]
    assert place.check(replace(place.options, cached=False)).met
