"""Marked tests: fresh processes, and what of them must agree. Each check is shown to fail on a planted fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Suite = Callable[..., pytest.RunResult]


def test_what_is_checked_returned_and_written_agrees(pytester: pytest.Pytester, suite: Suite) -> None:
    pytester.makepyfile(
        """
        import gzip, random
        import numpy as np
        import pytest

        pytestmark = pytest.mark.repro

        def test_returned():
            random.seed(3)
            return {"a": [random.random()], "b": np.arange(3.0)}

        def test_checked(repro):
            repro.check("numbers", np.random.default_rng(repro.seed).normal(size=5))

        def test_written(tmp_path):
            # gzip stores the time: the packing differs in every run, the content does not
            with gzip.open(tmp_path / "numbers.txt.gz", "wt") as file:
                file.write("1 2 3")

        def test_order_of_a_sorted_set():
            return sorted({"a", "b", "c", "d", "e", "f"})

        def test_own_path(tmp_path):
            return str(tmp_path)
        """
    )
    result = suite("-v")
    result.assert_outcomes(passed=5)
    result.stdout.fnmatch_lines(["*reprokit: check, seed 0, level full, fingerprint ????????????*"])
    result.stdout.fnmatch_lines(["5 tests: 5 bitwise", "slowest: *"])


def seen(pytester: pytest.Pytester) -> str:
    """A function for a test's file that gives another number in each process: 1, 2, …"""
    place = str(pytester.path / "seen")
    return f"def seen():\n    with open({place!r}, 'a') as file:\n        return file.write('x') and file.tell()\n"


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ("return np.random.rand(3)", ["*the return value*at index [[]0[]]*run 1 *run 2 *max abs *ulp*",
                                      "*likely cause: random draws: *drew from numpy.random*", "*what to do: seed*"]),
        ("return random.random()", ["*likely cause: random draws: the test drew from random,*"]),
        ("repro.check('state', {'w': np.zeros(2), 'v': np.random.default_rng().random(2)})",
         ["RPK060: *: check 'state' at v", "*likely cause: not established*", "*what to do: *default_rng*"]),
        ("(tmp_path / 'log.csv').write_text(f'epoch,loss\\n1,{random.random()}\\n')", ["*the file test_it0/log.csv*"]),
        ("return os.getpid(), time.time_ns()", ["*the return value*"]),
        ("return list({str(n) for n in range(50)})", ["*the return value*", "*what to do: *PYTHONHASHSEED*sort them*"]),
        ("repro.check('once', 1)\n    repro.check(f'name {seen()}', 1)", ["*only run 1 has it*"]),
        ("return np.zeros(seen())", ["RPK060*"]),
    ],
    ids=["numpy", "random", "unseeded-generator", "file", "pid", "set", "name", "shape"],
)  # fmt: skip
def test_a_planted_difference_is_found(pytester: pytest.Pytester, suite: Suite, body: str, lines: list[str]) -> None:
    pytester.makepyfile(
        f"""
import os, random, time
import numpy as np
import pytest
{seen(pytester)}
@pytest.mark.repro
def test_it(repro, tmp_path):
    {body}
"""
    )
    result = suite()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["RPK060: the runs of this test differ: *"])
    result.stdout.fnmatch_lines(lines)
    result.stdout.fnmatch_lines(["  again: pytest test_a_planted_difference_is_found.py::test_it"])


def test_one_run_of_three_differs(pytester: pytest.Pytester, suite: Suite) -> None:
    pytester.makepyfile(
        f"""
        import pathlib, pytest

        @pytest.mark.repro(runs=3)
        def test_it():
            seen = pathlib.Path({str(pytester.path / "seen")!r})
            count = len(seen.read_text()) if seen.exists() else 0
            seen.write_text("x" * (count + 1))
            return count == 2
        """
    )
    result = suite()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*run 1 against run 3 of 3*", "*run 1 False, run 3 True*"])


def test_the_body_and_its_fixtures_run_in_fresh_processes_only(pytester: pytest.Pytester, suite: Suite) -> None:
    log = pytester.path / "log"
    pytester.makepyfile(
        f"""
        import os, unittest
        import pytest

        def note(what):
            with open({str(log)!r}, "a") as file:
                file.write(f"{{what}} {{os.getpid()}}\\n")

        @pytest.fixture(scope="session")
        def of_session():
            note("session")
            yield 1
            note("session-end")

        @pytest.fixture(scope="module", autouse=True)
        def of_module():
            note("module")

        @pytest.fixture(scope="class")
        def of_class():
            note("class")

        class TestClass:
            @classmethod
            def setup_class(cls):
                note("setup_class")

            @pytest.mark.repro
            @pytest.mark.parametrize("value", [1, "a b/[c]::d", "\\u00fc\\n", ""])
            def test_method(self, value, of_session, of_class):
                note("body")
                return [value, of_session]

        class TestUnit(unittest.TestCase):
            def setUp(self):
                self.number = 5

            @pytest.mark.repro
            def test_unit(self):
                note("unit")
                return self.number

        def test_outer():
            note("outer")
        """
    )
    result = suite("-W", "ignore::DeprecationWarning")
    result.assert_outcomes(passed=6)
    pids: dict[str, list[str]] = {}
    for line in log.read_text().splitlines():
        what, pid = line.split()
        pids.setdefault(what, []).append(pid)
    outer = pids["outer"][0]
    assert len(pids["body"]) == len(set(pids["body"])) == 8
    assert len(set(pids["unit"])) == 2
    assert len(pids["session"]) == len(pids["session-end"]) == len(pids["setup_class"]) == 8
    assert outer not in {*pids["body"], *pids["unit"], *pids["session"], *pids["class"]}


