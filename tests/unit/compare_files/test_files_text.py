"""JSON, JSON Lines, tables and text, plain and compressed."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma

import pandas as pd
import pytest
import zstandard

from reprokit.compare.files import Options, compare_files, read_content
from reprokit.errors import UsageError


def compared(tmp_path, a, b, name="x.json", options=None):
    for path, text in (("a", a), ("b", b)):
        (tmp_path / path).write_bytes(text if isinstance(text, bytes) else text.encode())
    return compare_files(tmp_path / "a", tmp_path / "b", name, options or Options())


def wheres(result):
    return [difference.where for difference in result.differences]


@pytest.mark.parametrize(
    "pair",
    [
        ('{"a": 1, "b": [1, 2.5]}', '{"b":[1,2.50],\n"a":1}'),
        ('["\\u00e9"]', '["é"]'),
        ("[1e2]", "[100.0]"),
        ("\ufeff[1]", "[1]"),
        ("[NaN, -Infinity]", "[NaN,-Infinity]"),
        ("[0.1]", "[0.1000000000000000055]"),
    ],
)
def test_json_spelling_is_not_content(tmp_path, pair):
    result = compared(tmp_path, *pair)
    assert result.equal
    assert result.method.startswith("json: ")
    assert not result.note


@pytest.mark.parametrize(
    ("pair", "where"),
    [
        (('{"a": 1}', '{"a": 1.0}'), "a"),
        (('{"a": 1}', '{"a": true}'), "a"),
        (('{"a": 1}', '{"a": "1"}'), "a"),
        (('{"a": {}}', '{"a": []}'), "a"),
        (('{"a": null}', "{}"), "a"),
        (("[0.0]", "[-0.0]"), "0"),
        (("[1e400]", "[1e500]"), "0"),
        (('{"0": 1}', "[1]"), "(root)"),
        (('{"a/b": 1}', '{"a": {"b": 1}}'), "a~1b"),
        (("[1, 2]", "[2, 1]"), "0"),
        (("[" + "1" * 5000 + "]", "[" + "1" * 4999 + "2]"), "0"),
    ],
)
def test_json_values_and_types_are_content(tmp_path, pair, where):
    result = compared(tmp_path, *pair)
    assert not result.equal
    assert where in wheres(result)


def test_json_numbers_are_measured(tmp_path):
    result = compared(tmp_path, '{"loss": 1.0, "n": 3}', '{"loss": 1.0000000000000002, "n": 5}')
    loss, count = result.differences
    assert (loss.where, loss.max_abs, loss.max_ulp) == ("loss", 2.220446049250313e-16, 1)
    assert (count.max_abs, count.max_ulp) == (2.0, None)
    assert result.same_schema
    assert result.differing == 2


def test_json_keys_can_be_left_out(tmp_path):
    options = Options(ignore_keys=("time",))
    pair = ('{"a": 1, "run": {"time": {"s": 1}}}', '{"a": 1, "run": {"time": 2}}')
    assert not compared(tmp_path, *pair).equal
    assert compared(tmp_path, *pair, options=options).equal


def test_json_that_names_a_key_twice_is_text(tmp_path):
    result = compared(tmp_path, '{"a": 1, "a": 2}', '{"a": 1,  "a": 2}')
    assert not result.equal
    assert result.method == "text: 1 line"
    assert "names a key twice" in result.note


def test_json_that_is_not_json_is_text(tmp_path):
    result = compared(tmp_path, "{]\nx", "{]\ny")
    assert wheres(result) == ["line 2"]
    assert "RPK051" in result.note


def test_differences_are_capped_and_all_counted(tmp_path):
    result = compared(tmp_path, json.dumps(list(range(100))), json.dumps(list(range(1, 101))))
    assert (len(result.differences), result.differing) == (20, 100)


def test_json_lines_by_column(tmp_path):
    rows = [{"step": i, "loss": i / 2} for i in range(10)]
    other = [{**row, "loss": row["loss"] + (row["step"] == 4) * 0.25} for row in rows]
    texts = ["".join(json.dumps(row, indent=None) + "\n" for row in group) for group in (rows, other)]
    result = compared(tmp_path, *texts, name="log.jsonl")
    [found] = result.differences
    assert (found.where, found.index, found.a, found.b, found.max_abs, found.share) == (
        "loss",
        (4,),
        "2.0",
        "2.25",
        0.25,
        0.1,
    )
    assert result.method == "jsonl: 10 rows"
    assert result.same_schema
    assert not compared(tmp_path, texts[0], texts[0] + "{}\n", name="log.jsonl").same_schema


def test_json_lines_damaged_further_on_are_text(tmp_path):
    result = compared(tmp_path, '{"a": 1}\n{"a":\n', '{"a": 1}\n{"b":\n', name="log.jsonl")
    assert wheres(result) == ["line 2"]
    assert "RPK051" in result.note


def test_csv_cells(tmp_path):
    frame = pd.DataFrame({"name": ["a", "b,c"], "loss": [0.5, 0.25]})
    first = frame.to_csv(index=False)
    assert compared(tmp_path, first, frame.to_csv(index=False, quoting=1), "x.csv").equal
    frame.loc[1, "loss"] = 0.75
    result = compared(tmp_path, first, frame.to_csv(index=False), "x.csv")
    [found] = result.differences
    assert (found.where, found.index, found.max_abs, found.share) == ("loss", (1,), 0.5, 0.5)
    assert result.same_schema
    assert result.method == "csv: 2 rows"


def test_csv_schema_is_header_and_number_of_rows(tmp_path):
    assert compared(tmp_path, "a,b\n1,2\n", "a,b\n1,3\n", "x.csv").same_schema
    assert not compared(tmp_path, "a,b\n1,2\n", "a,c\n1,2\n", "x.csv").same_schema
    assert not compared(tmp_path, "a,b\n1,2\n", "a,b\n1,2\n1,2\n", "x.csv").same_schema


def test_csv_rows_in_another_order_differ(tmp_path):
    assert wheres(compared(tmp_path, "a,b\n1,2\n3,4\n", "a,b\n3,4\n1,2\n", "x.csv")) == ["a", "b"]


def test_csv_columns_of_one_name_stay_apart(tmp_path):
    assert wheres(compared(tmp_path, "a,a\n1,2\n", "a,a\n1,3\n", "x.csv")) == ["a<2>"]


def test_tsv(tmp_path):
    assert wheres(compared(tmp_path, "a\tb\n1\t2\n", "a\tb\n1\t3\n", "x.tsv")) == ["b"]


def test_text_lines_and_patterns(tmp_path):
    pair = ("start 10:00\nloss 1\n", "extra 1\nstart 11:30\nloss 1\n")
    assert wheres(compared(tmp_path, *pair, name="x.log")) == ["line 1", "line 2", "line 3"]
    options = Options(ignore_patterns=(r"^start \d", "^extra"))
    result = compared(tmp_path, *pair, name="x.log", options=options)
    assert result.equal
    assert result.method == "text: 1 line"


def test_text_without_a_known_name(tmp_path):
    assert compared(tmp_path, "a\n", "b\n", name="README").method == "text: 1 line"
    assert compared(tmp_path, b"\x00a", b"\x00b", name="README").method == "bytes"


def test_line_ends_and_last_newline_are_content(tmp_path):
    assert not compared(tmp_path, "a\nb", "a\r\nb", name="x.txt").equal


def test_a_last_newline_is_content(tmp_path):
    assert not compared(tmp_path, "a\nb", "a\nb\n", name="x.txt").equal


def test_bad_pattern_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="RPK001"):
        compared(tmp_path, "a\n", "b\n", name="x.log", options=Options(ignore_patterns=("(",)))


@pytest.mark.parametrize(
    ("suffix", "compress"),
    [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress), (".zst", zstandard.compress)],
)
def test_compressed_text_formats(tmp_path, suffix, compress):
    one, other = (json.dumps({"a": 1, "b": number}).encode() for number in (2, 3))
    result = compared(tmp_path, compress(one), compress(other), name=f"x.json{suffix}")
    assert wheres(result) == ["b"]
    assert result.method == "json: 2 values"
    assert compared(tmp_path, compress(one), compress(one + b" "), name=f"x.json{suffix}").equal


def test_gzip_time_is_not_content(tmp_path):
    pair = [gzip.compress(b"\x00data", mtime=time) for time in (1, 2)]
    assert compared(tmp_path, *pair, name="x.bin.gz").equal


def test_damaged_gzip_is_compared_by_bytes(tmp_path):
    data = gzip.compress(b"[1, 2, 3]")
    result = compared(tmp_path, data, data[:-4], name="x.json.gz")
    assert not result.equal
    assert result.method == "bytes"
    assert "gzip data are damaged" in result.note


def test_empty_files(tmp_path):
    assert compared(tmp_path, "", "", name="x.json").equal
    assert not compared(tmp_path, "", "[]", name="x.json").equal


def test_rows_can_be_read_for_metrics(tmp_path):
    (tmp_path / "m.csv").write_text("step,loss\n1,0.5\n2,0.25\n")
    rows = read_content(tmp_path / "m.csv", "m.csv").leaves["rows"]
    assert [row["loss"].number for row in rows.rows()] == [0.5, 0.25]
