"""Other plugins beside this one: each is loaded for real, and both do what they are there for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Suite = Callable[..., pytest.RunResult]


def test_randomly(pytester: pytest.Pytester, suite: Suite) -> None:
    """The seed that it sets is the same in every run, so draws from the global generators agree."""
    pytester.makepyfile(
        test_a="""
        import random
        import numpy as np
        import pytest

        @pytest.mark.repro
        def test_draws():
            return random.random(), np.random.rand(2)

        @pytest.mark.repro
        def test_unseeded():
            return np.random.default_rng().random()

        def test_plain():
            pass
        """
    )
    for seed in ("1234", "4294967295"):
        result = suite(f"--randomly-seed={seed}", plugins=("pytest_randomly",))
        result.assert_outcomes(passed=2, failed=1)
        result.stdout.fnmatch_lines([f"Using --randomly-seed={seed}", "FAILED test_a.py::test_unseeded - RPK060*"])
    # Without it the same draws are a divergence: it was its seed that held them.
    suite().assert_outcomes(passed=1, failed=2)


@pytest.mark.parametrize("how", ["option", "marker"])
def test_a_rerun_never_turns_a_divergence_into_a_pass(pytester: pytest.Pytester, suite: Suite, how: str) -> None:
    count = pytester.path / "count"
    flaky = "@pytest.mark.flaky(reruns=3)" if how == "marker" else ""
    pytester.makepyfile(
        test_a=f"""
        import os, pathlib
        import pytest

        COUNT = pathlib.Path({str(count)!r})

        def number():
            COUNT.open("a").write("x")
            return len(COUNT.read_text())

        {flaky}
        @pytest.mark.repro
        def test_differs_at_first():
            return min(number(), 2)  # 1, 2, then for ever 2

        {flaky}
        def test_checked(repro):
            value = 2 if pathlib.Path(str(COUNT) + "2").exists() else 1
            pathlib.Path(str(COUNT) + "2").touch()
            repro.check("x", value)

        {flaky}
        def test_invariance(repro):
            values = [1] * 9 if pathlib.Path(str(COUNT) + "3").exists() else list(range(9))
            pathlib.Path(str(COUNT) + "3").touch()
            repro.run_to_run(lambda: values.pop())

        {flaky}
        def test_plainly_flaky():
            seen = pathlib.Path(str(COUNT) + "4").exists()
            pathlib.Path(str(COUNT) + "4").touch()
            assert seen
        """
    )
    arguments = ("--reruns=3",) if how == "option" else ()
    plugins = ("pytest_rerunfailures",)
    (pytester.path / "count2").touch()
    suite("--repro-update-new-only", "-k", "checked", plugins=plugins).assert_outcomes(passed=1)
    (pytester.path / "count2").unlink()
    result = suite(*arguments, plugins=plugins)
    outcomes = result.parseoutcomes()
    assert (outcomes["passed"], outcomes["failed"], outcomes["rerun"]) == (1, 3, 10)
    assert count.read_text() == "xx"  # the reruns started no process
    result.stdout.fnmatch_lines(["RPK060: *", "*run 1 1, run 2 2*"])


def test_a_failing_test_is_not_rerun_inside(pytester: pytest.Pytester, suite: Suite) -> None:
    """Four attempts of two processes each; inside, every process runs the test once."""
    count = pytester.path / "count"
    pytester.makepyfile(
        test_a=f"""
        import pytest

        @pytest.mark.repro
        def test_fails():
            open({str(count)!r}, "a").write("x")
            assert False
        """
    )
    result = suite("--reruns=3", plugins=("pytest_rerunfailures",))
    assert result.parseoutcomes() == {"failed": 1, "rerun": 3}
    assert count.read_text() == "x" * 8


def test_cov(pytester: pytest.Pytester, suite: Suite) -> None:
    """The report is that of the outer session; with coverage's own patch the fresh processes are in it, too."""
    pytester.makepyfile(
        mylib="def inside():\n    return 1\n\ndef outside():\n    return 2\n",
        test_a="""
        import mylib, pytest

        @pytest.mark.repro
        def test_marked():
            return mylib.inside()

        def test_plain():
            assert mylib.outside() == 2
        """,
    )
    result = suite("--cov=mylib", "--cov-report=term-missing", plugins=("pytest_cov",))
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["mylib.py * 75% * 2"])
    (pytester.path / ".coveragerc").write_text("[run]\npatch = subprocess\nsource = .\n")
    result = suite("--cov=mylib", "--cov-report=term-missing", plugins=("pytest_cov",))
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["mylib.py * 100%*"])


