"""What `lint` found, for a terminal: one finding a line, and what to do below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprokit.report.wording import clean

if TYPE_CHECKING:
    from reprokit.schema.lint import LintFinding, LintReport

_LONGEST = 600


def render_lint(report: LintReport) -> str:
    """A finding is `file:line:column: code level message`, as editors and CI systems read it."""
    lines = []
    for finding in report.findings:
        lines.append(f"{place(finding)}: {finding.code} {finding.level}: {clean(finding.message, _LONGEST)}")
        lines.append(f"    {clean(finding.remedy, _LONGEST)}")
    lines.append(_summary(report))
    return "\n".join(lines) + "\n"


def place(finding: LintFinding) -> str:
    """Where a finding stands; in a notebook the cell and its line."""
    path = clean(finding.path, _LONGEST)
    if finding.cell is not None:
        return f"{path}:cell {finding.cell}:{finding.cell_line}:{finding.column}"
    return f"{path}:{finding.line}:{finding.column}"


def _summary(report: LintReport) -> str:
    read = f"{report.files} file{'s' * (report.files != 1)}, {report.lines} lines"
    silenced = f", {report.silenced} silenced" if report.silenced else ""
    if not report.findings:
        return f"nothing found in {read}{silenced}"
    notes = sum(finding.level == "note" for finding in report.findings)
    found = len(report.findings) - notes
    parts = [f"{found} finding{'s' * (found != 1)}"] if found else []
    parts += [f"{notes} note{'s' * (notes != 1)}"] if notes else []
    return f"{' and '.join(parts)} in {read}{silenced}"
