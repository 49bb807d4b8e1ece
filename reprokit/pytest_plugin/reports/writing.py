"""Writes the reports of a session. Only here pydantic is imported: a session without reports never pays for it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import reprokit
from reprokit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reprokit.pytest_plugin.reports.destinations import Destination
    from reprokit.schema.session import SessionReport


def session_report(
    outcomes: Iterable[Mapping[str, Any]], not_due: Iterable[str], mode: str, facts: Mapping[str, Any]
) -> SessionReport:
    """Puts the outcomes into an order that does not depend on which worker was faster."""
    from reprokit.schema.session import ItemOutcome, SessionReport

    items = sorted((ItemOutcome.model_validate(dict(one)) for one in outcomes), key=lambda item: item.nodeid)
    return SessionReport(
        reprokit=reprokit.__version__, mode=mode, items=items, not_due=sorted(not_due), facts=dict(facts)
    )


def write_reports(report: SessionReport, destinations: Iterable[Destination]) -> list[str]:
    """Writes each report; returns lines for the terminal, GitHub's annotations among them.

    Raises:
        UsageError: RPK094, one could not be written. The others have been.
    """
    lines: list[str] = []
    failed: list[str] = []
    for one in destinations:
        try:
            lines += _github(report) if one.path is None else _file(report, one.format, one.path)
        except (OSError, UsageError) as error:
            failed.append(str(getattr(error, "message", error)))
    if failed:
        raise UsageError("RPK094", "; ".join(failed))
    return lines


def _file(report: SessionReport, name: str, path: Path) -> list[str]:
    from reprokit.launch.writing import write_atomically

    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, _rendered(report, name).encode("utf-8", "replace"))
    return [f"{name} report: {path}"]


def _rendered(report: SessionReport, name: str) -> str:
    if name == "md":
        from reprokit.report.github import step_summary

        return step_summary(report)
    if name == "gitlab":
        from reprokit.report.gitlab import code_quality

        return json.dumps(code_quality(report), indent=2) + "\n"
    if name == "sarif":
        from reprokit.report.sarif import to_sarif

        return json.dumps(to_sarif(report), indent=2) + "\n"
    return json.dumps(report.to_json(), indent=2) + "\n"


def _github(report: SessionReport) -> list[str]:
    """Appends to the step summary: other steps' tools, and other pytest runs of this step, write into it as well."""
    from reprokit.report.github import error_commands, step_summary

    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return ["github report: GITHUB_STEP_SUMMARY is not set, so this is no GitHub job and there is no step summary"]
    with Path(path).open("a", encoding="utf-8", errors="replace") as file:
        file.write(step_summary(report))
    return error_commands(report)
