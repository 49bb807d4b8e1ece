"""``--repro-prune``: deletes baselines that no test uses, after a run that has shown all tests and only then.

Each test's last report carries which checks it made (an attribute, which xdist brings home with the report). The
process that sees all reports deletes; workers only say what they left out.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from reprokit.pytest_plugin.checks import USED, place, shared_directory

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

NAME = "reprokit-pruning"
_CARRIED = "reprokit_used"
_OUTPUT = "reprokit_left_out"
_NOT_OURS = {"node_modules", "venv"}
_SELECTING = {
    "keyword": "-k", "markexpr": "-m", "lf": "--last-failed", "stepwise": "--stepwise", "deselect": "--deselect",
    "ignore": "--ignore", "ignore_glob": "--ignore-glob", "collectonly": "--collect-only",
    "repro_due": "--repro-due",
}  # fmt: skip


def activate(config: pytest.Config) -> None:
    """Registers the pruner."""
    config.pluginmanager.register(Pruner(config), NAME)


def selection(config: pytest.Config) -> str:
    """Why a run cannot be complete, from its options alone; empty where it can."""
    for option, spelt in _SELECTING.items():
        if getattr(config.option, option, None):
            return f"{spelt} left tests out"
    given = config.args_source is pytest.Config.ArgsSource.ARGS
    for argument in config.args if given else ():
        if not Path(config.invocation_params.dir, argument).is_dir():
            return f"{argument!r} is no directory, so other tests were left out"
    if given and shared_directory(config):
        return "only a part of the tests was asked for, and files of several directories share their baselines"
    return ""


class Pruner:
    """Gathers what tests used, and prunes at the end."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._worker = hasattr(config, "workerinput")
        self._why_not = ""
        self._used: dict[str, set[str]] = {}
        self._spared: set[str] = set()
        self._seen: set[str] = set()
        self._skipped_files: set[str] = set()
        self._lines: list[str] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Lets the last report of a test carry what it used."""
        report = yield
        if call.when == "teardown":
            setattr(report, _CARRIED, item.stash.get(USED, None))
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Notes what a test used; one that did not pass may have checked less than it would have."""
        self._seen.add(report.nodeid)
        if not report.passed or hasattr(report, "wasxfail"):
            self._spared.add(report.nodeid)
        used: dict[str, Any] | None = getattr(report, _CARRIED, None)
        if used is not None:
            self._used.setdefault(used["file"], set()).update(used["names"])

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that could not be collected, or skips itself, says nothing of its baselines."""
        if report.failed:
            self._why_not = f"{report.nodeid or 'a file'} could not be collected"
        elif report.skipped:
            self._skipped_files.add(report.nodeid)

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        """A plugin or a conftest left tests out."""
        self._why_not = self._why_not or f"{len(items)} tests were deselected"

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Takes what an xdist worker left out."""
        left: dict[str, Any] = getattr(node, "workeroutput", {}).get(_OUTPUT) or {"why_not": "a worker was lost"}
        self._why_not = self._why_not or left["why_not"]
        self._skipped_files.update(left.get("files", ()))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Prunes, if all tests have run."""
        if self._worker:
            config: Any = self._config
            config.workeroutput[_OUTPUT] = {"why_not": self._why_not, "files": sorted(self._skipped_files)}
            return
        stopped = session.shouldstop or session.shouldfail or int(exitstatus) not in {0, 1}
        why_not = selection(self._config) or self._why_not or ("the run was stopped" if stopped else "")
        if why_not or not self._seen:
            self._lines = [f"no baseline was pruned: {why_not or 'no test ran'}"]
            return
        self._lines = self._prune()

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Says what was deleted, or why nothing was."""
        if self._lines:
            terminalreporter.section("reprokit: unused baselines")
            for line in self._lines:
                terminalreporter.write_line(line)

    def _prune(self) -> list[str]:
        from reprokit.checks.pruning import prune
        from reprokit.errors import ReprokitError

        used = {Path(file): names for file, names in self._used.items()}
        spared = {self._file(nodeid) for nodeid in self._spared}
        directories = set(self._directories())
        try:
            done = prune(directories, used, spared | set(self._of_skipped_files(directories)))
        except ReprokitError as error:
            return [f"baselines were not pruned to the end: {error}", error.hint]
        lines = [f"deleted {self._shown(path)}: no test uses it" for path in done.files]
        lines += [f"{self._shown(path)}: deleted {', '.join(names)}" for path, names in done.checks.items()]
        lines += [f"deleted {self._shown(path)}" for path in done.arrays]
        return lines or ["all baselines are in use"]

    def _directories(self) -> Iterator[Path]:
        """Where baselines of the tests that ran lie, and of those beside them that are gone."""
        for nodeid in self._seen:
            yield self._file(nodeid).parent
        if shared_directory(self._config):
            return
        given = str(self._config.getini("repro_baselines") or "__repro__")
        for argument in self._config.args:
            for folder, inside, _ in os.walk(Path(self._config.invocation_params.dir, argument)):
                inside[:] = [name for name in inside if not name.startswith(".") and name not in _NOT_OURS]
                if Path(folder).name == given:
                    yield Path(folder)

    def _file(self, nodeid: str) -> Path:
        from reprokit.checks.store import file_name

        directory, test = place(self._config, nodeid, self._config.rootpath / nodeid.partition("::")[0])
        return directory / file_name(test)

    def _of_skipped_files(self, directories: set[Path]) -> Iterator[Path]:
        from reprokit.checks.store import test_of

        for nodeid in self._skipped_files:
            directory, test = place(self._config, nodeid, self._config.rootpath / nodeid)
            if directory in directories:
                yield from (p for p in directory.glob("*.json") if str(test_of(p)).startswith(f"{test}::"))

    def _shown(self, path: Path) -> str:
        return str(path.relative_to(self._config.rootpath)) if path.is_relative_to(self._config.rootpath) else str(path)
