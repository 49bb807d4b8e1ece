"""What the terminal is told: a header before the tests, a summary after them. Nothing where no test uses the plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHOWN_ALREADY = pytest.StashKey[bool]()
_ORDER = ("bitwise", "metric-close", "re-runnable", "none")
_SHOWN = 3


def header(config: pytest.Config) -> list[str]:
    """One line: mode, seed, trace level, and the fingerprint's short id."""
    from reprokit.pytest_plugin.checks import fingerprint
    from reprokit.pytest_plugin.reports.plugin import reports_of

    option = config.option
    facts = {"seed": option.repro_seed, "level": option.repro_level, "fingerprint": fingerprint(config).id}
    reports = reports_of(config)
    if reports is not None:
        reports.facts |= facts
    config.stash[_SHOWN_ALREADY] = True
    return [f"reprokit: {option.repro}, {', '.join(f'{name} {value}' for name, value in facts.items())}"]


def summarise(reporter: pytest.TerminalReporter, config: pytest.Config, outcomes: Mapping[str, Any]) -> None:
    """Counts per tier, the slowest tests, and a command that runs what failed again."""
    reporter.section("reprokit")
    if not config.stash.get(_SHOWN_ALREADY, False):  # xdist's controller collects nothing
        reporter.write_line(header(config)[0])
    for line in lines(list(outcomes.values())):
        reporter.write_line(line)
    failed = [one for one in outcomes.values() if one["outcome"] == "failed" and one.get("command")]
    for one in failed[:_SHOWN]:
        reporter.write_line(f"  again: {one['command']}")
    if len(failed) > _SHOWN:
        reporter.write_line(f"  and {len(failed) - _SHOWN} more")
    if failed and config.option.verbose < 1:
        codes = sorted({one["code"] for one in failed if one.get("code")})
        for code in codes[:_SHOWN]:
            reporter.write_line(f"  why: reprokit explain-code {code}")


def lines(outcomes: list[Mapping[str, Any]]) -> list[str]:
    """The counts, and the slowest tests where there are several."""
    counts: dict[str, int] = {}
    for one in outcomes:
        name = _counted_as(one)
        counts[name] = counts.get(name, 0) + 1
    order = [*_ORDER, *sorted(set(counts) - set(_ORDER))]
    said = ", ".join(f"{counts[name]} {name}" for name in order if name in counts)
    found = [f"{len(outcomes)} test{'' if len(outcomes) == 1 else 's'}: {said}"]
    if len(outcomes) > 1:
        slow = sorted(outcomes, key=lambda one: -float(one.get("duration_s", 0)))[:_SHOWN]
        found.append("slowest: " + ", ".join(f"{one['nodeid']} {one.get('duration_s', 0):.1f} s" for one in slow))
    return found


def _counted_as(one: Mapping[str, Any]) -> str:
    if one["outcome"] == "skipped":
        return "skipped"
    if one.get("status") == "unverified":
        return "unverified"
    if one["outcome"] == "failed" and one.get("tier") is None:
        return "failed"
    return str(one.get("tier") or "checked")
