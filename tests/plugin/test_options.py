"""The options and their ini twins, one test each; what is misspelt is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Suite = Callable[..., pytest.RunResult]

COUNTED = """
import os, pathlib
import pytest

LOG = pathlib.Path({log!r})

@pytest.mark.repro
def test_it(repro):
    with LOG.open("a") as file:
        file.write(f"{{repro.seed}} {{os.environ.get('PYTHONHASHSEED')}}\\n")
    return 1
"""


def counted(pytester: pytest.Pytester) -> Callable[[], list[str]]:
    """A marked test that notes each of its runs; returns a function that gives the notes."""
    log = pytester.path / "log"
    pytester.makepyfile(COUNTED.format(log=str(log)))

    def notes() -> list[str]:
        lines = log.read_text().splitlines()
        log.unlink()
        return lines

    return notes


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        ("teir='bitwise'", "*::test_it: argument of the repro marker: 'teir' is none of *; did you mean 'tier'?"),
        ("tier='bitwize'", "*::test_it: tier: 'bitwize' is none of *; did you mean 'bitwise'?"),
        ("tier='none'", "*tier: 'none' is none of *"),
        ("runs=1", "*::test_it: runs=1; *from 2*"),
        ("runs='2'", "*runs='2'*"),
        ("runs=True", "*runs=True*"),
        ("policy='strict'", "*policy: 'strict' is none of recorded, deterministic*"),
        ("timeout=0", "*timeout=0*"),
        ("timeout=float('nan')", "*timeout=nan*"),
        ("'bitwise'", "*no positional arguments, but tier=, runs=, policy=, timeout=*"),
    ],
)  # fmt: skip
def test_a_wrong_marker_is_an_error(pytester: pytest.Pytester, suite: Suite, mark: str, said: str) -> None:
    pytester.makepyfile(f"import pytest\n@pytest.mark.repro({mark})\ndef test_it(): pass\n")
    result = suite()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: RPK061: " + said])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--repro=chekc"], "ERROR: RPK061: --repro: 'chekc' is none of check, record, off; did you mean 'check'?"),
        (["--repro-runs=1"], "*--repro-runs: '1' is no whole number from 2 to 1000"),
        (["--repro-level=all"], "*--repro-level: 'all' is none of full, budget, light, off"),
        (["--repro-seed=4294967296"], "*--repro-seed: '4294967296' is no whole number from 0 to 4294967295"),
        (["--repro-seed=-1"], "*--repro-seed*"),
        (["--repro-timeout=never"], "*--repro-timeout: 'never' is no positive number of seconds"),
        (["--repro-update", "--repro-update-new-only"], "*exclude each other"),
        (["--repro=off", "--repro-update"], "*--repro=off runs nothing*"),
        (["-o", "repro=chekc"], "*the ini key repro: 'chekc' is none of *"),
        (["-o", "repro_runs=x"], "*the ini key repro_runs: 'x' is no whole number*"),
        (["-o", "repro_runz=3"], "*unknown ini key 'repro_runz'; did you mean 'repro_runs'?"),
    ],
)
def test_a_wrong_value_is_an_error(pytester: pytest.Pytester, suite: Suite, arguments: list[str], said: str) -> None:
    pytester.makepyfile("def test_it(): pass\n")
    result = suite(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([said])


def test_an_unknown_key_in_the_file_is_an_error(pytester: pytest.Pytester, suite: Suite) -> None:
    pytester.makeini("[pytest]\nrepro_sed = 3\n")
    result = suite()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*unknown ini key 'repro_sed'; did you mean 'repro_seed'?", "Known keys: repro, *"])


def test_runs(pytester: pytest.Pytester, suite: Suite) -> None:
    notes = counted(pytester)
    suite().assert_outcomes(passed=1)
    assert len(notes()) == 2
    suite("--repro-runs=3").assert_outcomes(passed=1)
    assert len(notes()) == 3
    pytester.makeini("[pytest]\nrepro_runs = 4\n")
    suite().assert_outcomes(passed=1)
    assert len(notes()) == 4
    suite("--repro-runs=2").assert_outcomes(passed=1)
    assert len(notes()) == 2


def test_seed_is_the_same_in_every_run_and_the_hash_seed_is_not(pytester: pytest.Pytester, suite: Suite) -> None:
    notes = counted(pytester)
    suite().assert_outcomes(passed=1)
    assert notes() == ["0 0", "0 1"]
    result = suite("--repro-seed=4294967295")
    result.stdout.fnmatch_lines(["reprokit: check, seed 4294967295, level full, fingerprint *"])
    assert notes() == ["4294967295 4294967295", "4294967295 0"]
    pytester.makeini("[pytest]\nrepro_seed = 11\n")
    suite().assert_outcomes(passed=1)
    assert notes() == ["11 11", "11 12"]


def test_a_drawn_seed_is_shown_and_can_be_given_back(pytester: pytest.Pytester, suite: Suite) -> None:
    notes = counted(pytester)
    seeds = set()
    for _ in range(2):
        result = suite("--repro-seed=random")
        line = next(line for line in result.stdout.lines if line.startswith("reprokit: check, seed "))
        first, second = notes()
        assert first.split()[0] == second.split()[0]
        seeds.add(first.split()[0])
        assert f"seed {first.split()[0]}," in line
    assert len(seeds) == 2


def test_the_outer_hash_seed_holds_inside(
    pytester: pytest.Pytester, suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = counted(pytester)
    monkeypatch.setenv("PYTHONHASHSEED", "77")
    suite().assert_outcomes(passed=1)
    assert notes() == ["0 77"] * 2


def test_timeout(pytester: pytest.Pytester, suite: Suite) -> None:
    pytester.makeini("[pytest]\nrepro_timeout = 1.5\n")
    pytester.makepyfile("import pytest, time\n@pytest.mark.repro\ndef test_it(): time.sleep(60)\n")
    result = suite()
    result.stdout.fnmatch_lines(["RPK064: *after 1.5 s*"])
    result = suite("--repro-timeout=2")
    result.stdout.fnmatch_lines(["RPK064: *after 2 s*"])


def test_level_off_traces_no_step(pytester: pytest.Pytester, suite: Suite) -> None:
    """With the trace, a test that only steps has something to compare; without it, nothing."""
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.repro
        def test_it(repro):
            with repro.record() as run:
                run.step(loss=1.0)
        """
    )
    suite().assert_outcomes(passed=1)
    result = suite("--repro-level=off")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["RPK065: *"])


