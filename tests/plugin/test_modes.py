"""``--repro=off``, ``check`` and ``record`` do just what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    Suite = Callable[..., pytest.RunResult]

TEST = """
import os, pathlib
import numpy as np
import pytest

LOG = pathlib.Path({log!r})
VALUE = {value}

@pytest.mark.repro
def test_marked(repro):
    with LOG.open("a") as file:
        file.write(f"{{os.getpid()}}\\n")
    repro.check("numbers", np.arange(3.0) * VALUE)

def test_plain(repro):
    repro.check("number", VALUE)
    with LOG.with_name("outer").open("a") as file:
        file.write(f"{{os.getpid()}}\\n")
"""


def write(pytester: pytest.Pytester, value: str = "1") -> None:
    (pytester.path / "test_a.py").write_text(TEST.format(log=str(pytester.path / "log"), value=value))


def stored(pytester: pytest.Pytester) -> dict[str, str]:
    return {path.name: path.read_text() for path in pytester.path.rglob("__repro__/*.json")}


def test_off_runs_a_marked_test_once_in_this_process_and_checks_nothing(
    pytester: pytest.Pytester, suite: Suite
) -> None:
    write(pytester, "np.random.default_rng().random()")  # what `check` refuses, for two reasons
    result = suite("--repro=off", "--setup-show")
    result.assert_outcomes(passed=2)
    assert (pytester.path / "log").read_text() == (pytester.path / "outer").read_text()
    assert not stored(pytester)
    assert "reprokit" not in "\n".join(line for line in result.stdout.lines if not line.startswith("plugins"))
    (pytester.path / "outer").unlink()
    suite("-o", "repro=off").assert_outcomes(passed=2)


def test_off_shows_a_wrong_marker_to_nobody(pytester: pytest.Pytester, suite: Suite) -> None:
    pytester.makepyfile("import pytest\n@pytest.mark.repro(teir=1)\ndef test_it(): pass\n")
    suite("--repro=off").assert_outcomes(passed=1)


def test_check_writes_nothing(pytester: pytest.Pytester, suite: Suite) -> None:
    write(pytester)
    result = suite("--repro=check")
    result.assert_outcomes(passed=1, failed=1)  # the runs of the marked test have each other, the plain one has nothing
    result.stdout.fnmatch_lines(["*RPK072: 'number' has no baseline*"])
    assert not stored(pytester)
    assert not (pytester.path / "__repro__").exists()


def test_in_ci_a_marked_test_without_a_baseline_fails_too(
    pytester: pytest.Pytester, suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(pytester)
    monkeypatch.setenv("CI", "true")
    result = suite()
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["RPK072: 'numbers' has no baseline *, and CI writes none"])
    assert not stored(pytester)


def test_record_writes_what_is_missing_and_changes_nothing(pytester: pytest.Pytester, suite: Suite) -> None:
    write(pytester)
    suite("--repro=record").assert_outcomes(passed=2)
    before = stored(pytester)
    assert len(before) == 2
    suite().assert_outcomes(passed=2)
    write(pytester, "2")
    result = suite("--repro=record")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["RPK074: 'numbers' differs from its baseline*", "*what to do: *--repro-update*"])
    assert stored(pytester) == before


def test_update_rewrites_what_marked_and_plain_tests_check(pytester: pytest.Pytester, suite: Suite) -> None:
    write(pytester)
    suite("--repro-update").assert_outcomes(passed=2)
    before = stored(pytester)
    write(pytester, "2")
    suite("--repro-update").assert_outcomes(passed=2)
    assert stored(pytester).keys() == before.keys()
    assert stored(pytester) != before
    suite().assert_outcomes(passed=2)


def test_runs_that_differ_write_no_baseline(pytester: pytest.Pytester, suite: Suite) -> None:
    write(pytester, "np.random.default_rng().random()")
    suite("--repro-update", "-k", "marked").assert_outcomes(failed=1)
    assert not stored(pytester)


def test_a_corrupt_baseline_never_lets_a_marked_test_pass(pytester: pytest.Pytester, suite: Suite) -> None:
    write(pytester)
    suite("--repro-update").assert_outcomes(passed=2)
    for path in pytester.path.rglob("__repro__/*.json"):
        path.write_text(path.read_text()[:-20])
    result = suite()
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["RPK073: *", "*what to do*"])
    result.stdout.fnmatch_lines(["2 tests: 2 unverified"])