def test_a_failing_test_shows_its_own_failure(pytester: pytest.Pytester, suite: Suite) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture
        def broken():
            raise OSError("the disk is gone")

        @pytest.mark.repro
        def test_fails():
            print("some output")
            values = [1, 2, 3]
            assert values == [1, 2, 4]

        @pytest.mark.repro
        def test_fixture(broken):
            pass
        """
    )
    result = suite()
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [">       assert values == [[]1, 2, 4[]]", "E       assert [[]1, 2, 3[]] == [[]1, 2, 4[]]",
         "*:11: AssertionError", "*Captured stdout call*", "some output", "*OSError: the disk is gone*",
         "FAILED *test_fails - assert *"]
    )  # fmt: skip
    assert "RPK" not in result.stdout.str()
    assert result.stdout.lines.count("some output") == 1


def test_runs_that_end_differently_diverge(pytester: pytest.Pytester, suite: Suite) -> None:
    pytester.makepyfile(
        f"""
        import pathlib, pytest

        @pytest.mark.repro
        def test_it():
            seen = pathlib.Path({str(pytester.path / "seen")!r})
            if seen.exists():
                assert 1 == 2, "left over"
            seen.touch()
            return 1
        """
    )
    result = suite()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["RPK066: *run 1 passed, run 2 failed", "*what to do*", "--- run 2 ---", "*left over*"])


def test_skips_and_expected_failures(pytester: pytest.Pytester, suite: Suite) -> None:
    pytester.makepyfile(
        """
        import random
        import pytest

        pytestmark = pytest.mark.repro

        def test_skipped():
            pytest.skip("no data here")

        @pytest.mark.skip(reason="not today")
        def test_skip_mark():
            pass

        @pytest.mark.xfail(raises=ZeroDivisionError)
        def test_expected():
            1 / 0

        @pytest.mark.xfail(raises=ZeroDivisionError)
        def test_of_another_kind():
            int("x")

        @pytest.mark.xfail
        def test_unexpected_pass():
            return 1

        @pytest.mark.xfail(strict=True)
        def test_strict():
            return 1

        @pytest.mark.xfail(run=False)
        def test_not_run():
            1 / 0

        @pytest.mark.xfail(reason="known")
        def test_diverges():
            return random.random()
        """
    )
    result = suite("-rsf")
    result.assert_outcomes(skipped=2, xfailed=3, xpassed=1, failed=2)
    result.stdout.fnmatch_lines(["SKIPPED [[]1[]] test_skips_and_expected_failures.py:*: no data here"])
    result.stdout.fnmatch_lines(["*ValueError: invalid literal*", "FAILED *test_strict*"])


def test_tiers(pytester: pytest.Pytester, suite: Suite) -> None:
    """A relative jitter of 1e-9 is close and not bitwise; one of 1e-3 is neither, unless the check allows it."""
    pytester.makeconftest(seen(pytester))
    pytester.makepyfile(
        """
        from conftest import seen
        import numpy as np
        import pytest

        def jitter(size):
            return np.ones(4) * (1 + size * seen())

        @pytest.mark.repro(tier="metric-close")
        def test_close():
            return jitter(1e-9)

        @pytest.mark.repro(tier="bitwise")
        def test_not_bitwise():
            return jitter(1e-9)

        @pytest.mark.repro(tier="metric-close")
        def test_far():
            return jitter(1e-3)

        @pytest.mark.repro(tier="metric-close")
        def test_allowed(repro):
            repro.check("x", jitter(1e-3), rtol=2.0)

        @pytest.mark.repro(tier="re-runnable")
        def test_rerun():
            return jitter(1e-3)

        @pytest.mark.repro(tier="re-runnable")
        def test_another_schema():
            return ["x"] * seen()
        """
    )
    result = suite()
    result.assert_outcomes(passed=3, failed=3)
    for name in ("not_bitwise", "far", "another_schema"):
        result.stdout.fnmatch_lines([f"FAILED *test_{name} - RPK060*"])
    result.stdout.fnmatch_lines(["6 tests: 3 metric-close, 2 re-runnable, 1 none"])


def test_a_test_that_leaves_nothing_to_compare_does_not_pass(pytester: pytest.Pytester, suite: Suite) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.repro
        def test_nothing():
            assert True

        @pytest.mark.repro(tier="re-runnable")
        def test_modest():
            assert True
        """
    )
    result = suite()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["RPK065: *could not be established*", "*repro.check*", "*1 unverified*"])


