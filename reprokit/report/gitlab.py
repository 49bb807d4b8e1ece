"""A test session as GitLab's code-quality report.

The format is a JSON array of findings (https://docs.gitlab.com/ci/testing/code_quality/, "Code Quality report
format"); GitLab passes over a report in which one finding lacks a required key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reprokit.report.findings import identity, place_of, rule_of, sentence

if TYPE_CHECKING:
    from reprokit.schema.session import SessionReport


def code_quality(report: SessionReport) -> list[dict[str, Any]]:
    """The failures of a session, each with the keys that GitLab requires."""
    return [
        {
            "description": f"{item.nodeid}: {sentence(item)}",
            "check_name": rule_of(item),
            "fingerprint": identity(item),
            "severity": "major" if item.status == "unverified" else "critical",
            "location": {"path": place_of(item)[0], "lines": {"begin": place_of(item)[1]}},
        }
        for item in report.failures()
    ]
