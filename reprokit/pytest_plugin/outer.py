"""Takes a marked test over: its body runs in fresh processes only, and what these show is judged here."""

from __future__ import annotations

import shlex
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from reprokit.errors import ReprokitError
from reprokit.pytest_plugin.ending import check_ending, first_failure
from reprokit.pytest_plugin.failure import MarkedTestError, crash_report
from reprokit.pytest_plugin.marker import read_marker
from reprokit.pytest_plugin.reports.outcomes import attach

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reprokit.pytest_plugin.marker import Marker
    from reprokit.pytest_plugin.process import Ended

_DIVERGED = pytest.StashKey[MarkedTestError]()


def take_over(config: pytest.Config, items: Sequence[pytest.Item]) -> None:
    """Replaces what marked items do when they are run.

    Raises:
        pytest.UsageError: RPK061, a marker is wrong.
    """
    for item in items:
        try:
            takeover = _Takeover(config, item, read_marker(item))
        except pytest.UsageError as error:
            if not hasattr(config, "workerinput"):
                raise
            _refuse(item, str(error))  # a worker that ends early makes xdist fall over its own assertion
            continue
        # On the instance: no fixture is set up out here, and a rerun comes back to the same object.
        item.setup = item.teardown = _nothing  # type: ignore[method-assign]
        item.runtest = takeover.runtest  # type: ignore[method-assign]
        item.repr_failure = takeover.repr_failure  # type: ignore[method-assign]


def _refuse(item: pytest.Item, message: str) -> None:
    def runtest() -> None:
        pytest.fail(message, pytrace=False)

    item.setup = item.teardown = _nothing  # type: ignore[method-assign]
    item.runtest = runtest  # type: ignore[method-assign]


def _nothing() -> None:
    """Fixtures are set up, and torn down, in the fresh processes."""


class _Takeover:
    """What a marked item does instead of its body."""

    def __init__(self, config: pytest.Config, item: pytest.Item, marker: Marker) -> None:
        self._config = config
        self._item = item
        self._marker = marker
        self._repr_failure = item.repr_failure

    def runtest(self) -> None:
        """Runs the test in fresh processes.

        Raises:
            MarkedTestError: it failed, in its own right or because its runs differ.
        """
        known = self._item.stash.get(_DIVERGED, None)
        if known is not None:
            raise known  # a rerun proves nothing: the runs did differ
        top = Path(tempfile.mkdtemp(prefix="reprokit-pytest-"))
        try:
            self._run(top)
        except MarkedTestError as error:
            if error.diverged:
                self._item.stash[_DIVERGED] = error
            raise
        except ReprokitError as error:
            failure = MarkedTestError(error.code, f"{error.message}\n  what to do: {error.hint}", status="unverified")
            attach(self._item, self._outcome(failure))
            raise failure from error
        finally:
            shutil.rmtree(top, ignore_errors=True)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:  # noqa: ARG002
        """Our failures as text; the test's own as it was shown in its process."""
        error = excinfo.value
        if not isinstance(error, MarkedTestError):
            return self._repr_failure(excinfo)
        if error.longrepr is not None:
            return error.longrepr
        path, line, _ = self._item.location
        return crash_report(str(error), path, (line or 0) + 1)

    def _run(self, top: Path) -> None:
        from reprokit.pytest_plugin.process import run_once

        ended: list[Ended] = []
        try:
            for number in range(1, self._marker.runs + 1):
                ended.append(run_once(self._item, self._marker, top, number))
                check_ending(self._item, self._marker, ended[-1])
                if len(ended) >= 2 and first_failure(ended) is not None:
                    break  # failing tests are run twice, to tell a failure from a divergence
                if len(ended) == 1 and self._skipped(ended[0]):
                    break
            self._conclude(ended)
        except MarkedTestError as error:
            self._show(ended, error.run)
            attach(self._item, self._outcome(error))
            raise

    def _skipped(self, run: Ended) -> bool:
        assert run.result is not None
        return any(report["outcome"] == "skipped" for report in run.result["reports"])

    def _conclude(self, ended: list[Ended]) -> None:
        """Turns what the runs showed into the outcome of the item."""
        from reprokit.pytest_plugin.agreed import hold_against_baseline
        from reprokit.pytest_plugin.ending import raise_outcome
        from reprokit.pytest_plugin.judging import judge_runs
        from reprokit.pytest_plugin.message import divergence_failure

        raise_outcome(ended)
        option = self._config.option
        judged = judge_runs(ended, self._marker.tier, self._config.rootpath, option.repro_level)
        failure = divergence_failure(judged, self._marker, self.command(), option.repro_seed)
        if failure is not None:
            raise failure
        note = hold_against_baseline(self._item, ended[0])
        self._show(ended, 1)
        attach(
            self._item,
            {
                "kind": "marker", "status": "verified", "tier": str(judged.judgement.tier), "target": self._marker.tier,
                "reason": "; ".join(filter(None, (judged.judgement.reason, note))), "command": self.command(),
            },
        )  # fmt: skip

    def _show(self, ended: list[Ended], number: int) -> None:
        """What one run printed and noted becomes the item's."""
        run = next((one for one in ended if one.number == number), None)
        if run is None or run.result is None or not run.result["reports"]:
            return
        last = run.result["reports"][-1]  # it has what the phases before it had
        for title, text in last["sections"]:
            _captured, _, rest = title.partition(" ")
            key, _, when = rest.rpartition(" ")
            self._item.add_report_section(when, key, text)
        self._item.user_properties += [(name, value) for name, value in last["user_properties"]]

    def _outcome(self, error: MarkedTestError) -> dict[str, Any]:
        return {
            "kind": "marker", "status": error.status, "tier": error.tier, "target": self._marker.tier,
            "code": error.code, "reason": str(error).partition("\n")[0].removeprefix(f"{error.code}: "),
            "divergence": error.divergence, "command": self.command(),
        }  # fmt: skip

    def command(self) -> str:
        """A command to paste that runs this test alone, again."""
        option = self._config.option
        words = ["pytest", self._item.nodeid]
        if self._config.option.repro_seed:
            words.append(f"--repro-seed={option.repro_seed}")
        return " ".join(map(shlex.quote, words))
