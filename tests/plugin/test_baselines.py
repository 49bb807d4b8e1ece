"""Baselines as a user meets them: missing, made, broken, updated, pruned, and under xdist."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


def said(result: pytest.RunResult) -> str:
    return result.stdout.str() + result.stderr.str()


TEST = """
import numpy as np
import pytest

@pytest.mark.parametrize("n", [1, 2])
def test_sum(repro, n):
    repro.check("sum", np.arange(6, dtype=np.float32) * {factor} + n)
    repro.check("name", f"net-{{n}}")

def test_other(repro):
    repro.check("loss", 0.25)
"""


def write(pytester: pytest.Pytester, factor: str = "1", name: str = "test_a.py") -> None:
    (pytester.path / name).write_text(TEST.format(factor=factor))


def baselines(pytester: pytest.Pytester) -> list[Path]:
    return sorted(pytester.path.rglob("__repro__/*.json"))


def test_nothing_is_written_implicitly_and_a_missing_baseline_fails(pytester, suite):
    write(pytester)
    result = suite()
    result.assert_outcomes(failed=3)
    assert "RPK072" in said(result)
    assert "--repro-update-new-only" in said(result)
    assert baselines(pytester) == []


def test_in_ci_the_message_says_to_commit(pytester, suite, monkeypatch):
    write(pytester)
    monkeypatch.setenv("CI", "true")
    result = suite()
    result.assert_outcomes(failed=3)
    assert "CI writes none" in said(result)
    assert "commit" in said(result)
    assert baselines(pytester) == []


@pytest.mark.parametrize("option", ["--repro-update", "--repro-update-new-only", "--repro=record"])
def test_what_was_written_passes_and_a_planted_fault_does_not(pytester, suite, option):
    write(pytester)
    suite(option).assert_outcomes(passed=3)
    assert len(baselines(pytester)) == 3
    suite().assert_outcomes(passed=3)
    write(pytester, "np.nextafter(np.float32(1), np.float32(2))")
    result = suite()
    result.assert_outcomes(failed=2, passed=1)
    assert "'sum' differs from its baseline" in said(result)
    assert "max 1 ULP" in said(result)
    assert "--repro-update" in said(result)


def test_update_rewrites_and_new_only_does_not(pytester, suite):
    write(pytester)
    suite("--repro-update")
    write(pytester, "3")
    before = {path: path.read_bytes() for path in baselines(pytester)}
    suite("--repro-update-new-only").assert_outcomes(failed=2, passed=1)
    assert before == {path: path.read_bytes() for path in baselines(pytester)}
    suite("--repro-update").assert_outcomes(passed=3)
    suite().assert_outcomes(passed=3)
    assert before != {path: path.read_bytes() for path in baselines(pytester)}


def test_a_test_that_fails_writes_nothing(pytester, suite):
    (pytester.path / "test_a.py").write_text("def test_x(repro):\n    repro.check('a', 1)\n    assert False\n")
    suite("--repro-update").assert_outcomes(failed=1)
    assert baselines(pytester) == []


def test_off_does_nothing(pytester, suite):
    write(pytester)
    suite("--repro=off").assert_outcomes(passed=3)
    assert baselines(pytester) == []


def test_a_damaged_baseline_is_one_clear_error(pytester, suite):
    write(pytester)
    suite("--repro-update")
    for path in baselines(pytester):
        path.write_text("{")
    result = suite()
    result.assert_outcomes(failed=3)
    assert said(result).count("RPK073") >= 3
    result = suite("--repro-update")
    result.assert_outcomes(failed=3)


def test_the_directory_can_be_chosen(pytester, suite):
    (pytester.path / "tests").mkdir()
    write(pytester, name="tests/test_a.py")
    pytester.makeini("[pytest]\nrepro_baselines = ../stored\n")
    suite("--repro-update").assert_outcomes(passed=3)
    assert len(list((pytester.path / "stored").glob("*.json"))) == 3
    suite().assert_outcomes(passed=3)


def test_two_workers_write_what_one_would(pytester, suite):
    write(pytester)
    write(pytester, name="test_b.py")
    suite("--repro-update", "-n2", plugins=("xdist",)).assert_outcomes(passed=6)
    found = {path.name: path.read_bytes() for path in baselines(pytester)}
    for path in baselines(pytester):
        path.unlink()
    suite("--repro-update").assert_outcomes(passed=6)
    assert found == {path.name: path.read_bytes() for path in baselines(pytester)}
    suite("-n2", plugins=("xdist",)).assert_outcomes(passed=6)


GONE = """
import pytest

def test_sum(repro):
    repro.check("kept", 1)
    if {more}:
        repro.check("gone", 2)

@pytest.mark.skipif({skip}, reason="planted")
def test_skipped(repro):
    repro.check("a", 1)

if {more}:
    def test_old(repro):
        repro.check("a", 1)
