"""Every error and warning that reprokit can utter: a stable code, what to do about it, and the exit status.

Codes are never reused. The exit statuses are a contract with scripts and CI systems:
0 target met, 1 target not met, 2 usage, 3 cannot be established here, 4 corrupt or untrusted bundle, 130 interrupted.
"""

from __future__ import annotations

from enum import IntEnum

from reprokit.errors.entry import Entry
from reprokit.errors.of_api import API
from reprokit.errors.of_checks import CHECKS
from reprokit.errors.of_datasets import DATASETS
from reprokit.errors.of_files import FILES
from reprokit.errors.of_lineage import LINEAGE
from reprokit.errors.of_lint import LINT
from reprokit.errors.of_plugin import PLUGIN
from reprokit.errors.of_policies import POLICIES
from reprokit.errors.of_prices import PRICES
from reprokit.errors.of_ranks import RANKS
from reprokit.errors.of_reports import REPORTS
from reprokit.errors.of_runs import RUNS
from reprokit.errors.of_standards import STANDARDS

__all__ = ["CATALOGUE", "CorruptBundleError", "Entry", "Exit", "ReprokitError", "UnverifiedError", "UsageError"]

CATALOGUE: dict[str, Entry] = {
    **RUNS,
    **API,
    **REPORTS,
    **PLUGIN,
    **CHECKS,
    **LINT,
    **FILES,
    **POLICIES,
    **RANKS,
    **PRICES,
    **LINEAGE,
    **DATASETS,
    **STANDARDS,
}
"""Every code. A part's entries stand in a file of their own beside this one, in one block of numbers."""


class Exit(IntEnum):
    """Exit statuses of every verb."""

    MET = 0
    NOT_MET = 1
    USAGE = 2
    UNVERIFIED = 3
    CORRUPT = 4
    INTERRUPTED = 130


class ReprokitError(Exception):
    """Base of every error raised on purpose.

    Args:
        code: a key of `CATALOGUE`, for example ``"RPK022"``.
        message: what happened, to what, and why.
        hint: what the reader can do now; the catalogue's remedy stands in for an empty one.
    """

    exit_status = Exit.NOT_MET

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        # All arguments go to Exception so that the error survives pickling between processes.
        super().__init__(code, message, hint)
        self.code = code
        self.message = message
        self.hint = hint or (CATALOGUE[code].remedy if code in CATALOGUE else "")

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class UsageError(ReprokitError):
    """The command line, the configuration or a path given by the user is wrong."""

    exit_status = Exit.USAGE


class UnverifiedError(ReprokitError):
    """A verdict cannot be established on this machine or from this bundle."""

    exit_status = Exit.UNVERIFIED


class CorruptBundleError(ReprokitError):
    """The bundle is damaged, hostile, from a newer version, or not trusted."""

    exit_status = Exit.CORRUPT
