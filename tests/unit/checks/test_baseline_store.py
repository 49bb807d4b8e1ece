"""Baseline files: what is written, what is refused, what two writers leave, what pruning deletes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from reprokit.checks.baselines import CheckFailedError, Mode, TestBaseline
from reprokit.checks.fingerprints import Fingerprint, fingerprint_of, here
from reprokit.checks.pruning import prune
from reprokit.checks.store import UnusableBaselineError, file_name
from reprokit.compare.metrics.tolerance import Tolerance
from reprokit.errors import UsageError
from reprokit.schema.tiers import Tier

HERE = fingerprint_of({"cpu": "one", "numpy": "2.4.6"})
ELSEWHERE = fingerprint_of({"cpu": "two", "numpy": "2.4.6"})
FAR = fingerprint_of({"cpu": "three", "numpy": "1.26.0"})


def opened(directory: Path, mode: Mode = Mode.CHECK, *, test: str = "test_a.py::test_x", print_: Fingerprint = HERE,
           **more) -> TestBaseline:  # fmt: skip
    return TestBaseline(directory, test, print_, mode=mode, **more)


def written(directory: Path, values: dict, mode: Mode = Mode.UPDATE, *, store: bool = False, **more) -> Path:
    baseline = opened(directory, mode, **more)
    for name, value in values.items():
        baseline.check(name, value, store=store)
    baseline.finish()
    return baseline.path


def test_what_was_written_is_bitwise_equal(tmp_path):
    value = {"w": np.arange(6, dtype=np.float32).reshape(2, 3), "loss": 0.25, "name": "net"}
    written(tmp_path, {"state": value})
    assert opened(tmp_path).check("state", value).tier is Tier.BITWISE


def test_one_ulp_is_found_and_named(tmp_path):
    value = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    written(tmp_path, {"w": value})
    changed = value.copy()
    changed[1, 2] = np.nextafter(changed[1, 2], np.float32(2))
    with pytest.raises(CheckFailedError) as caught:
        opened(tmp_path).check("w", changed)
    assert caught.value.code == "RPK074"
    assert "at [1, 2]" in str(caught.value)
    assert "max 1 ULP" in str(caught.value)
    assert "metric-close reached" in str(caught.value)
    assert caught.value.tier is Tier.METRIC_CLOSE
    assert isinstance(caught.value, AssertionError)


@pytest.mark.parametrize(
    ("tolerance", "close"),
    [(Tolerance(ulp=1, source="check"), True), (Tolerance(rel=1e-6, source="check"), True),
     (Tolerance(abs=1e-9, source="check"), False), (Tolerance(source="check"), False)],
)  # fmt: skip
def test_a_tolerance_holds_within_a_fingerprint(tmp_path, tolerance, close):
    value = np.linspace(1, 2, 300, dtype=np.float32)
    written(tmp_path, {"w": value})
    changed = np.nextafter(value, np.float32(3))
    if close:
        assert opened(tmp_path).check("w", changed, tolerance).tier is Tier.METRIC_CLOSE
    else:
        with pytest.raises(CheckFailedError):
            opened(tmp_path).check("w", changed, tolerance)


def test_a_change_that_the_sample_misses_is_not_bitwise(tmp_path):
    value = np.zeros(1000, np.float32)
    written(tmp_path, {"w": value})
    changed = value.copy()
    changed[1] = 1e-30
    with pytest.raises(CheckFailedError, match="none of the 64 elements kept"):
        opened(tmp_path).check("w", changed)


def test_an_edited_digest_is_told_from_a_change(tmp_path):
    value = np.arange(6, dtype=np.float32)
    path = written(tmp_path, {"w": value})
    text = path.read_text()
    at = text.index("sha256:sized-header:le:c:") + len("sha256:sized-header:le:c:")
    path.write_text(text[:at] + ("1" if text[at] == "0" else "0") + text[at + 1 :])
    with pytest.raises(CheckFailedError, match="is the baseline's file damaged"):
        opened(tmp_path).check("w", value)


def test_a_large_change_that_the_sample_misses_shows_in_the_statistics(tmp_path):
    value = np.zeros(1000, np.float32)
    written(tmp_path, {"w": value})
    changed = value.copy()
    changed[1] = 5
    with pytest.raises(CheckFailedError):
        opened(tmp_path).check("w", changed, Tolerance(abs=1e-3, source="check"))


def test_a_stored_array_names_the_element_that_the_sample_misses(tmp_path):
    value = np.zeros((10, 100), np.float32)
    path = written(tmp_path, {"w": value}, store=True)
    (kept,) = (tmp_path / "arrays").iterdir()
    assert kept.name in path.read_text()
    changed = value.copy()
    changed[0, 1] = 1e-30
    with pytest.raises(CheckFailedError, match=r"at \[0, 1\].*1 of 1000 elements differ.*all 1000 stored elements"):
        opened(tmp_path).check("w", changed)


def test_equal_arrays_are_stored_once_and_with_equal_names(tmp_path):
    value = np.arange(5.0)
    written(tmp_path, {"a": value, "b": value}, store=True)
    written(tmp_path / "other", {"a": value}, store=True)
    names = [path.name for path in (tmp_path / "arrays").iterdir()]
    assert names == [path.name for path in (tmp_path / "other" / "arrays").iterdir()]
    assert len(names) == 1


def test_a_stored_array_that_was_altered_is_refused(tmp_path):
    written(tmp_path, {"w": np.arange(5.0)}, store=True)
    (kept,) = (tmp_path / "arrays").iterdir()
    kept.write_bytes(kept.read_bytes()[:-1] + b"x")
    with pytest.raises(UnusableBaselineError, match="sha256"):
        opened(tmp_path).check("w", np.arange(1.0, 6.0))
    kept.unlink()
    with pytest.raises(UnusableBaselineError, match="cannot be read"):
        opened(tmp_path).check("w", np.arange(1.0, 6.0))


def test_another_fingerprint_is_metric_close_and_says_so(tmp_path):
    value = np.linspace(1, 2, 300, dtype=np.float32)
    written(tmp_path, {"w": value}, print_=ELSEWHERE)
    outcome = opened(tmp_path).check("w", value)
    assert outcome.tier is Tier.METRIC_CLOSE
    assert ELSEWHERE.id in outcome.note
    assert HERE.id in outcome.note
    close = np.nextafter(value, np.float32(3))
    assert opened(tmp_path).check("w", close).tier is Tier.METRIC_CLOSE
    with pytest.raises(CheckFailedError, match="cpu two -> one"):
        opened(tmp_path).check("w", value * 1.1)


def test_the_nearest_fingerprint_serves(tmp_path):
    written(tmp_path, {"w": 1.0}, print_=FAR)
    written(tmp_path, {"w": 1.0}, print_=ELSEWHERE)
    assert ELSEWHERE.id in opened(tmp_path).check("w", 1.0).note


def test_an_update_drops_what_another_fingerprint_holds_of_a_former_result(tmp_path):
    path = written(tmp_path, {"w": 1.0, "v": 3.0}, print_=ELSEWHERE)
    written(tmp_path, {"w": 2.0, "v": 3.0})
    entries = json.loads(path.read_text())["entries"]
    assert set(entries[ELSEWHERE.id]) == {"v"}
    assert opened(tmp_path, print_=ELSEWHERE).check("w", 2.0).tier is Tier.METRIC_CLOSE


@pytest.mark.parametrize("integers", [np.array([1, 2, 3]), np.array([True, False, True]), "text", b"bytes", None, 7])
def test_what_is_no_float_is_close_only_to_itself(tmp_path, integers):
    written(tmp_path, {"n": integers}, print_=ELSEWHERE)
    assert opened(tmp_path).check("n", integers).tier is Tier.METRIC_CLOSE
    other = {np.ndarray: lambda: ~integers, str: lambda: "texT", bytes: lambda: b"Bytes", type(None): lambda: 0,
             int: lambda: 8}[type(integers)]()  # fmt: skip
    with pytest.raises(CheckFailedError):
        opened(tmp_path).check("n", other)


@pytest.mark.parametrize("change", ["dtype", "shape", "more", "fewer", "kind"])
def test_another_type_shape_or_structure_is_not_close(tmp_path, change):
    value = {"a": np.ones((2, 3), np.float32), "b": 1.0}
    written(tmp_path, {"v": value})
    other = {
        "dtype": {"a": np.ones((2, 3), np.float64), "b": 1.0}, "shape": {"a": np.ones((3, 2), np.float32), "b": 1.0},
        "more": value | {"c": 1.0}, "fewer": {"b": 1.0}, "kind": [value["a"], 1.0],
    }[change]  # fmt: skip
    with pytest.raises(CheckFailedError, match="re-runnable reached"):
        opened(tmp_path).check("v", other, Tolerance(abs=100.0, source="check"))


def test_a_missing_baseline_fails_and_writes_nothing(tmp_path):
    with pytest.raises(CheckFailedError) as caught:
        opened(tmp_path, command="pytest test_a.py::test_x").check("w", 1.0)
    assert caught.value.code == "RPK072"
    assert "pytest test_a.py::test_x --repro-update-new-only" in caught.value.hint
    with pytest.raises(CheckFailedError) as caught:
        opened(tmp_path, in_ci=True).check("w", 1.0)
    assert "commit" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_new_only_leaves_what_is_there(tmp_path):
    path = written(tmp_path, {"w": 1.0})
    before = path.read_text()
    baseline = opened(tmp_path, Mode.NEW_ONLY)
    with pytest.raises(CheckFailedError):
        baseline.check("w", 2.0)
    baseline.check("v", 3.0)
    baseline.finish()
    assert before != path.read_text()
    assert opened(tmp_path).check("w", 1.0).tier is opened(tmp_path).check("v", 3.0).tier is Tier.BITWISE


def test_a_test_that_failed_writes_nothing(tmp_path):
    baseline = opened(tmp_path, Mode.UPDATE)
    baseline.check("w", 1.0)
    assert not baseline.finish(passed=False)
    assert list(tmp_path.iterdir()) == []


def test_the_same_update_does_not_touch_the_file(tmp_path):
    path = written(tmp_path, {"w": np.arange(3.0)})
    before = path.stat()
    baseline = opened(tmp_path, Mode.UPDATE)
    baseline.check("w", np.arange(3.0))
    assert not baseline.finish()
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


def test_a_value_that_changes_after_its_check_is_stored_as_it_was(tmp_path):
    value = np.arange(3.0)
    baseline = opened(tmp_path, Mode.UPDATE)
    baseline.check("w", value)
    value[0] = 9
    baseline.finish()
    assert opened(tmp_path).check("w", np.arange(3.0)).tier is Tier.BITWISE


def test_a_name_is_used_once(tmp_path):
    baseline = opened(tmp_path, Mode.UPDATE)
    baseline.check("w", 1.0)
    with pytest.raises(UsageError, match="twice") as caught:
        baseline.check("w", 1.0)
    assert caught.value.code == "RPK077"


def test_a_leaf_is_one_line_and_the_order_is_fixed(tmp_path):
    state = {f"layer{n}": np.full(3, n, np.float32) for n in range(5)}
    first = written(tmp_path / "1", {"b": state, "a": 1.0}).read_text()
    second = written(tmp_path / "2", {"a": 1.0, "b": dict(reversed(state.items()))}).read_text()
    assert first == second
    assert json.loads(first)["schema"] == "reprokit.baseline/1"
    third = written(tmp_path / "3", {"b": state | {"layer3": np.full(3, 7, np.float32)}, "a": 1.0}).read_text()
    changed = [x for x, y in zip(first.splitlines(), third.splitlines(), strict=True) if x != y]
    assert len(changed) == 1
    assert "layer3" in changed[0]


CORRUPT = {
    "empty": b"", "cut": b'{"schema": "reprokit.baseline/1", "te', "binary": b"\xff\x00", "array": b"[1]",
    "other": b'{"schema": "reprokit.verdict/1"}', "type": b'{"schema": "reprokit.baseline/1", "test": 3}',
    "newer": b'{"schema": "reprokit.baseline/2", "test": "test_a.py::test_x"}',
    "conflict": b'{\n<<<<<<< HEAD\n "a": 1\n=======\n "a": 2\n>>>>>>> theirs\n}',
    "deep": b'{"schema": "reprokit.baseline/1", "test": ' + b"[" * 100_000,
}  # fmt: skip


@pytest.mark.parametrize("content", CORRUPT.values(), ids=CORRUPT.keys())
@pytest.mark.parametrize("mode", list(Mode))
def test_a_file_that_cannot_be_used_lets_nothing_pass(tmp_path, content, mode):
    path = tmp_path / file_name("test_a.py::test_x")
    path.write_bytes(content)
    with pytest.raises(UnusableBaselineError) as caught:
        opened(tmp_path, mode)
    assert caught.value.code == "RPK073"
    assert str(path) in str(caught.value)
    assert caught.value.hint
    assert path.read_bytes() == content


def test_the_file_of_another_test_is_refused(tmp_path):
    shutil.copy(written(tmp_path, {"w": 1.0}), tmp_path / file_name("test_a.py::test_y"))
    with pytest.raises(UnusableBaselineError, match=r"belongs to the test test_a\.py::test_x"):
        opened(tmp_path, test="test_a.py::test_y")


def test_a_directory_in_the_file_s_place_is_refused(tmp_path):
    (tmp_path / file_name("test_a.py::test_x")).mkdir()
    with pytest.raises(UnusableBaselineError, match="cannot be read"):
        opened(tmp_path)


def test_a_place_that_cannot_be_written_is_an_error(tmp_path):
    baseline = opened(tmp_path / "kept", Mode.UPDATE)
    (tmp_path / "kept").write_text("in the way")
    baseline.check("w", 1.0)
    with pytest.raises(UnusableBaselineError) as caught:
        baseline.finish()
    assert caught.value.code == "RPK078"


def test_a_read_only_directory_is_an_error(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    baseline = opened(tmp_path, Mode.UPDATE)
    baseline.check("w", 1.0)
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(UnusableBaselineError, match="RPK078"):
            baseline.finish()
    finally:
        tmp_path.chmod(0o700)


def _write(directory: str, number: int) -> None:
    for turn in range(10):
        written(Path(directory), {f"{number}-{turn}": float(turn)}, Mode.NEW_ONLY)


def test_two_writers_of_one_file_lose_nothing(tmp_path):
    # Not forked: pytest has threads, of xdist or left by other tests, and a fork beside them can wait for ever.
    code = "import sys; from tests.unit.checks.test_baseline_store import _write; _write(sys.argv[1], int(sys.argv[2]))"
    root = Path(__file__).parents[3]
    workers = [subprocess.Popen([sys.executable, "-c", code, tmp_path, str(number)], cwd=root) for number in range(4)]
    for worker in workers:
        assert worker.wait(300) == 0
    (path,) = tmp_path.iterdir()  # no temporary file is left, and no lock
    assert set(json.loads(path.read_text())["entries"][HERE.id]) == {f"{n}-{t}" for n in range(4) for t in range(10)}


def test_pruning_deletes_what_is_not_used_and_nothing_else(tmp_path):
    used = written(tmp_path, {"a": 1.0, "gone": np.arange(3.0)}, store=True)
    unused = written(tmp_path, {"a": np.arange(4.0)}, test="test_a.py::test_old", store=True)
    skipped = written(tmp_path, {"a": np.arange(5.0)}, test="test_a.py::test_skipped", store=True)
    (tmp_path / "notes.json").write_text("{}")
    done = prune([tmp_path], {used: ["a"]}, [skipped])
    assert done.files == [unused]
    assert done.checks == {used: ["gone"]}
    assert len(done.arrays) == 2
    assert len(list((tmp_path / "arrays").iterdir())) == 1
    assert {path.name for path in tmp_path.iterdir()} == {used.name, skipped.name, "notes.json", "arrays"}
    assert opened(tmp_path).check("a", 1.0).tier is Tier.BITWISE


def test_names_of_files_are_safe_and_unique():
    tests = ["test_a.py::T::test_x[a/b]", "test_a.py::T::test_x[a:b]", "test_a.py::T::test_X[a/b]", "../../x::y",
             "t.py::t[" + "é" * 500 + "]", "t.py::t[" + "é" * 501 + "]"]  # fmt: skip
    names = [file_name(test) for test in tests]
    assert len({name.lower() for name in names}) == len(names)
    for name in names:
        assert len(name) < 120
        assert not name.startswith(".")
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


def test_the_fingerprint_is_stable_and_takes_the_facts_of_others():
    assert here() == here()
    assert here({"driver": "1"}).id != here({"driver": "2"}).id
    assert here({"driver": "1"}).facts["driver"] == "1"
    assert {"machine", "python", "numpy"} <= set(here().facts)
