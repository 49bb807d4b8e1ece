"""Keys of JSON, and members of shards, that no row has for long: they are columns all the same."""

from __future__ import annotations

import io
import json
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from reprokit.datasets.sources import BATCH_ROWS, webdataset
from reprokit.errors import UsageError

if TYPE_CHECKING:
    from conftest import Place

BATCHES = {"a.jsonl": BATCH_ROWS, "a.json": BATCH_ROWS, "a.tar": 8}
LIST: dict[str, Any] = {"opt-out": [{"list": "out.txt", "key": "user", "version": "1"}]}


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webdataset, "_BATCH_SAMPLES", BATCHES["a.tar"])


def rows_of(late: int) -> list[dict[str, Any]]:
    return [*({"n": number} for number in range(late)), {"n": late, "user": "ann", "part": "test"}]


def written(name: str, rows: list[dict[str, Any]]) -> bytes:
    if name.endswith(".json"):
        return json.dumps(rows).encode()
    if name.endswith(".jsonl"):
        return "".join(json.dumps(row) + "\n" for row in rows).encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for row in rows:
            for key, value in row.items():
                content = str(value).encode()
                info = tarfile.TarInfo(f"{row['n']:09}.{key}")
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return packed.getvalue()


@pytest.mark.parametrize("name", BATCHES)
@pytest.mark.parametrize(("batches", "more"), [(0, 2), (1, -1), (1, 0), (2, 1)])
def test_a_late_key_is_looked_up(place: Place, name: str, batches: int, more: int) -> None:
    late = batches * BATCHES[name] + more
    (place.root / "out.txt").write_text("ann\n")
    place.write(name, written(name, rows_of(late)))
    made = place.create(format="webdataset" if name == "a.tar" else "auto", **LIST)
    [proof] = made.manifest.filters.opt_out
    assert (proof.rows_read, proof.found, made.manifest.statistics.rows) == (late + 1, 1, late + 1)
    [column] = [one for one in made.manifest.statistics.columns if one.name == "user"]
    assert column.nulls == late


@pytest.mark.parametrize("name", BATCHES)
@pytest.mark.parametrize("batches", [0, 2])
def test_a_late_key_names_a_split(place: Place, name: str, batches: int) -> None:
    place.write(name, written(name, rows_of(batches * BATCHES[name] + 1)))
    made = place.create(format="webdataset" if name == "a.tar" else "auto", splits={"column": "part"}).manifest
    assert [(one.name, one.rows) for one in made.sampling.splits] == [(str(b"test") if name == "a.tar" else "test", 1)]
    assert place.check().met


@pytest.mark.parametrize("name", BATCHES)
@pytest.mark.parametrize("batches", [0, 1])
def test_a_key_that_no_row_has_is_refused(place: Place, name: str, batches: int) -> None:
    rows = batches * BATCHES[name] + 1
    (place.root / "out.txt").write_text("ann\n")
    kind = "webdataset" if name == "a.tar" else "auto"
    place.write(name, written(name, [{"n": number, "usr": "ann"} for number in range(rows)]))
    with pytest.raises(UsageError, match=rf"{name} has no column 'user'"):
        place.create(format=kind, **LIST)
    with pytest.raises(UsageError, match=rf"{name} has no column 'part', which names the split"):
        place.create(format=kind, splits={"column": "part"})
    place.write(f"b{name}", written(name, rows_of(2)))
    with pytest.raises(UsageError, match=rf"^RPK164: {name} has no column 'user'"):
        place.create(format=kind, **LIST)  # another file's key may be written otherwise


def test_a_column_without_a_name_names_no_split(place: Place) -> None:
    place.write("train.csv", ",a\n0,1\n1,2\n")
    place.write("test.csv", ",a\n0,3\n1,4\n")
    made = place.create(splits={"parts": {"train": ["train*"], "test": ["test*"]}}).manifest
    assert [one.name for one in made.sampling.splits] == ["test", "train"]
