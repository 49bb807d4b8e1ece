"""What a test showed, on its way from the item to the reports.

Under xdist the two are in different processes. A test report crosses as JSON-like values, custom attributes included
(``TestReport._to_json`` takes its whole ``__dict__``), so the outcome travels as ``report.reprokit``. It is no entry of
``user_properties``, because pytest writes those into JUnit files, where the schema of ``junit_family=xunit2`` forbids
them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEY = pytest.StashKey[dict[str, Any]]()
ATTRIBUTE = "reprokit"
_RANKS = ("none", "re-runnable", "metric-close", "bitwise")


def attach(item: pytest.Item, outcome: Mapping[str, Any]) -> None:
    """Notes what a test showed; where it shows several things, the worst one stays.

    Args:
        item: the test.
        outcome: fields of `reprokit.schema.session.ItemOutcome` as JSON values: ``kind``, ``status``, ``tier``,
            ``target``, ``code``, ``reason``, ``divergence``, ``command`` and so on. What pytest knows is filled in.
    """
    before = item.stash.get(_KEY, None)
    after = dict(outcome)
    if before is None or _badness(after) >= _badness(before):
        item.stash[_KEY] = after


def transfer(item: pytest.Item, report: pytest.TestReport) -> dict[str, Any] | None:
    """Puts an item's outcome onto its report; returns it, or None where the item has none or has not run yet."""
    found = item.stash.get(_KEY, None)
    if found is None or (report.when != "call" and report.outcome == "passed"):
        return None
    file, line, _name = report.location
    known = {"nodeid": report.nodeid, "file": file, "duration_s": report.duration, "outcome": report.outcome}
    outcome = {"line": None if line is None else line + 1, **found, **known}
    setattr(report, ATTRIBUTE, outcome)
    return outcome


def attached(item: pytest.Item) -> dict[str, Any] | None:
    """What `attach` noted of an item."""
    return item.stash.get(_KEY, None)


def outcome_of(report: pytest.TestReport) -> dict[str, Any] | None:
    """The outcome that a report carries."""
    found = getattr(report, ATTRIBUTE, None)
    return found if isinstance(found, dict) else None


def is_worker(config: pytest.Config) -> bool:
    """Whether this process is an xdist worker."""
    return hasattr(config, "workerinput")


def _badness(outcome: Mapping[str, Any]) -> int:
    """-1 for what claims no tier and found nothing, 0 for bitwise to 3 for none, 4 for a failure without a tier."""
    tier = outcome.get("tier")
    if outcome.get("status") == "unverified" or (tier is None and outcome.get("code")):
        return 4
    return -1 if tier is None else len(_RANKS) - 1 - _RANKS.index(str(tier))