def test_benchmark(pytester: pytest.Pytester, suite: Suite) -> None:
    """Inside, the function runs once: how often it does otherwise depends on the clock."""
    count = pytester.path / "count"
    pytester.makepyfile(
        test_a=f"""
        import pytest

        def work():
            open({str(count)!r}, "a").write("x")
            return 3

        @pytest.mark.repro
        def test_marked(benchmark):
            return benchmark(work)

        def test_plain(benchmark):
            benchmark(lambda: 1)
        """
    )
    result = suite("--benchmark-json=bench.json", plugins=("pytest_benchmark.plugin",))
    result.assert_outcomes(passed=2)
    assert count.read_text() == "xx"
    result.stdout.fnmatch_lines(["*test_plain*"])
    assert '"test_plain"' in (pytester.path / "bench.json").read_text()


def test_html(pytester: pytest.Pytester, suite: Suite) -> None:
    pytester.makepyfile(
        test_a="import os, pytest\n@pytest.mark.repro\ndef test_it(): return os.getpid()\ndef test_b(): pass\n"
    )
    result = suite(
        "--html=report.html", "--self-contained-html", plugins=("pytest_metadata.plugin", "pytest_html.plugin")
    )
    result.assert_outcomes(passed=1, failed=1)
    text = (pytester.path / "report.html").read_text()
    assert "RPK060" in text
    assert "test_a.py::test_b" in text


MENDED = """
import pytest_forked

serialize = pytest_forked.serialize_report

def without_id(report):
    # pytest 9.2 gives reports an `_id`, which pytest-forked 1.7.5 cannot marshal: by itself it fails every test.
    data = serialize(report)
    data.pop("_id", None)
    return {**data, "nodeid": report.nodeid}

pytest_forked.serialize_report = without_id
"""


@pytest.mark.parametrize("how", ["option", "marker"])
def test_forked(pytester: pytest.Pytester, suite: Suite, how: str) -> None:
    mark = "@pytest.mark.forked" if how == "marker" else ""
    pytester.makeconftest(MENDED)
    pytester.makepyfile(
        test_a=f"""
        import random
        import pytest

        {mark}
        @pytest.mark.repro
        def test_sound():
            return 1

        {mark}
        @pytest.mark.repro
        def test_fault():
            return random.random()

        {mark}
        def test_plain():
            pass
        """
    )
    arguments = ("--forked",) if how == "option" else ()
    result = suite(*arguments, "-W", "ignore::DeprecationWarning", plugins=("pytest_forked",))
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*RPK060: the runs of this test differ*", "2 tests: 1 bitwise, 1 re-runnable"])


@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_asyncio(pytester: pytest.Pytester, suite: Suite, mode: str) -> None:
    mark = "@pytest.mark.asyncio" if mode == "strict" else ""
    pytester.makeini(f"[pytest]\nasyncio_mode = {mode}\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makepyfile(
        test_a=f"""
        import asyncio, random
        import pytest, pytest_asyncio

        @pytest_asyncio.fixture
        async def number():
            await asyncio.sleep(0)
            return 4

        {mark}
        @pytest.mark.repro
        async def test_sound(number):
            await asyncio.sleep(0)
            return [number]

        {mark}
        @pytest.mark.repro
        async def test_fault(number):
            await asyncio.sleep(0)
            return 1 + random.random()

        {mark}
        async def test_plain(number):
            assert number == 4
        """
    )
    result = suite(plugins=("pytest_asyncio.plugin",))
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*the return value: *run 1 1.*, run 2 1.*"])


def test_junit(pytester: pytest.Pytester, suite: Suite) -> None:
    """The headline is the failure's message; a test's own properties come home."""
    pytester.makepyfile(
        test_a="""
        import os, pytest

        @pytest.mark.repro
        def test_it(record_property):
            record_property("colour", "green")
            return os.getpid()
        """
    )
    suite("--junitxml=junit.xml", "-o", "junit_family=xunit1").assert_outcomes(failed=1)
    text = (pytester.path / "junit.xml").read_text()
    assert '<failure message="RPK060: the runs of this test differ: the return value"' in text
    assert '<property name="colour" value="green"' in text
