"""What must not matter: how rows are cut into files. What must not end in a traceback or without end: odd values."""

from __future__ import annotations

import datetime as dt
import json
import random
from typing import TYPE_CHECKING, Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from reprokit.datasets.shapes import FIELDS, Shape, TextShape
from reprokit.datasets.sources import Options, object_store, open_table
from reprokit.errors import UnverifiedError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Place

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(JSON, max_size=12), st.integers(0, 12))
def test_a_shape_in_two_pieces_is_that_of_the_whole(values: list[Any], at: int) -> None:
    whole, first, second = Shape(), Shape(), Shape()
    whole.see(values)
    first.see(values[:at])
    second.see(values[at:])
    first.merge(second)
    assert (first.type(), first.nullable) == (whole.type(), whole.nullable)


TEXTS = st.sampled_from(["", "1", "1.5", "true", "2020-01-01", "x", str(2**63), str(-(2**63))])


@given(st.lists(TEXTS), st.integers(0, 9))
def test_a_column_of_texts_in_two_pieces_is_that_of_the_whole(texts: list[str], at: int) -> None:
    whole, first, second = TextShape(), TextShape(), TextShape()
    whole.see(texts)
    first.see(texts[:at])
    second.see(texts[at:])
    first.merge(second)
    assert (first.type(), first.nullable) == (whole.type(), whole.nullable)


def test_large_integers_of_csv_are_integers() -> None:
    for number, kind in ((2**63 - 1, "int64"), (-(2**63), "int64"), (2**63, "double"), (10**30, "double")):
        shape = TextShape()
        shape.see([str(number)])
        assert shape.type() == kind


def fingerprint(place: Place, files: dict[str, str]) -> str:
    for old in place.data.iterdir():
        old.unlink()
    for name, text in files.items():
        place.write(name, text)
    found = place.create().manifest.schema_fingerprint
    assert found is not None
    return found.digest


def test_how_rows_are_cut_into_files_does_not_matter(place: Place) -> None:
    rows = ['{"a": 1, "b": "x"}\n', '{"a": 2.5}\n', '{"b": null, "c": {"d": 1}}\n', '{"a": 1, "c": {}}\n']
    whole = fingerprint(place, {"0.jsonl": "".join(rows)})
    assert fingerprint(place, {"0.jsonl": "".join(rows[:3]), "1.jsonl": rows[3]}) == whole
    assert fingerprint(place, {"0.jsonl": rows[0], "1.jsonl": "".join(rows[1:]), "2.jsonl": ""}) == whole
    assert fingerprint(place, {"0.jsonl": "".join(rows[1:])}) != whole
    lines = ["1,x\n", "2.5,\n", "7,2020-01-01\n"]
    whole = fingerprint(place, {"0.csv": "a,b\n" + "".join(lines)})
    assert fingerprint(place, {f"{at}.csv": "a,b\n" + line for at, line in enumerate(lines)}) == whole
    assert fingerprint(place, {"0.csv": "b,a\nx,1\n,2.5\n"}) != whole, "the order of columns does"


def test_files_of_two_kinds_are_two_tables(place: Place) -> None:
    place.write("posts.jsonl", '{"id": 1, "text": "x"}\n')
    place.write("users.jsonl", '{"id": 1, "name": "ann"}\n')
    found = place.create().manifest.schema_fingerprint
    assert found is not None
    assert [[column.name for column in table.columns] for table in found.tables] in (
        [["id", "text"], ["id", "name"]], [["id", "name"], ["id", "text"]])  # fmt: skip


def test_an_object_of_ever_other_keys_is_a_map(place: Place) -> None:
    words = [f"w{number}" for number in range(FIELDS * 5)]
    random.Random(0).shuffle(words)
    place.write("a.jsonl", "".join(json.dumps({"counts": {word: 1}}) + "\n" for word in words))
    found = place.create().manifest.schema_fingerprint
    assert found is not None
    assert found.tables[0].columns[0].type == "map<string, int64 not null>"


def test_ever_other_keys_of_lines_are_refused(place: Place) -> None:
    place.write("a.jsonl", "".join(json.dumps({f"w{number}": 1}) + "\n" for number in range(10_001)))
    with pytest.raises(UnverifiedError, match=r"RPK156.*different keys"):
        place.create()
    assert place.create(format="bytes").met


@pytest.mark.parametrize("keep", [0.5, 0.9, 0.999])
def test_a_zst_that_was_cut_short_is_damaged(place: Place, keep: float) -> None:
    lines = b"".join(b'{"a": %d}\n' % random.Random(number).getrandbits(60) for number in range(20_000))
    packed = zstandard.ZstdCompressor().compress(lines)
    place.write("a.csv.zst", packed[: int(len(packed) * keep)])
    with pytest.raises(UnverifiedError, match="RPK156"):
        place.create()
    half = len(lines) // 2
    frames = [zstandard.compress(lines[:half]), zstandard.compress(lines[half:])]
    (place.data / "a.csv.zst").unlink()
    place.write("a.jsonl.zst", b"".join(frames))
    assert place.create().manifest.statistics.rows == 20_000
    place.write("a.jsonl.zst", frames[0])
    with pytest.raises(UnverifiedError, match="RPK156"):
        place.create()  # the first half ends within a line


