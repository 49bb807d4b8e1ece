"""A release's judgement in the terminal: the answer, and what is wrong, where, and what to do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from reprokit.report.wording import clean
from reprokit.schema.release import unasked

if TYPE_CHECKING:
    from reprokit.schema.release import ReleaseReport

_ORDER = ("integrity", "completeness", "freshness", "tier")


def render_release(report: ReleaseReport) -> str:
    """The whole report as text."""
    subject = clean(report.subject)
    if report.met:
        answer = f"{subject} meets the release policy {clean(report.policy)}"
    elif report.status == "unverified":
        answer = f"{subject}: it cannot be established whether it meets the release policy {clean(report.policy)}"
    else:
        answer = f"{subject} does not meet the release policy {clean(report.policy)}"
    lines = [answer]
    for rule in _ORDER:
        for finding in report.findings:
            if finding.rule == rule:
                lines += [
                    f"{finding.code} {rule}: {clean(finding.message, 600)}",
                    f"    node: {clean(finding.node)}",
                    f"    remedy: {clean(finding.remedy, 600)}",
                ]
    lines += _facts(report)
    return "\n".join(lines) + "\n"


def _facts(report: ReleaseReport) -> list[str]:
    counts = [(len(report.models), "model"), (len(report.runs), "run"), (len(report.manifests), "dataset manifest"),
              (len(report.checked), "file")]  # fmt: skip
    said = [f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts]
    lines = [f"looked at: {', '.join(said[:3])}; {said[3]} digested again"]
    if report.rebuilt is not None:
        at = datetime.fromtimestamp(report.rebuilt.time / 1000, UTC).isoformat(timespec="seconds")
        lines.append(f"last rebuild test: {report.rebuilt.tier} at {at}")
    left_out = unasked(report.rules)
    if left_out:
        lines.append(f"the policy does not ask for: {', '.join(left_out)}")
    return lines
