"""For GitHub Actions: a test session's step summary, and annotations of failures or of what `lint` found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprokit.report.findings import bounded, place_of, rule_of, sentence
from reprokit.report.markdown import code, escaped
from reprokit.report.wording import clean

if TYPE_CHECKING:
    from reprokit.schema.lint import LintFinding, LintReport
    from reprokit.schema.session import ItemOutcome, SessionReport

MAX_BYTES = 64 << 10
"""GitHub refuses a step summary above 1 MiB, and truncates what a reader would have to scroll through anyway."""
MAX_ANNOTATIONS = 10
"""GitHub shows ten errors a step and drops the others silently (docs.github.com, workflow commands)."""
_ROWS = 200


def step_summary(report: SessionReport) -> str:
    """A session as GitHub-flavoured Markdown of at most `MAX_BYTES`, failures first."""
    failures = report.failures()
    mark = "❌" if failures else "✅"
    counts = ", ".join(f"{count} {name}" for name, count in report.counts().items()) or "no test used reprokit"
    blocks = [f"## {mark} reprokit: {counts}"]
    blocks += [_failure(item) for item in failures]
    blocks += _table(report)
    facts = [f"- {escaped(name)}: {escaped(value)}" for name, value in report.facts.items()]
    facts += [f"- not due: {code(name)}" for name in report.not_due[:_ROWS]]
    if facts:
        blocks.append("\n\n".join(["<details><summary>Session</summary>", "\n".join(facts), "</details>"]))
    return bounded(blocks, MAX_BYTES, "({} sections were left out for length.)")


def error_commands(report: SessionReport) -> list[str]:
    """Workflow commands that put failures at their lines in the changed files' view; at most `MAX_ANNOTATIONS`."""
    failures = report.failures()
    shown = failures if len(failures) <= MAX_ANNOTATIONS else failures[: MAX_ANNOTATIONS - 1]
    commands = [_annotation(item) for item in shown]
    if len(failures) > len(shown):
        more = len(failures) - len(shown)
        commands.append(f"::error title=reprokit::{_data(f'and {more} more failures; the step summary has them')}")
    return commands


def lint_commands(report: LintReport) -> list[str]:
    """Workflow commands that put findings at their lines, the worst first; at most `MAX_ANNOTATIONS` of each level."""
    commands = []
    for level, name in (("error", "error"), ("warning", "warning"), ("note", "notice")):
        found = [finding for finding in report.findings if finding.level == level]
        shown = found if len(found) <= MAX_ANNOTATIONS else found[: MAX_ANNOTATIONS - 1]
        commands += [_lint_annotation(name, finding) for finding in shown]
        if len(found) > len(shown):
            more = f"and {len(found) - len(shown)} more; `reprokit lint` prints them all"
            commands.append(f"::{name} title=reprokit::{_data(more)}")
    return commands


def _lint_annotation(name: str, finding: LintFinding) -> str:
    place = f"file={_property(finding.path)},line={finding.line},endLine={finding.end_line},col={finding.column}"
    title = _property(f"reprokit {finding.code} {finding.name}")
    return f"::{name} {place},title={title}::{_data(f'{finding.message}. {finding.remedy}')}"


def _annotation(item: ItemOutcome) -> str:
    file, line = place_of(item)
    title = f"reprokit {rule_of(item)} {item.nodeid.rpartition('::')[2]}"
    command = f". Run: {item.command}" if item.command else ""
    return f"::error file={_property(file)},line={line},title={_property(title)}::{_data(sentence(item) + command)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _failure(item: ItemOutcome) -> str:
    lines = [f"### {code(item.nodeid)}", "", escaped(sentence(item), 1000)]
    if item.command:
        fence = "~~~"
        lines += ["", f"{fence}console", f"$ {clean(item.command, 2000).replace(fence, '')}", fence]
    return "\n".join(lines)


def _table(report: SessionReport) -> list[str]:
    others = [item for item in report.items if item.outcome != "failed"]
    if not others:
        return []
    rows = [
        f"| {code(item.nodeid)} | {item.tier or item.outcome} | {item.target or ''} | {item.duration_s:.1f} s |"
        for item in others[:_ROWS]
    ]
    head = ["| test | tier | target | time |", "| --- | --- | --- | --- |"]
    more = [f"\nand {len(others) - _ROWS} more"] if len(others) > _ROWS else []
    return ["\n".join([*head, *rows, *more])]
