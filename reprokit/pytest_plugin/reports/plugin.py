"""The hooks that gather outcomes: on workers they travel with the test reports, on the controller they are written."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from reprokit.errors import ReprokitError
from reprokit.pytest_plugin.due_hooks import activate_due
from reprokit.pytest_plugin.given import given
from reprokit.pytest_plugin.reports.destinations import Destination, read_destinations
from reprokit.pytest_plugin.reports.junit import add_to_suite, add_to_test, names_of
from reprokit.pytest_plugin.reports.outcomes import attached, is_worker, outcome_of, transfer

if TYPE_CHECKING:
    from collections.abc import Generator

NAME = "reprokit-reports"


def activate(config: pytest.Config) -> None:
    """Registers the hooks; called from ``pytest_configure``.

    Raises:
        pytest.UsageError: RPK091, a report option or the names of the JUnit properties are wrong.
    """
    try:
        wanted = read_destinations(_option(config), config.invocation_params.dir)
        names_of(config)
    except ReprokitError as error:
        raise pytest.UsageError(f"{error}\n{error.hint}") from None
    reports = Reports(config, [] if is_worker(config) else wanted)
    config.pluginmanager.register(reports, NAME)
    activate_due(config, reports)


def reports_of(config: pytest.Config) -> Reports | None:
    """The session's reports, where the hooks are registered."""
    found = config.pluginmanager.get_plugin(NAME)
    return found if isinstance(found, Reports) else None


def _option(config: pytest.Config) -> list[str]:
    stored: Any = given(config, "repro_report", [])
    return stored.split() if isinstance(stored, str) else [str(value) for value in stored]


class Reports:
    """The outcomes of a session.

    Attributes:
        outcomes: one a test, the latest of reruns.
        not_due: bundles that ``--repro-due`` left out.
        facts: what holds for the whole session: seed, level, fingerprint.
        now: when the session began, in seconds since 1970; the same on every worker, which must collect alike.
    """

    def __init__(self, config: pytest.Config, destinations: list[Destination]) -> None:
        self.config = config
        self.destinations = destinations
        self.outcomes: dict[str, dict[str, Any]] = {}
        self.not_due: list[str] = []
        self.facts: dict[str, Any] = {}
        self.now: float = getattr(config, "workerinput", {}).get("reprokit_now", time.time())
        self.lines: list[str] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Puts the outcome onto the report, outside of every hook that may change a pass into a failure."""
        del call
        report = yield
        transfer(item, report)
        if report.when == "teardown":  # the report whose properties go into the JUnit file
            add_to_test(self.config, report, attached(item) or {})
        return report

    @pytest.hookimpl(tryfirst=True)  # before the JUnit file is closed over a test
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Gathers; called on the controller for the reports of its workers, too."""
        outcome = outcome_of(report)
        if outcome is not None and not is_worker(self.config):
            self.outcomes[report.nodeid] = outcome

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Writes what was asked for; a report that cannot be written fails the session."""
        if is_worker(self.config):
            self.config.workeroutput["reprokit_not_due"] = self.not_due  # type: ignore[attr-defined]
            return
        if self.not_due and exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            session.exitstatus = pytest.ExitCode.OK  # nothing is due: that is what was asked, and no mistake
        add_to_suite(self.config, self.outcomes.values())
        if self.destinations:
            self._write(session)

    def _write(self, session: pytest.Session) -> None:
        from reprokit.pytest_plugin.reports.writing import session_report, write_reports

        mode = str(given(self.config, "repro", "check"))
        try:
            report = session_report(self.outcomes.values(), self.not_due, mode, self.facts)
            self.lines += write_reports(report, self.destinations)
        except ReprokitError as error:
            self.lines.append(f"error {error.code}: {error.message}. {error.hint}")
            session.exitstatus = session.exitstatus or pytest.ExitCode.INTERNAL_ERROR

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Says where the reports are, and what was not due."""
        if self.not_due:
            names = ", ".join(sorted(self.not_due)[:5]) + (", …" if len(self.not_due) > 5 else "")
            count = f"{len(self.not_due)} bundle{'' if len(self.not_due) == 1 else 's'}"
            terminalreporter.write_line(f"reprokit: {count} not due, left out by --repro-due: {names}")
        for line in self.lines:
            terminalreporter.write_line(line if line.startswith("::") else f"reprokit: {line}")

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """xdist: gives every worker the same time, so that all find the same bundles due."""
        node.workerinput["reprokit_now"] = self.now

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """xdist: takes home what a worker left out; they all left out the same."""
        self.not_due = list(getattr(node, "workeroutput", {}).get("reprokit_not_due", self.not_due))
