"""Settings and values that no one should write, and someone does."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from reprokit.datasets.optout import OptOut
from reprokit.errors import CorruptBundleError, UnverifiedError, UsageError
from reprokit.verbs import manifest

if TYPE_CHECKING:
    from conftest import Place


def test_numbers_that_no_double_holds_are_read(place: Place) -> None:
    large = "1" + "0" * 400
    place.write("a.jsonl", f'{{"a": {large}}}\n{{"a": 1.5}}\n{{"a": NaN}}\n')
    (place.root / "out.txt").write_text("7\n")
    made = place.create(**{"opt-out": [{"list": "out.txt", "key": "a", "version": "1"}]})
    column = json.loads(place.manifest.read_bytes())["statistics"]["columns"][0]
    assert (column["minimum"], column["maximum"], column["nans"]) == (1.5, large, 1)
    assert made.met
    assert place.check().met


@pytest.mark.parametrize("given", [{"rows-in": 1}, {"rows-in": 1, "rows-out": 2}], ids=["counted", "said"])
def test_filters_leave_no_more_rows_than_they_got(place: Place, given: dict[str, int]) -> None:
    place.write("a.csv", "a\n1\n2\n")
    assert [one.code for one in place.create(filters=given).findings] == ["RPK154"]
    assert not place.check().met
    assert place.create(filters={**given, "rows-in": 2}).met


PERIODS = [
    ("2025-13", "", "2025-13 is in no calendar: month must be in 1..12"),
    ("", "2025-02-31", "2025-02-31 is in no calendar: day"), ("2025-02-29", "2025", "in no calendar"),
    ("2025-00", "", "in no calendar"), ("0000", "", "in no calendar"),
    ("2026", "2025", "it starts in 2026, and ends before that, in 2025"),
    ("2025-07", "2025-06-30", "ends before that"), ("2026-01-01", "2025", "ends before that"),
]  # fmt: skip


@pytest.mark.parametrize(("start", "end", "said"), PERIODS)
def test_a_period_is_in_the_calendar(place: Place, start: str, end: str, said: str) -> None:
    given = {"start": start, "end": end}
    with pytest.raises(ValidationError, match=said):
        place.create(terms={"collection_period": given})
    settings = f'[tool.reprokit.dataset.d]\npath = "data"\nterms.collection_period = {{start="{start}", end="{end}"}}\n'
    (place.root / "pyproject.toml").write_text(settings)
    with pytest.raises(UsageError, match=rf"RPK004.*dataset\.d\.terms\.collection_period: .*{said}"):
        manifest.configured("d", place.root)
    (place.root / "pyproject.toml").unlink()
    place.write("a.txt", "a")
    place.create()
    place.reseal(lambda plain: plain["terms"].update(collection_period=given))
    with pytest.raises(CorruptBundleError, match=rf"RPK027.*{said}"):
        place.check()


@pytest.mark.parametrize(
    ("start", "end"),
    [("", ""), ("2024-02-29", "2024-02"), ("2025", "2025-01"), ("", "1999-12"), ("2025-01", "")],
)
def test_a_period_of_days_months_or_years(place: Place, start: str, end: str) -> None:
    place.write("a.txt", "a")
    made = place.create(terms={"collection_period": {"start": start, "end": end}}).manifest
    assert (made.terms.collection_period.start, made.terms.collection_period.end) == (start, end)
    assert place.check().met


@pytest.mark.parametrize("name", ["x\0y.json", "x" * 250])
def test_a_manifest_has_a_name_that_a_file_can_have(place: Place, name: str) -> None:
    place.write("a.csv", "a\n1\n")
    with pytest.raises(UsageError, match="RPK003"):
        place.create(output=place.root / name)
    with pytest.raises(UsageError, match="RPK003"):
        place.create(preprocessing={"upstream": [name]})


def test_the_shape_of_tensors_is_in_the_fingerprint(place: Place) -> None:
    pa = pytest.importorskip("pyarrow", reason="needs the extra `datasets`")
    from pyarrow import parquet

    found: list[Any] = []
    for shape in ([2, 3], [3, 2]):
        kind = pa.fixed_shape_tensor(pa.float32(), shape)
        values = pa.array([[1.0] * 6], pa.list_(pa.float32(), 6))
        parquet.write_table(pa.table({"x": pa.ExtensionArray.from_storage(kind, values)}), place.data / "a.parquet")
        found.append(place.create().manifest.schema_fingerprint)
    assert found[0].digest != found[1].digest
    assert (
        found[0]
        .tables[0]
        .columns[0]
        .type.startswith("extension<arrow.fixed_shape_tensor[value_type=float, shape=[2,3]")
    )
    uuids = pa.array([b"0" * 16], pa.uuid()) if hasattr(pa, "uuid") else None
    if uuids is not None:
        parquet.write_table(pa.table({"x": uuids}), place.data / "a.parquet")
        fingerprint = place.create().manifest.schema_fingerprint
        assert fingerprint is not None
        assert fingerprint.tables[0].columns[0].type == "extension<arrow.uuid: fixed_size_binary[16]>"


@pytest.mark.parametrize("name", ["b.csv", "a/b.files.jsonl.zst", "", ".", "a\0.files.jsonl.zst"])
def test_no_file_is_left_out_under_the_name_of_the_list(place: Place, name: str) -> None:
    place.write("a.csv", "a\n1\n")
    place.manifest = place.data / "data.manifest.json"
    place.create(options=dataclasses.replace(place.options, inline=0))
    assert place.check().met
    place.write("b.csv", "a\n2\n")
    assert not place.check().met
    place.reseal(lambda plain: plain["snapshot"]["file_list"].update(name=name))
    with pytest.raises(CorruptBundleError, match="RPK155"):
        place.check()


def test_a_saved_dataset_without_one_of_its_files_is_refused(place: Place) -> None:
    place.write("state.json", '{"_data_files": [{"filename": "data-00000.arrow"}]}')
    place.write("dataset_info.json", "{}")
    with pytest.raises(UnverifiedError, match=r"RPK156.*data-00000\.arrow"):
        place.create()


def test_a_url_of_a_database_with_a_mistyped_port_is_refused(place: Place) -> None:
    pytest.importorskip("sqlalchemy", reason="needs the extra `datasets`")
    with pytest.raises(UsageError, match="RPK164"):
        place.create(query="SELECT 1", database="postgresql://host:port/x")


@pytest.mark.parametrize("value", [b' {\n "user": "ann"}', '{"user": "ann"}'])
def test_keys_that_are_objects_of_json_are_refused(place: Place, value: str | bytes) -> None:
    (place.root / "out.txt").write_text("ann\n")
    one = OptOut(place.root / "out.txt", "json")
    one.see("t", {"json": ["{ann}", b"ann", "[ann]"]})
    with pytest.raises(UsageError, match=r"RPK164.*objects"):
        one.see("t", {"json": [value]})
