"""Under pytest-xdist: what tests show comes home, once, and workers agree on the seed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Suite = Callable[..., pytest.RunResult]

TEST = """
import os, random
import pytest

@pytest.mark.repro
@pytest.mark.parametrize("n", range(3))
def test_sound(n, repro):
    repro.check("n", n)
    return repro.seed, "PYTEST_XDIST_WORKER" in os.environ

@pytest.mark.repro
def test_fault():
    print("from the inside")
    return random.random()

def test_plain():
    pass
"""


@pytest.mark.parametrize(
    ("plugins", "arguments"),
    [(("xdist",), ("-n0",)), (("xdist",), ("-n2",)), (("xdist",), ("-p", "no:xdist")), ((), ())],
    ids=["n0", "n2", "no-xdist", "absent"],
)
def test_the_same_is_shown(
    pytester: pytest.Pytester, suite: Suite, plugins: tuple[str, ...], arguments: tuple[str, ...]
) -> None:
    pytester.makepyfile(test_a=TEST)
    if "no:xdist" in arguments:
        plugins = ()
    result = suite(*arguments, "--repro-report=json=report.json", "--repro-seed=9", plugins=plugins)
    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines(["reprokit: check, seed 9, level full, fingerprint *"])
    result.stdout.fnmatch_lines(
        ["RPK060: the runs of this test differ: the return value", "*likely cause: random draws*", "*from the inside*",
         "4 tests: 3 bitwise, 1 re-runnable", "slowest: *", "  again: pytest test_a.py::test_fault*",
         "FAILED test_a.py::test_fault - RPK060*"]
    )  # fmt: skip
    items = json.loads((pytester.path / "report.json").read_text())["items"]
    assert [(item["nodeid"], item["tier"]) for item in items] == [
        ("test_a.py::test_fault", "re-runnable"), *((f"test_a.py::test_sound[{n}]", "bitwise") for n in range(3))
    ]  # fmt: skip


def test_a_drawn_seed_is_one_for_all_workers(pytester: pytest.Pytester, suite: Suite) -> None:
    pytester.makepyfile(
        test_a=f"""
        import os, pathlib
        import pytest

        @pytest.mark.parametrize("n", range(6))
        def test_it(n, repro):
            path = pathlib.Path({str(pytester.path)!r}, f"{{os.environ['PYTEST_XDIST_WORKER']}}-{{n}}.seed")
            path.write_text(str(repro.seed))
        """
    )
    result = suite("-n2", "--repro-seed=random", plugins=("xdist",))
    result.assert_outcomes(passed=6)
    seeds = {path.read_text() for path in pytester.path.glob("*.seed")}
    assert len(seeds) == 1
    result.stdout.fnmatch_lines([f"reprokit: check, seed {seeds.pop()}, *"])


def test_a_wrong_marker_fails_its_test(pytester: pytest.Pytester, suite: Suite) -> None:
    pytester.makepyfile("import pytest\n@pytest.mark.repro(teir=1)\ndef test_it(): pass\n")
    result = suite("-n2", plugins=("xdist",))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["RPK061: *: argument of the repro marker: 'teir' is none of *"])
