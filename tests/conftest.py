"""What tests of every kind share: the command line as a user has it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Generator

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

# Laws are not timed: on a busy machine an example takes longer than 200 ms now and then. What Hypothesis does in CI
# (the same examples each time) stays as it is.
settings.register_profile("untimed", settings.default, deadline=None)
settings.load_profile("untimed")

# A project of its own, which a page of the documentation works in.
collect_ignore = ["sample_project"]


@dataclass(frozen=True)
class Finished:
    """How a `reprokit` command ended."""

    status: int
    stdout: bytes
    stderr: bytes

    @property
    def json(self) -> Any:
        """Its JSON document."""
        return json.loads(self.stdout)

    @property
    def text(self) -> str:
        """Everything it said, for messages and searches."""
        return (self.stdout + self.stderr).decode("utf-8", "replace")


class CommandLine:
    """The installed `reprokit` command in an environment that is the same everywhere."""

    program = str(Path(sys.executable).parent / "reprokit")

    def __init__(self, home: Path) -> None:
        self.home = home

    def environment(self, **changes: str | None) -> dict[str, str]:
        """An environment without what would colour or redirect a test; None removes a variable."""
        dropped = ("PYTHON", "REPROKIT", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "PYTEST", "GIT_")
        plain = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
        plain |= {
            "REPROKIT_HOME": str(self.home),
            "OMP_NUM_THREADS": "1",
            "OMP_WAIT_POLICY": "PASSIVE",
            "COLUMNS": "100",
        }
        plain |= {name: value for name, value in changes.items() if value is not None}
        return {name: value for name, value in plain.items() if changes.get(name, "") is not None}

    def __call__(
        self, *arguments: str | bytes | Path, cwd: Path, env: dict[str, str | None] | None = None,
        timeout: float = 180, stdin: bytes = b"",
    ) -> Finished:  # fmt: skip
        """Runs one command to its end."""
        done = subprocess.run(
            [self.program, *arguments], cwd=cwd, env=self.environment(**(env or {})), input=stdin,
            capture_output=True, timeout=timeout, check=False,
        )  # fmt: skip
        return Finished(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def reprokit(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """The command line, with a state directory of its own."""
    return CommandLine(tmp_path_factory.mktemp("reprokit-home"))


def pytest_itemcollected(item: pytest.Item) -> None:
    """A test that trains with the heavy frameworks is slow."""
    if item.get_closest_marker("frameworks"):
        item.add_marker("slow")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--no-skips`, for a run that has installed everything."""
    parser.addoption("--no-skips", action="store_true", help="a test or module that is skipped has failed")


def _unskipped(config: pytest.Config, report: Report) -> Report:
    if config.getoption("--no-skips") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"--no-skips: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A module that needs what is not installed is an error where everything should be."""
    return _unskipped(collector.config, (yield))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """So is a test."""
    return _unskipped(item.config, (yield))