def test_times_that_python_has_no_room_for(place: Place, tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow", reason="needs the extra `datasets`")
    from pyarrow import parquet

    days = arrow.array([300_000 * 365, 18_262, None], arrow.int32()).cast(arrow.date32())
    seconds = arrow.array([10**15, 0, None], arrow.int64()).cast(arrow.timestamp("s"))
    parquet.write_table(arrow.table({"d": days, "t": seconds}), place.data / "a.parquet")
    assert place.create().manifest.statistics.rows == 3
    table = open_table(str(place.data / "a.parquet"), "a", "parquet", Options())
    batch = next(iter(table.batches()))
    assert list(batch["d"]) == [300_000 * 365, dt.date(2020, 1, 1), None]


def test_a_time_in_the_future_is_no_change(place: Place) -> None:
    import os

    path = place.write("a.csv", "a\n1\n")
    os.utime(path, (4e9, 4e9))
    assert place.create().met


EXTREMES = [2**53 - 1, 2**53, 2**53 + 1, 2**63, 2**64, -(2**53), 1e999, float("nan"), -0.0, 1e300]


@pytest.mark.parametrize("number", EXTREMES)
def test_extreme_numbers(place: Place, number: float) -> None:
    place.write("a.jsonl", f'{{"a": {json.dumps(number)}, "b": 1}}\n')
    made = place.create(preprocessing={"parameters": {"n": number}}).manifest
    assert place.check().id == made.id
    assert place.check().met


@pytest.mark.parametrize("url", ["gs://", "s3://", "s3:///x"])
def test_a_url_without_a_bucket(url: str) -> None:
    with pytest.raises(UsageError, match="RPK164"):
        next(object_store.entries(url))


def test_stores_without_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("google.cloud.storage", reason="needs the extra `gcs`")
    pytest.importorskip("boto3", reason="needs the extra `s3`")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    for url in ("gs://bucket/x", "s3://bucket/x"):
        with pytest.raises(UnverifiedError, match="RPK161"):
            next(object_store.entries(url))


@pytest.mark.parametrize("depth", [150, 300, 400, 500, 700, 900, 100_000])
def test_values_that_are_nested_deeply_are_read_or_refused(place: Place, depth: int) -> None:
    place.write("train.jsonl", '{"a": ' + "[" * depth + "]" * depth + "}\n")
    place.write("test.jsonl", '{"a": 1}\n')
    try:
        made = place.create(splits={"parts": {"train": ["train*"], "test": ["test*"]}})
    except UnverifiedError as error:
        said = error
    else:
        assert made.manifest.sampling.disjoint is True
        return
    assert said.code == "RPK156"


SPLIT = """import sys
from pathlib import Path
from reprokit.schema.dataset_config import DatasetConfig
from reprokit.verbs import manifest

config = DatasetConfig.model_validate({"path": "data", "splits": {"parts": {"all": ["*.parquet"]}}})
made = manifest.create(config, "data", Path(), None, manifest.ManifestOptions(cached=False)).manifest
print(made.sampling.splits[0].digest, made.statistics.model_dump_json(), "pandas" in sys.modules)
"""


def test_nanoseconds_do_not_depend_on_pandas(place: Place, tmp_path: Path) -> None:
    """Where it is installed, pyarrow makes its times of them: a split would have two digests, and no range."""
    import os
    import subprocess
    import sys

    arrow = pytest.importorskip("pyarrow", reason="needs the extra `datasets`")
    pytest.importorskip("pandas", reason="needs `pandas`")
    from pyarrow import parquet

    whole, odd = [1_000, 5_000_000, None], [1, 2_001, None]
    stamp, zone, span = arrow.timestamp("ns"), arrow.timestamp("ns", "Europe/Berlin"), arrow.duration("ns")
    columns = {f"{kind}-{name}": arrow.array(values, kind) for kind in (stamp, zone, span)
               for name, values in (("whole", whole), ("odd", odd))}  # fmt: skip
    columns["nested"] = arrow.array([[{"t": one}] for one in whole], arrow.list_(arrow.struct([("t", stamp)])))
    parquet.write_table(arrow.table(columns), place.data / "a.parquet")
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "pandas.py").write_text("raise ImportError('hidden')")
    said = []
    for path in ("", str(hidden)):
        env = {**os.environ, "PYTHONPATH": os.pathsep.join([path, *sys.path])}
        done = subprocess.run(
            [sys.executable, "-c", SPLIT], cwd=place.root, env=env, capture_output=True, text=True, check=True
        )
        said.append(done.stdout.rsplit(" ", 1))
    assert said[0][0] == said[1][0]
    assert "1970-01-01T00:00:00.000001" in said[0][0]
    assert [one[1].strip() for one in said] == ["True", "False"]