"""


def pruned(pytester: pytest.Pytester, suite, *arguments: str, **named) -> tuple[set[str], pytest.RunResult]:
    """Makes three baselines, takes a test and a check away, prunes; which tests still have one, and what was said."""
    (pytester.path / "test_a.py").write_text(GONE.format(more=True, skip=False))
    suite("--repro-update")
    assert len(baselines(pytester)) == 3
    (pytester.path / "test_a.py").write_text(GONE.format(more=False, skip=True))
    result = suite("--repro-prune", *arguments, **named)
    return {json.loads(path.read_text())["test"].partition("::")[2] for path in baselines(pytester)}, result


@pytest.mark.parametrize("arguments", [(), (".",), ("-n2",), ("-n0",)], ids=str)
def test_pruning_deletes_what_is_gone_and_spares_what_was_skipped(pytester, suite, arguments):
    left, result = pruned(pytester, suite, *arguments, plugins=("xdist",) if "-n" in str(arguments) else ())
    assert left == {"test_sum", "test_skipped"}
    assert "test_old" in said(result)
    assert "deleted gone" in said(result)
    assert "gone" not in "".join(path.read_text() for path in baselines(pytester))
    suite().assert_outcomes(passed=1, skipped=1)


@pytest.mark.parametrize("arguments", [("-k", "sum"), ("-m", "not slow"), ("test_a.py::test_sum",), ("test_a.py",),
                                       ("--deselect", "test_a.py::test_skipped")], ids=str)  # fmt: skip
def test_pruning_does_nothing_after_a_part_of_the_tests(pytester, suite, arguments):
    left, result = pruned(pytester, suite, *arguments)
    assert left == {"test_sum", "test_skipped", "test_old"}
    assert "no baseline was pruned" in said(result)


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=str)
def test_pruning_does_nothing_when_a_file_cannot_be_collected(pytester, suite, workers):
    (pytester.path / "test_broken.py").write_text("")
    left, _ = pruned(pytester, suite)
    assert left == {"test_sum", "test_skipped"}
    (pytester.path / "test_broken.py").write_text("import does_not_exist")
    plugins = ("xdist",) if workers else ()
    (pytester.path / "test_a.py").write_text("def test_new(): pass\n")
    suite("--repro-prune", "--continue-on-collection-errors", *workers, plugins=plugins)
    assert len(baselines(pytester)) == 2


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=str)
def test_pruning_spares_a_file_that_skips_itself(pytester, suite, workers):
    write(pytester)
    (pytester.path / "test_b.py").write_text("def test_x(repro): repro.check('a', 1)")
    suite("--repro-update")
    (pytester.path / "test_a.py").write_text("import pytest\npytest.importorskip('does_not_exist')\n")
    suite("--repro-prune", *workers, plugins=("xdist",) if workers else ())
    assert len(baselines(pytester)) == 4


def test_pruning_waits_for_a_run_that_was_not_stopped(pytester, suite):
    (pytester.path / "test_z.py").write_text("def test_z(): assert False\ndef test_y(): pass\n")
    left, result = pruned(pytester, suite, "-x")
    assert "test_old" in left
    assert "was stopped" in said(result)


def test_an_assert_on_arrays_says_where_they_differ(pytester, suite):
    (pytester.path / "test_a.py").write_text(
        "def test_numpy():\n    import numpy as np\n    assert np.ones(1) == np.zeros(1)\n"
        "def test_torch():\n    import torch\n    assert torch.ones(1) == torch.zeros(1)\n"
    )
    result = suite()
    result.assert_outcomes(failed=2)
    for dtype in ("float64", "float32"):
        assert f"{dtype}[1] == {dtype}[1]" in said(result)
    assert said(result).count("1.0 -> 0.0 at [0]; max abs 1") >= 2


def test_reading_baselines_imports_no_framework(pytester, suite):
    (pytester.path / "test_a.py").write_text(
        "import sys\ndef test_x(repro):\n    repro.check('a', 1.5)\n    assert 'torch' not in sys.modules\n"
    )
    suite("--repro-update").assert_outcomes(passed=1)
    suite().assert_outcomes(passed=1)


def test_the_digest_of_a_small_leaf_can_be_recomputed_with_hashlib_alone(pytester, suite):
    (pytester.path / "test_a.py").write_text(
        "import numpy as np\ndef test_x(repro):\n    repro.check('a', np.arange(3, dtype='>i4'))\n"
    )
    suite("--repro-update").assert_outcomes(passed=1)
    (path,) = baselines(pytester)
    (entry,) = json.loads(path.read_text())["entries"].values()
    code = (
        "import hashlib, struct; h = b'int32|3|'; "
        "print(hashlib.sha256(struct.pack('<Q', len(h)) + h + struct.pack('<3i', 0, 1, 2)).hexdigest())"
    )
    hexadecimal = subprocess.check_output([sys.executable, "-S", "-c", code], text=True).strip()
    assert entry["a"][""]["digest"] == f"sha256:sized-header:le:c:{hexadecimal}"