def test_the_policy_is_set_before_anything_is_imported(pytester: pytest.Pytester, suite: Suite) -> None:
    pytester.makepyfile(
        """
        import os
        import pytest

        AT_IMPORT = os.environ.get("CUBLAS_WORKSPACE_CONFIG")

        @pytest.mark.repro(policy="deterministic")
        def test_deterministic():
            assert AT_IMPORT == ":4096:8"
            return 1

        @pytest.mark.repro
        def test_recorded():
            assert AT_IMPORT is None
            return 1
        """
    )
    suite().assert_outcomes(passed=2)


def test_options_and_ini_hold_in_the_fresh_process(pytester: pytest.Pytester, suite: Suite) -> None:
    pytester.makeini("[pytest]\naddopts = --device=cuda\nmyini = 7\n")
    pytester.makeconftest(
        """
        def pytest_addoption(parser):
            parser.addoption("--device", default="cpu")
            parser.addini("myini", "mine")
        """
    )
    pytester.makepyfile(
        """
        import sys
        import pytest

        @pytest.mark.repro
        def test_it(request, tmp_path, repro):
            assert request.config.getoption("--device") == "cuda"
            assert request.config.getini("myini") == "7"
            assert repro.seed == 5
            return [request.node.nodeid, sys.flags.dev_mode]
        """
    )
    suite("--repro-seed=5", "-k", "test_it", "-x", "--lf").assert_outcomes(passed=1)


@pytest.mark.torch
@pytest.mark.slow
def test_a_training_test_names_step_part_and_tensor(pytester: pytest.Pytester, suite: Suite) -> None:
    pytester.makeconftest(seen(pytester))
    pytester.makepyfile(
        """
        from conftest import seen
        import pytest
        import torch

        def train(fault):
            torch.manual_seed(0)
            model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
            optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
            x, y = torch.randn(16, 4), torch.randn(16, 1)
            for step in range(1, 7):
                if fault == "data" and step == 3:
                    x = x * (1 + 1e-6 * seen())
                loss = (model(x) - y).square().mean()
                optimizer.zero_grad()
                loss.backward()
                if fault == "gradient" and step == 4:
                    model[2].weight.grad *= 1 + 1e-5 * seen()
                optimizer.step()
            return model

        @pytest.mark.repro(policy="deterministic")
        def test_sound(repro):
            assert torch.are_deterministic_algorithms_enabled()
            return train(None)

        @pytest.mark.repro
        def test_data():
            return train("data")

        @pytest.mark.repro
        def test_gradient(repro):
            repro.check("weights", train("gradient"))
        """
    )
    result = suite()
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        ["RPK060: the runs of this test differ: step 3, batch*",
         "*first: steps 1-2 equal; step 3: the batch*(data order)*",
         "*the return value: *run 1 *run 2 *max abs *ulp*", "*likely cause: data order*", "*what to do: *"]
    )  # fmt: skip
    result.stdout.fnmatch_lines(
        ["RPK060: the runs of this test differ: step 4, gradients of 2.weight",
         "*first: steps 1-3 equal; step 4: gradients of 2.weight differ (backward numerics)*",
         "*check 'weights': *weight*", "*likely cause: backward numerics", "*what to do: mark it repro(policy=*"]
    )  # fmt: skip


def test_explicit_steps_of_a_numpy_loop_are_compared(pytester: pytest.Pytester, suite: Suite) -> None:
    pytester.makeconftest(seen(pytester))
    pytester.makepyfile(
        """
        from conftest import seen
        import numpy as np
        import pytest

        def descend(repro, fault):
            weights = np.ones(3)
            with repro.record() as run:
                for step in range(1, 6):
                    weights = weights - 0.1 * weights
                    if fault and step == 3:
                        weights = weights + 1e-9 * seen()
                    run.step(loss=float((weights**2).sum()), weights=weights)

        @pytest.mark.repro
        def test_sound(repro):
            descend(repro, False)

        @pytest.mark.repro
        def test_fault(repro):
            descend(repro, True)
        """
    )
    result = suite()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["RPK060: the runs of this test differ: step 3, *", "*first: steps 1-2 equal; step 3: *"]
    )


def test_the_outer_session_is_not_changed(
    pytester: pytest.Pytester, suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The temporary directories of the runs are gone, and no process of ours is left."""
    pytester.makepyfile("import pytest\n@pytest.mark.repro\ndef test_it():\n    return 1\n")
    pytester.mkdir("temporary")
    monkeypatch.setenv("TMPDIR", str(pytester.path / "temporary"))
    suite().assert_outcomes(passed=1)
    assert not list((pytester.path / "temporary").iterdir())
    assert {path.name for path in pytester.path.iterdir()} <= {
        "test_the_outer_session_is_not_changed.py", ".pytest_cache", "__pycache__", "stdout", "stderr",
        "runpytest-0", "runpytest-current", "temporary",
    }  # fmt: skip
