"""A verdict as GitHub-flavoured Markdown, for a pull request or a job summary."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reprokit.report import wording
from reprokit.schema.tiers import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reprokit.schema.verdict import MetricVerdict, Verdict

MAX_CHARACTERS = 60_000
"""GitHub refuses comments above 65,536 characters."""
_ROWS, _DIFFERENCES = 30, 3
# Everything with a meaning in Markdown or HTML, mentions (@user), references (#1) and formulas ($x$) included.
# Character references cannot start any structure (CommonMark 0.31, section 6.2).
_SPECIAL = re.compile(r"[\\`*_{}\[\]<>#!|~@&$^]|(?<=www)\.|:(?=//)|(?<=gh)-", re.IGNORECASE)


def to_markdown(verdict: Verdict, paths: Sequence[str] = ()) -> str:
    """Renders a verdict as Markdown.

    Foreign text cannot form markup, links, images, mentions or HTML.

    Args:
        verdict: what was found.
        paths: the bundles as the user named them, for the commands to paste.

    Returns:
        At most `MAX_CHARACTERS` characters, ending in a newline.
    """
    blocks = [
        *_answer(verdict),
        *_divergence(verdict),
        *_runs(verdict),
        *_outputs(verdict),
        *_metrics(verdict),
        *_scope(verdict),
        *_way_on(verdict, paths),
    ]
    return _bounded(blocks)


def escaped(text: object, limit: int = 300) -> str:
    """Foreign text inside a sentence or a table cell: every character with a meaning becomes a reference."""
    return _SPECIAL.sub(lambda match: f"&#{ord(match[0])};", wording.clean(text, limit))


def code(text: object, limit: int = 300) -> str:
    """Foreign text as a code span that also holds in a table cell."""
    plain = wording.clean(text, limit)
    if not plain or "`" in plain or "|" in plain or plain != plain.strip() or plain.endswith("\\"):
        return f"<code>{escaped(plain, limit)}</code>"
    return f"`{plain}`"


def _answer(verdict: Verdict) -> list[str]:
    mark = "❔" if verdict.status is Status.UNVERIFIED else ("✅" if verdict.met else "❌")
    blocks = [f"## {mark} reprokit: {wording.headline(verdict)}"]
    if verdict.reason:
        blocks.append(f"Why: {escaped(verdict.reason, 600)}")
    meaning = wording.interpretation(verdict)
    if meaning:
        blocks.append(meaning)
    among = "" if verdict.between_replays is None else f", among themselves **{verdict.between_replays}**"
    other = "" if verdict.other is None else f" and {code(verdict.other)}"
    blocks.append(f"Bundle {code(verdict.bundle)}{other}: {wording.subject(verdict)}{among}.")
    return blocks


def _divergence(verdict: Verdict) -> list[str]:
    if verdict.divergence is None:
        return []
    return [f"**First divergence:** {wording.divergence_sentence(verdict.divergence, code, escaped)}"]


def _runs(verdict: Verdict) -> list[str]:
    if not verdict.runs:
        return []
    rows = (
        (
            str(run.number),
            run.tier,
            "" if run.exit_status is None else str(run.exit_status),
            str(run.steps),
            f"{run.duration_s:.1f} s",
            escaped("; ".join(filter(None, ("timed out" if run.timed_out else "", run.detail)))),
        )
        for run in verdict.runs[:_ROWS]
    )
    return ["### Runs", _table(("run", "tier", "exit", "steps", "time", "note"), rows, len(verdict.runs))]


def _outputs(verdict: Verdict) -> list[str]:
    if not verdict.outputs:
        return []
    differing = [output for output in verdict.outputs if not output.equal]
    equal = len(verdict.outputs) - len(differing)
    if not differing:
        return ["### Outputs", f"All equal ({equal})."]
    rows = (
        (
            code(output.path),
            wording.output_answer(output),
            escaped(output.method),
            "<br>".join(
                [wording.difference_sentence(item, code, escaped) for item in output.differences[:_DIFFERENCES]]
                + ([escaped(output.note)] if output.note else [])
            ),
        )
        for output in differing[:_ROWS]
    )
    return [
        "### Outputs",
        _table(("output", "answer", "method", "differences"), rows, len(differing)),
        f"{equal} equal.",
    ]


def _metrics(verdict: Verdict) -> list[str]:
    if not verdict.metrics:
        return []
    ordered = sorted(verdict.metrics, key=lambda metric: (metric.close, metric.equal))
    head = ("metric", "recorded", "replayed", "relative difference", "answer", "rule")
    return ["### Metrics", _table(head, (_metric_row(metric) for metric in ordered[:_ROWS]), len(ordered))]


def _metric_row(metric: MetricVerdict) -> tuple[str, ...]:
    recorded, replayed = wording.value_pair(metric.recorded, metric.replayed)
    answer = wording.metric_answer(metric)
    return (
        code(metric.name),
        escaped(recorded, 40),
        escaped(replayed, 40),
        wording.relative_text(metric),
        answer if metric.close else f"**{answer}**",
        escaped(metric.rule),
    )


def _scope(verdict: Verdict) -> list[str]:
    lines = [f"- {label}: {escaped(text)}" for label, text in wording.scope_pairs(verdict)[:_ROWS]]
    lines += [f"- {escaped(notice.code)}: {escaped(notice.message)}" for notice in verdict.warnings[:_ROWS]]
    for trace in verdict.traces[:_ROWS]:
        answer = "equal" if trace.equal else "differs"
        rest = f"; not compared: {escaped(', '.join(trace.not_compared))}" if trace.not_compared else ""
        steps = f"{trace.steps_compared} of {trace.steps_recorded} steps, {trace.tensors_compared} tensors"
        lines.append(f"- trace {code(trace.stream or 'run')}: {answer}, {steps}{rest}")
    # One block: the limit on length keeps or leaves out blocks whole.
    return ["\n\n".join(["<details><summary>Holds for</summary>", "\n".join(lines), "</details>"])] if lines else []


def _way_on(verdict: Verdict, paths: Sequence[str]) -> list[str]:
    blocks = [f"**Advice:** {escaped(verdict.advice, 600)}"] if verdict.advice else []
    commands = wording.next_commands(verdict, paths)
    if commands:
        blocks.append("\n".join(["Next:", "", *(f"    {wording.clean(command, 2000)}" for command in commands)]))
    return blocks


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], total: int) -> str:
    lines = [head, ["---"] * len(head), *rows]
    text = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    return text + (f"\n\nand {total - _ROWS} more" if total > _ROWS else "")


def _bounded(blocks: Sequence[str]) -> str:
    """Joins the blocks; leaves whole blocks out where the limit is reached, so that no structure is cut open."""
    kept, size, dropped = [], 0, 0
    for block in blocks:
        if size + len(block) + 2 > MAX_CHARACTERS - 100:
            dropped += 1
            continue
        kept.append(block)
        size += len(block) + 2
    if dropped:
        kept.append(f"(left out for length: {dropped} sections)")
    return "\n\n".join(kept) + "\n"
