import csv
import json
import math
import time

import pytest

from reprokit.compare.metrics import Extraction, extraction, from_csv, from_file, from_json, from_jsonl, from_values
from reprokit.errors import UsageError


def values(found: Extraction):
    return {metric.name: metric.value for metric in found.metrics}


def test_nested_json_gets_dotted_names():
    found = from_json('{"eval": {"f1": 0.5, "per_class": {"a": 1}}, "ok": true, "note": "x", "none": null}', "m.json")
    assert values(found) == {"eval.f1": 0.5, "eval.per_class.a": 1.0}
    assert {metric.source for metric in found.metrics} == {"m.json"}


def test_times_are_listed_apart_and_can_be_kept():
    text = '{"loss": 0.1, "train_runtime": 3.2, "eval": {"samples_per_second": 9}}'
    assert from_json(text, "m").ignored == ("train_runtime", "eval.samples_per_second")
    kept = from_json(text, "m", keep=["train_*"])
    assert values(kept) == {"loss": 0.1, "train_runtime": 3.2}


def test_a_list_of_numbers_is_a_series():
    found = from_json('{"loss": [3, 2, 1.5]}', "history.json")
    assert values(found) == {"loss": 1.5}
    assert found.series == {"loss": (3.0, 2.0, 1.5)}


def test_trainer_state_keeps_the_last_occurrence_and_its_step():
    state = {"log_history": [{"loss": 2.0, "step": 1}, {"loss": 1.0, "step": 2}, {"eval_loss": 1.5, "step": 2}]}
    found = from_json(json.dumps(state), "trainer_state.json")
    assert values(found)["log_history.loss"] == 1.0
    steps = {metric.name: metric.step for metric in found.metrics}
    assert steps["log_history.loss"] == 2
    assert found.series["log_history.loss"] == (2.0, 1.0)


def test_nested_lists_are_numbered():
    assert values(from_values({"confusion": [[5, 1], [2, 7]]}, "m"))["confusion.1"] == 7.0
    assert from_values({"confusion": [[5, 1], [2, 7]]}, "m").series["confusion.0"] == (5.0, 1.0)


def test_non_finite_numbers_in_both_spellings():
    found = values(from_json('{"a": NaN, "b": "Infinity", "c": -Infinity, "d": "nan"}', "m"))
    assert math.isnan(found["a"])
    assert math.isnan(found["d"])
    assert (found["b"], found["c"]) == (math.inf, -math.inf)


def test_integers_that_float64_cannot_hold_stay_exact():
    assert values(from_json(f'{{"n": {2**53 + 1}}}', "m")) == {"n": str(2**53 + 1)}


def test_a_bare_number_has_a_name():
    assert values(from_json("0.5", "score.json")) == {"value": 0.5}


@pytest.mark.parametrize(
    "data", [b"{", b"\xff\xfe\x00", b"", b'{"a":' + b"9" * 5000 + b"}", b"[" * 200_000, b"\x00", '{"a": 1} tail']
)
def test_bad_json_is_a_note_not_an_error(data):
    found = from_json(data, "metrics.json")
    assert not found.metrics
    assert found.notes[0].startswith("RPK051: metrics.json is not JSON")


def test_deep_and_long_names_stay_bounded():
    deep = '{"a":' * 300 + "1" + "}" * 300
    assert not from_json(deep, "m").metrics
    wide = json.dumps({"k" * 500_000: {f"a{i}": i for i in range(20_000)}})
    started = time.process_time()
    assert not from_json(wide, "m").metrics
    assert time.process_time() - started < 2


def test_counts_are_limited(monkeypatch):
    monkeypatch.setattr(extraction, "MAX_METRICS", 3)
    found = from_values({f"m{i}": i for i in range(5)}, "m")
    assert len(found.metrics) == 3
    assert "2 more metrics" in found.notes[0]
    monkeypatch.setattr(extraction, "MAX_POINTS", 2)
    assert from_values({"loss": [1, 2, 3]}, "m").series == {"loss": (1.0, 2.0)}


def test_sizes_are_limited(monkeypatch, tmp_path):
    monkeypatch.setattr(extraction, "MAX_BYTES", 10)
    for read in (from_json, from_jsonl, from_csv):
        assert "larger than 10 bytes" in read('{"loss": 0.123}', "m").notes[0]


def test_json_lines():
    found = from_jsonl(b'{"step": 1, "loss": 2}\n\n{"step": 2, "loss": 1, "acc": 0.5}\n{"step": 3, "lo', "log.jsonl")
    assert values(found) == {"step": 2.0, "loss": 1.0, "acc": 0.5}
    assert {metric.name: metric.step for metric in found.metrics}["acc"] == 2
    assert found.notes == ("RPK051: 1 lines of log.jsonl are not JSON",)


def test_csv_takes_the_last_cell_that_is_not_empty():
    found = from_csv("epoch,train_loss,val_loss,time\n0,1.0,,3\n0,,0.9,4\n1,0.5,,5\n", "metrics.csv")
    assert values(found) == {"epoch": 1.0, "train_loss": 0.5, "val_loss": 0.9}
    assert found.ignored == ("time",)
    assert found.series["train_loss"] == (1.0, 0.5)
    assert {m.name: m.step for m in found.metrics}["train_loss"] == 1


def test_csv_of_names_and_values():
    assert values(from_csv("metric,value\nacc,0.9\nf1,0.8\n", "m.csv")) == {"acc": 0.9, "f1": 0.8}


def test_csv_of_pandas_has_an_index_without_a_name(tmp_path):
    import pandas as pd

    path = tmp_path / "results.csv"
    pd.DataFrame({"loss": [1.0, 0.1], "model": ["a", "b"]}).to_csv(path)
    assert values(from_file(path)) == {"loss": 0.1}


def test_csv_without_a_header_and_with_other_delimiters():
    assert values(from_csv("1,2\n3,4\n", "m.csv")) == {"column_0": 3.0, "column_1": 4.0}
    assert values(from_csv("\ufeffloss;acc\r\n0.5;0.9\r\n".encode(), "m.csv")) == {"loss": 0.5, "acc": 0.9}
    assert values(from_csv("loss\tacc\n0.5\tnan\n", "m.tsv", delimiter="\t"))["loss"] == 0.5
    assert values(from_csv("", "m.csv")) == {}


def test_a_csv_with_a_giant_field_is_a_note():
    found = from_csv("loss\n" + "x" * (csv.field_size_limit() + 1), "m.csv")
    assert "is not a table" in found.notes[0]


def test_files_are_read_by_their_extension(tmp_path):
    cases = {
        "m.json": '{"loss": 1}',
        "m.jsonl": '{"loss": 1}',
        "m.csv": "loss\n1",
        "m.tsv": "loss\n1",
        "m.log": "loss: 1",
    }
    for name, text in cases.items():
        path = tmp_path / name
        path.write_text(text)
        assert values(from_file(path, name)) == {"loss": 1.0}, name


def test_a_missing_file_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError) as raised:
        from_file(tmp_path / "no.json")
    assert raised.value.code == "RPK003"
    with pytest.raises(UsageError):
        from_file(tmp_path)
