"""A verdict as a person reads it after ``reprokit replay``: the answer first, then what it rests on."""

from __future__ import annotations

from collections import Counter
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from reprokit.report import wording
from reprokit.report.screen import Page, Screen
from reprokit.schema.tiers import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reprokit.schema.verdict import MetricVerdict, Verdict

_RUNS, _OUTPUTS, _DIFFERENCES, _METRICS, _STREAMS, _WARNINGS = 20, 12, 3, 20, 8, 10
_DEFAULT_SCREEN = Screen()


def render_verdict(verdict: Verdict, screen: Screen = _DEFAULT_SCREEN, paths: Sequence[str] = ()) -> str:
    """Renders a verdict as text.

    Args:
        verdict: what was found.
        screen: width, colour and character set.
        paths: the bundles as the user named them, for the commands to paste.

    Returns:
        Text ending in a newline, at most ``screen.width`` columns wide apart from commands.
    """
    page = Page(screen)
    _answer(page, verdict)
    _runs(page, verdict)
    _divergence(page, verdict)
    _outputs(page, verdict)
    _metrics(page, verdict)
    _trace(page, verdict)
    _scope(page, verdict)
    _way_on(page, verdict, paths)
    return page.render()


def _answer(page: Page, verdict: Verdict) -> None:
    if verdict.status is Status.UNVERIFIED:
        mark, style = "?", "unsure"
    else:
        mark, style = ("✓", "good") if verdict.met else ("✗", "bad")
    page.line(f"{mark} {wording.headline(verdict)}", style)
    if verdict.reason:
        page.line(f"Why: {verdict.reason}")
    meaning = wording.interpretation(verdict)
    if meaning:
        page.line(meaning)
    page.line("")
    pairs = [("bundle", verdict.bundle)]
    if verdict.other is not None:
        pairs.append(("other", verdict.other))
    among = "" if verdict.between_replays is None else f"; among themselves {verdict.between_replays}"
    page.fields([*pairs, ("based on", wording.subject(verdict) + among)])


def _runs(page: Page, verdict: Verdict) -> None:
    if not verdict.runs:
        return
    page.title("Runs")
    printed = {True: "equal", False: "differs", None: "-"}
    page.table(
        (">run", "tier", ">exit", ">steps", ">time", "stdout", "note*"),
        (
            (
                str(run.number),
                run.tier,
                "-" if run.exit_status is None else str(run.exit_status),
                str(run.steps),
                f"{run.duration_s:.1f} s",
                printed[run.stdout_equal],
                "; ".join(filter(None, ("timed out" if run.timed_out else "", run.detail))),
            )
            for run in verdict.runs[:_RUNS]
        ),
    )
    _more(page, len(verdict.runs) - _RUNS, "runs")


def _divergence(page: Page, verdict: Verdict) -> None:
    if verdict.divergence is not None:
        page.title("First divergence")
        page.line(wording.divergence_sentence(verdict.divergence, _backticks), indent=2)


def _outputs(page: Page, verdict: Verdict) -> None:
    if not verdict.outputs:
        return
    differing = [output for output in verdict.outputs if not output.equal]
    equal = len(verdict.outputs) - len(differing)
    page.title("Outputs")
    for output in differing[:_OUTPUTS]:
        first = f", first in replay {output.run}" if output.run else ""
        page.line(f"{output.path}: {wording.output_answer(output)} ({output.method}){first}", indent=2)
        for difference in output.differences[:_DIFFERENCES]:
            page.line(wording.difference_sentence(difference, _backticks), indent=6)
        shown = min(len(output.differences), _DIFFERENCES)
        _more(page, output.differing - shown, "differences", indent=6)
        if output.note:
            page.line(output.note, indent=6)
    _more(page, len(differing) - _OUTPUTS, "that differ")
    if equal:
        page.line(f"and {equal} equal" if differing else f"all equal ({equal})", indent=2)
    for output in verdict.outputs:
        if output.equal and output.note:
            page.line(f"{output.path}: equal; {output.note}", indent=2)


def _metrics(page: Page, verdict: Verdict) -> None:
    if not verdict.metrics:
        return
    page.title("Metrics")
    ordered = sorted(verdict.metrics, key=lambda metric: (metric.close, metric.equal))
    letters = wording.rule_letters(ordered[:_METRICS])
    counts = Counter(metric.name for metric in ordered)
    page.table(
        ("name*", ">recorded", ">replayed", ">rel. diff.", "answer", "rule"),
        (_metric_row(metric, letters, twice=counts[metric.name] > 1) for metric in ordered[:_METRICS]),
    )
    for rule, letter in letters.items():
        page.line(f"rule {letter}: {rule}", "dim", indent=2)
    rest = ordered[_METRICS:]
    _more(page, sum(not metric.close for metric in rest), "that are NOT close")
    _more(page, sum(metric.close for metric in rest), "that are close")


def _metric_row(metric: MetricVerdict, letters: dict[str, str], *, twice: bool) -> tuple[str, ...]:
    recorded, replayed = (wording.clean(value, 24) for value in wording.value_pair(metric.recorded, metric.replayed))
    answer, relative = wording.metric_answer(metric), wording.relative_text(metric)
    name = f"{metric.name} ({PurePosixPath(metric.source).name})" if twice else metric.name
    return (name, recorded, replayed, relative, answer, letters[metric.rule])


def _trace(page: Page, verdict: Verdict) -> None:
    if not verdict.traces:
        return
    page.title("Trace")
    for trace in verdict.traces[:_STREAMS]:
        steps = f"{trace.steps_compared} of {trace.steps_recorded} steps compared"
        if trace.steps_replayed != trace.steps_recorded:
            steps += f" ({trace.steps_replayed} replayed)"
        answer = "equal" if trace.equal else "differs"
        page.line(f"{trace.stream or 'run'}: {answer}; {steps}, {trace.tensors_compared} tensors", indent=2)
        if trace.not_compared:
            page.line(f"not compared: {', '.join(trace.not_compared)}", indent=6)
    _more(page, len(verdict.traces) - _STREAMS, "processes")


def _scope(page: Page, verdict: Verdict) -> None:
    page.title("Holds for")
    page.fields(wording.scope_pairs(verdict))
    if verdict.warnings:
        page.title("Warnings")
        for notice in verdict.warnings[:_WARNINGS]:
            page.line(f"{notice.code} {notice.message}", indent=2)
        _more(page, len(verdict.warnings) - _WARNINGS, "warnings")


def _way_on(page: Page, verdict: Verdict, paths: Sequence[str]) -> None:
    if verdict.advice:
        page.title("Advice")
        page.line(verdict.advice, indent=2)
    commands = wording.next_commands(verdict, paths)
    if commands:
        page.title("Next")
        for command in commands:
            page.command(command)


def _more(page: Page, count: int, what: str, indent: int = 2) -> None:
    if count > 0:
        page.line(f"and {count} more {what}", indent=indent)


def _backticks(text: str) -> str:
    return f"`{wording.clean(text)}`"