def test_help_and_markers_read_well(suite: Suite) -> None:
    shown = suite("--help").stdout.str()
    assert "reproducible tests (reprokit):" in shown
    for name in (
        "",
        "-runs",
        "-level",
        "-seed",
        "-timeout",
        "-update",
        "-update-new-only",
        "-prune",
        "-report",
        "-due",
    ):
        assert f"--repro{name}" in shown
    for key in ("repro (string):", "repro_runs (string):", "repro_seed (string):", "repro_baselines (string):"):
        assert key in shown
    suite("--markers").stdout.fnmatch_lines(
        ["@pytest.mark.repro(tier='bitwise', runs=2, policy='recorded', timeout=None): run *"]
    )


def test_the_options_are_these(suite: Suite) -> None:
    """Adding an option is a decision."""
    shown = suite("--help").stdout.str()
    found = {word.partition("=")[0] for word in shown.split() if word.startswith("--repro")}
    assert {name.strip(".,;:)'`") for name in found} == {
        "--repro", "--repro-runs", "--repro-level", "--repro-seed", "--repro-timeout", "--repro-update",
        "--repro-update-new-only", "--repro-prune", "--repro-report", "--repro-due", "--repro-trust", "--repro-verify",
    }  # fmt: skip


def test_silent_where_nothing_uses_it(pytester: pytest.Pytester, suite: Suite) -> None:
    pytester.makepyfile("def test_it(): pass\n")
    result = suite("-v")
    result.assert_outcomes(passed=1)
    lines = [line for line in result.stdout.lines if not line.startswith(("plugins:", "rootdir", "cachedir"))]
    assert "repro" not in "\n".join(lines)


def test_the_fixture_alone_shows_the_header(pytester: pytest.Pytester, suite: Suite) -> None:
    pytester.makepyfile("def test_it(repro):\n    assert repro.seed == 0\n")
    result = suite()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["reprokit: check, seed 0, level full, fingerprint *"])


def test_other_plugins_add_to_the_fingerprint(pytester: pytest.Pytester, suite: Suite) -> None:
    pytester.makepyfile("def test_it(repro): pass\n")
    plain = suite().stdout.str().partition("fingerprint ")[2].split()[0]
    pytester.makeconftest("def pytest_reprokit_fingerprint(config):\n    return {'kernels': 'v3'}\n")
    assert suite().stdout.str().partition("fingerprint ")[2].split()[0] != plain


def test_other_plugins_bring_adapters(pytester: pytest.Pytester, suite: Suite) -> None:
    """The adapter is imported in the fresh process once the framework is, and sees it before the test does."""
    pytester.makeconftest("def pytest_reprokit_adapters(config):\n    return {'tinyframe': 'tinyadapter'}\n")
    pytester.makepyfile(
        tinyframe="armed = False\n",
        tinyadapter="""
        class Adapter:
            def forked(self): pass
            def close(self): pass
            def stop(self): pass

        def arm(module, session):
            module.armed = True
            return Adapter()
        """,
        test_it="""
        import pytest

        @pytest.mark.repro
        def test_it():
            import tinyframe
            assert tinyframe.armed
            return 1

        def test_outside():
            import tinyframe
            assert not tinyframe.armed
        """,
    )
    suite("-o", "pythonpath=.").assert_outcomes(passed=2)
