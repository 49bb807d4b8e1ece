"""Marked tests that hang, crash, fork, flood, or are not there in a fresh process: each says what and what to do."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Suite = Callable[..., pytest.RunResult]


def test_a_hanging_test_is_stopped_with_all_its_processes(pytester: pytest.Pytester, suite: Suite) -> None:
    pid = pytester.path / "pid"
    for seconds in (2, 20, 120):  # on a busy machine the test may not come so far in two
        pytester.makepyfile(
            f"""
            import pathlib, subprocess, sys, time
            import pytest

            @pytest.mark.repro(timeout={seconds})
            def test_hang():
                child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(999)"], start_new_session=True)
                pathlib.Path({str(pid)!r}).write_text(str(child.pid))
                time.sleep(9999)
            """
        )
        result = suite()
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines([f"RPK064: run 1 *still going after {seconds} s and was stopped",
                                     "*timeout=SECONDS*"])  # fmt: skip
        if pid.exists():
            break
    end = time.monotonic() + 60
    while _runs(pid.read_text()):
        assert time.monotonic() < end, "a process that the test started goes on"
        time.sleep(0.05)


def _runs(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"  # nobody may wait for it here
    except OSError:
        return False


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("os._exit(0)", "RPK062: *run 1 ended with status 0 (os._exit, or a crash) before its test had ended"),
        ("os._exit(7)", "RPK062: *ended with status 7*"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "RPK062: *was ended by SIGSEGV before its test had ended"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "RPK062: *was ended by SIGKILL*"),
    ],
)
def test_a_process_that_goes_away_never_passes(pytester: pytest.Pytester, suite: Suite, body: str, line: str) -> None:
    pytester.makepyfile(
        f"""
        import os, signal
        import pytest

        @pytest.mark.repro
        def test_it():
            os.write(2, b"last words")
            {body}
        """
    )
    result = suite()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([line, "*what to do: *--repro=off*", "1 test: 1 unverified"])


def test_forks(pytester: pytest.Pytester, suite: Suite) -> None:
    """A child that comes back through the test into pytest must not write over what its parent hands in."""
    pytester.makepyfile(
        """
        import multiprocessing, os
        import pytest

        def work(number):
            return number * 2

        @pytest.mark.repro
        def test_pool():
            with multiprocessing.get_context("fork").Pool(2) as pool:
                return pool.map(work, [1, 2, 3])

        @pytest.mark.repro
        def test_child_comes_back():
            if os.fork() == 0:
                return "child"
            os.wait()
            return "parent"
        """
    )
    suite("-W", "ignore::DeprecationWarning").assert_outcomes(passed=2)


def test_a_flood_of_output_is_bounded(pytester: pytest.Pytester, suite: Suite) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.repro
        def test_flood():
            for number in range(60_000):
                print(f"line {number} " + "x" * 90)
            assert not number
        """
    )
    result = suite()
    result.assert_outcomes(failed=1)
    text = result.stdout.str()
    assert len(text) < 200_000
    assert "line 0 x" in text
    assert "line 59999 x" in text
    assert "characters left out" in text


def test_ids_that_change_from_process_to_process(pytester: pytest.Pytester, suite: Suite) -> None:
    pytester.makepyfile(
        """
        import os
        import pytest

        @pytest.mark.repro
        @pytest.mark.parametrize("pid", [os.getpid()])
        def test_it(pid):
            return 1
        """
    )
    result = suite()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["RPK063: run 1 did not find *::test_it[[]*[]]*", "*explicit ids=*", "*::test_it[[]*"])


def test_a_file_that_cannot_be_imported_in_a_fresh_process(pytester: pytest.Pytester, suite: Suite) -> None:
    pytester.makepyfile(
        test_a="import sys, types\nsys.modules['conjured'] = types.ModuleType('conjured')\ndef test_a(): pass\n",
        test_b="import conjured, pytest\n@pytest.mark.repro\ndef test_b(): return 1\n",
    )
    result = suite()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["RPK067: test_b.py cannot be collected in a fresh process*", "*pytest FILE*",
                                 "*No module named 'conjured'*"])  # fmt: skip


def test_a_test_that_needs_a_display(pytester: pytest.Pytester, suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    pytester.makepyfile(
        """
        import tkinter
        import pytest

        @pytest.mark.repro
        def test_window():
            tkinter.Tk()
        """
        if _has_tk()
        else """
        import pytest

        @pytest.mark.repro
        def test_window():
            raise RuntimeError("no display name and no $DISPLAY environment variable")
        """
    )
    result = suite()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*no display name*", "*xvfb-run pytest*"])


def _has_tk() -> bool:
    try:
        import tkinter as tk  # noqa: F401
    except ImportError:
        return False
    return True


def test_a_value_without_content_is_an_error_of_the_test(pytester: pytest.Pytester, suite: Suite) -> None:
    pytester.makepyfile(
        """
        import pytest

        pytestmark = pytest.mark.repro

        def test_returns_an_object():
            return object()

        def test_checks_twice(repro):
            repro.check("x", 1)
            repro.check("x", 2)
        """
    )
    result = suite()
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*RPK070: the value is of type builtins.object*"])
    result.stdout.fnmatch_lines(["*RPK077: the test checks 'x' twice*"])


def test_a_value_too_large_to_be_kept_is_compared_all_the_same(pytester: pytest.Pytester, suite: Suite) -> None:
    pytester.makeconftest("from reprokit.compare.values import stored\nstored.Store.room = 100\n")
    pytester.makepyfile(
        """
        import time
        import numpy as np
        import pytest

        @pytest.mark.repro
        @pytest.mark.parametrize("fault", [0, 1])
        def test_it(fault):
            return np.full(1000, fault * time.time_ns())
        """
    )
    result = suite()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["RPK060*", "*the digests differ; too large to be kept*"])


def test_the_observer_does_not_start(pytester: pytest.Pytester) -> None:
    """-E keeps the observer out: a policy that was not applied is never claimed."""
    import subprocess
    import sys

    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.repro(policy="deterministic")
        def test_policy():
            return 1

        @pytest.mark.repro
        def test_no_policy():
            return 1
        """
    )
    done = subprocess.run(
        [sys.executable, "-E", "-m", "pytest", "-p", "no:randomly", "-p", "no:benchmark", "-p", "no:asyncio"],
        cwd=pytester.path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "1 failed, 1 passed" in done.stdout
    assert "RPK068: the policy 'deterministic' was not applied in run 1" in done.stdout
