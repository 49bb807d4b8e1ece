"""How the fresh processes of a test ended: passed, failed, skipped, or not as a test ends at all."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

from reprokit.errors import CATALOGUE
from reprokit.observe.reading import broken_starts, read_processes
from reprokit.policy.policies import BUILT_IN, calls_of
from reprokit.pytest_plugin.failure import MarkedTestError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reprokit.pytest_plugin.marker import Marker
    from reprokit.pytest_plugin.process import Ended

_STRICT_XPASS = "[XPASS(strict)]"
_DISPLAY = ("no display name", "cannot open display", "could not connect to display", "$DISPLAY")


def check_ending(item: pytest.Item, marker: Marker, run: Ended) -> None:
    """Checks that a process ran its test to an end.

    Raises:
        MarkedTestError: RPK062 it went away; RPK063 the test is not there; RPK064 it took too long; RPK067 its file
            cannot be collected; RPK068 the policy was not applied.
    """
    if run.outcome.timed_out:
        message = f"run {run.number} of this test was still going after {marker.timeout:g} s and was stopped"
        raise _unverified("RPK064", message, run.tail(), run.number)
    if run.result is None:
        message = f"the fresh process of run {run.number} {_how(run)} before its test had ended"
        raise _unverified("RPK062", message, run.tail(), run.number)
    if run.result["collection"]:
        message = f"{item.path.name} cannot be collected in a fresh process (run {run.number})"
        raise _unverified("RPK067", message, "\n".join(run.result["collection"]), run.number)
    if not run.result["reports"]:
        near = run.result["near"]
        ids = "".join(f"\n    {name}" for name in near or ())
        message = f"run {run.number} did not find {item.nodeid} in its file"
        raise _unverified("RPK063", message, f"ids that it found instead:{ids}" if near else run.tail(), run.number)
    _check_policy(marker, run)


def _check_policy(marker: Marker, run: Ended) -> None:
    if marker.policy == "recorded" or not calls_of(BUILT_IN[marker.policy]):
        return
    processes = read_processes(run.room / "recording")
    reasons = [*broken_starts(run.room / "recording"), *(text for one in processes for text in one.disabled.values())]
    if not processes or reasons:
        message = f"the policy {marker.policy!r} was not applied in run {run.number}"
        raise _unverified("RPK068", message, "\n".join(reasons), run.number)


def _unverified(code: str, message: str, more: str, run: int) -> MarkedTestError:
    text = f"{message}\n  what to do: {CATALOGUE[code].remedy}"
    return MarkedTestError(code, f"{text}\n{more}" if more else text, status="unverified", run=run)


def _how(run: Ended) -> str:
    if run.outcome.signal is not None:
        try:
            name = signal.Signals(run.outcome.signal).name
        except ValueError:
            name = str(run.outcome.signal)
        return f"was ended by {name}"
    return f"ended with status {run.outcome.status} (os._exit, or a crash)"


def ending_of(run: Ended) -> str:
    """``passed``, ``failed``, ``skipped``, ``xfailed``; a strict XPASS counts as passed, and is judged out here."""
    assert run.result is not None
    answer = "passed"
    for report in run.result["reports"]:
        if report["outcome"] == "failed" and not str(report["longrepr"]).startswith(_STRICT_XPASS):
            return "failed"
        if report["outcome"] == "skipped":
            answer = "xfailed" if "wasxfail" in report else "skipped"
    return answer


def first_failure(runs: Sequence[Ended]) -> Ended | None:
    """The first run that failed or was expected to."""
    return next((run for run in runs if ending_of(run) in ("failed", "xfailed")), None)


def raise_outcome(runs: Sequence[Ended]) -> None:
    """Raises what a test that did not pass raises; returns if all runs passed.

    Raises:
        MarkedTestError: RPK066, the runs ended differently; else the test's own failure, in its own words.
    """
    endings = {run.number: ending_of(run) for run in runs}
    if len(set(endings.values())) > 1:
        _raise_uneven(runs, endings)
    report = _report(runs[0], endings[1])
    if endings[1] == "failed":
        raise MarkedTestError("", report.longreprtext, longrepr=_with_hint(report.longrepr))
    if endings[1] == "skipped":
        raise pytest.skip.Exception(_reason(report), _use_item_location=True)  # not the place of this line
    if endings[1] == "xfailed":
        pytest.xfail(str(report.wasxfail).removeprefix("reason: "))


def _with_hint(longrepr: Any) -> Any:
    """A failure for want of a display gets a line more: out of the box a CI machine has none."""
    if any(word in str(longrepr) for word in _DISPLAY) and hasattr(longrepr, "addsection"):
        longrepr.addsection("reprokit", "The fresh process has the display of this one: none. Try `xvfb-run pytest`.")
    return longrepr


def _raise_uneven(runs: Sequence[Ended], endings: dict[int, str]) -> None:
    shown = next(run for run in runs if endings[run.number] != "passed")
    report = _report(shown, endings[shown.number])
    said = ", ".join(f"run {number} {ending}" for number, ending in endings.items())
    message = (
        f"the runs of this test end differently: {said}\n  what to do: {CATALOGUE['RPK066'].remedy}\n"
        f"--- run {shown.number} ---\n{report.longreprtext or _reason(report)}"
    )
    raise MarkedTestError("RPK066", message, tier="none", divergence=said, diverged=True, run=shown.number)


def _report(run: Ended, ending: str) -> pytest.TestReport:
    """The report that speaks for a run."""
    assert run.result is not None
    wanted = {"passed": "passed", "failed": "failed"}.get(ending, "skipped")
    data = next(report for report in run.result["reports"] if report["outcome"] == wanted)
    return pytest.TestReport._from_json(dict(data))


def _reason(report: pytest.TestReport) -> str:
    longrepr = report.longrepr
    text = longrepr[2] if isinstance(longrepr, (tuple, list)) and len(longrepr) == 3 else str(longrepr)
    return str(text).removeprefix("Skipped: ")
