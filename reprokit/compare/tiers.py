"""The tier rules: what the evidence of a run amounts to. Pure functions over plain evidence.

A run has a *tier*, the highest one that its evidence establishes, and a *ceiling*, the highest one that nothing seen
contradicts. A tier below its ceiling means that evidence is lacking; a ceiling below the target means that a mismatch
was seen. Only the first of these is ``unverified``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reprokit.errors import Exit
from reprokit.schema.tiers import Status, Tier

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAMED = 3


@dataclass(frozen=True)
class OutputEvidence:
    """One recorded output and what the replay left in its place.

    ``established`` is false where the two could not be compared here: not equal, and no difference seen either.
    """

    path: str
    present: bool
    same_schema: bool
    equal: bool
    established: bool = True


@dataclass(frozen=True)
class MetricEvidence:
    """One metric.

    ``declared`` says that its source decides: the user named it, or it comes from the trace or from an output file. A
    declared metric that is not close refutes every tier above re-runnable. A number that was merely found in the
    printed text (it may be a time) cannot lower a run whose outputs and trace are equal.
    """

    name: str
    close: bool
    equal: bool
    declared: bool = False


@dataclass(frozen=True)
class TraceEvidence:
    """One process's trace on both sides.

    ``observed`` speaks of the replay; ``comparable`` of digests and levels; ``equal`` of all that was compared;
    ``complete`` says that every recorded step and part was compared.
    """

    stream: str
    recorded_steps: int
    replayed_steps: int
    observed: bool
    comparable: bool
    equal: bool
    complete: bool


@dataclass(frozen=True)
class RunEvidence:
    """All that is known of one replay. ``exit_status`` is None when the command did not end by itself.

    ``broken_observers`` are frameworks whose observer switched itself off, in the record or in the replay: steps that
    they made after that are in no trace.
    """

    recorded_exit: int
    exit_status: int | None
    timed_out: bool = False
    outputs: tuple[OutputEvidence, ...] = ()
    metrics: tuple[MetricEvidence, ...] = ()
    traces: tuple[TraceEvidence, ...] = ()
    unobserved_processes: int = 0
    broken_observers: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunJudgement:
    """A run's tier, its ceiling, and in one sentence why the tier is no higher."""

    tier: Tier
    ceiling: Tier
    reason: str


@dataclass(frozen=True)
class Judgement:
    """The verdict on all runs together."""

    tier: Tier
    met: bool
    status: Status
    reason: str


def judge_run(evidence: RunEvidence) -> RunJudgement:
    """Gives one run its tier and its ceiling.

    - ``none``: the recorded command failed, the replay failed or timed out, or an output is missing or has another
      schema.
    - ``metric-close``: there is a metric, and all metrics are close; bitwise implies it.
    - ``bitwise``: there is an output or a traced step, all outputs are equal, every recorded step was observed,
      compared in full and found equal, no stream has more steps than recorded, and no declared metric differs.
    """
    failure = _failure(evidence)
    if failure is not None:
        return failure
    mismatches, gaps = _mismatches(evidence), _gaps(evidence)
    distant = [metric.name for metric in evidence.metrics if not metric.close]
    decisive = [metric.name for metric in evidence.metrics if not metric.close and metric.declared]
    if not (mismatches or gaps or decisive):
        printed = f"; printed numbers that differ and do not decide: {_names(distant)}" if distant else ""
        return RunJudgement(Tier.BITWISE, Tier.BITWISE, _equal_in(evidence) + printed)
    shortfall = mismatches or gaps
    if distant:
        # Short of proven equality a distant metric is a mismatch that was seen, wherever it comes from.
        reasons = [f"not within tolerance: {_names(distant)}", *shortfall]
        return RunJudgement(Tier.RE_RUNNABLE, Tier.RE_RUNNABLE, "; ".join(reasons))
    ceiling = Tier.METRIC_CLOSE if mismatches else Tier.BITWISE
    reason = "; ".join(shortfall)
    if evidence.metrics:
        return RunJudgement(Tier.METRIC_CLOSE, ceiling, reason)
    return RunJudgement(Tier.RE_RUNNABLE, ceiling, f"{reason}; no metric was recorded")


def _equal_in(evidence: RunEvidence) -> str:
    """By what a run is bitwise: claimed of what was there to compare, and of nothing else."""
    if not any(trace.recorded_steps for trace in evidence.traces):
        return "every output is equal; no step was traced"
    return "every output and every traced step is equal" if evidence.outputs else "every traced step is equal"


def judge(judgements: Iterable[RunJudgement], target: Tier) -> Judgement:
    """Judges all runs together: the lowest tier counts, and the order of runs does not.

    Args:
        judgements: one a run; none at all establishes nothing.
        target: the tier that was asked for.

    Returns:
        A verdict whose status is ``unverified`` exactly when the target was not met and only lack of evidence stands
        between: every run's ceiling reaches it, or there are no runs.
    """
    runs = sorted(judgements, key=lambda run: (run.tier.rank, run.ceiling.rank, run.reason))
    if not runs:
        return Judgement(Tier.NONE, met=False, status=Status.UNVERIFIED, reason="nothing was run")
    tier = runs[0].tier
    met = tier.reaches(target)
    open_question = not met and all(run.ceiling.reaches(target) for run in runs)
    # A run that contradicts the target says more than one that merely lacks evidence.
    telling = next((run for run in runs if not run.ceiling.reaches(target)), runs[0]) if not met else runs[0]
    return Judgement(tier, met, Status.UNVERIFIED if open_question else Status.VERIFIED, telling.reason)


def between(judgements: Iterable[RunJudgement]) -> Tier | None:
    """How close replays came to each other.

    Args:
        judgements: `judge_run` of pairs of replays, the first of a pair taken as the record.

    Returns:
        The lowest tier, or None when there was no pair.
    """
    return min((run.tier for run in judgements), key=lambda tier: tier.rank, default=None)


def exit_status(judgement: Judgement) -> Exit:
    """The exit status that a verdict gives a verb: 0 met, 1 not met, 3 unverified."""
    if judgement.status is Status.UNVERIFIED:
        return Exit.UNVERIFIED
    return Exit.MET if judgement.met else Exit.NOT_MET


def _failure(evidence: RunEvidence) -> RunJudgement | None:
    """The judgement of a run that did not even run again; None when it did."""
    if evidence.recorded_exit != 0:
        reason = f"the recorded command failed with status {evidence.recorded_exit}"
    elif evidence.timed_out or evidence.exit_status is None:
        how = "timed out" if evidence.timed_out else "did not end by itself"
        return RunJudgement(Tier.NONE, Tier.BITWISE, f"the replay {how}, so nothing was established")
    elif evidence.exit_status != 0:
        reason = f"the replay failed with status {evidence.exit_status}"
    else:
        reason = _unproduced(evidence.outputs)
    return RunJudgement(Tier.NONE, Tier.NONE, reason) if reason else None


def _unproduced(outputs: Iterable[OutputEvidence]) -> str:
    """Which outputs the replay did not produce with the recorded schema; empty when it produced all."""
    outputs = tuple(outputs)
    missing = [output.path for output in outputs if not output.present]
    if missing:
        return f"not written: {_names(missing)}"
    reshaped = [output.path for output in outputs if not output.same_schema]
    return f"another schema than recorded: {_names(reshaped)}" if reshaped else ""


def _mismatches(evidence: RunEvidence) -> list[str]:
    """What was seen to differ: each item contradicts bitwise."""
    found = []
    outputs = [output.path for output in evidence.outputs if output.established and not output.equal]
    if outputs:
        found.append(f"differing outputs: {_names(outputs)}")
    diverging = [trace.stream for trace in evidence.traces if _is_compared(trace) and not trace.equal]
    if diverging:
        found.append(f"the trace diverges in {_names(diverging)}")
    uneven = [trace.stream for trace in evidence.traces if _is_uneven(trace) and trace.stream not in diverging]
    if uneven:
        found.append(f"another number of steps than recorded in {_names(uneven)}")
    return found


def _gaps(evidence: RunEvidence) -> list[str]:
    """What was not seen: each item keeps bitwise from being established without contradicting it."""
    stepped = [trace for trace in evidence.traces if trace.recorded_steps > 0]
    found = []
    unread = [output.path for output in evidence.outputs if not (output.established or output.equal)]
    if unread:
        found.append(f"outputs that could not be compared here: {_names(unread)}")
    unseen = [trace.stream for trace in stepped if not trace.observed]
    if unseen:
        found.append(f"recorded steps were not observed in the replay: {_names(unseen)}")
    foreign = [trace.stream for trace in stepped if trace.observed and not trace.comparable]
    if foreign:
        found.append(f"the traces were written under other digests or levels: {_names(foreign)}")
    partial = [trace.stream for trace in stepped if _is_compared(trace) and not trace.complete]
    if partial:
        found.append(f"the trace was not compared in full: {_names(partial)}")
    if evidence.broken_observers:
        found.append(f"an observer switched itself off, so steps may be missing: {_names(evidence.broken_observers)}")
    if not evidence.outputs and not stepped:
        found.append("there is neither an output nor a traced step to compare")
        if evidence.unobserved_processes:
            found.append(f"{evidence.unobserved_processes} processes were not observed")
    return found


def _is_compared(trace: TraceEvidence) -> bool:
    return trace.recorded_steps > 0 and trace.observed and trace.comparable


def _is_uneven(trace: TraceEvidence) -> bool:
    """Whether the replay took more steps than recorded, or fewer although nothing of its trace is missing."""
    if trace.replayed_steps > trace.recorded_steps:
        return trace.complete or trace.recorded_steps == 0
    return _is_compared(trace) and trace.complete and trace.replayed_steps < trace.recorded_steps


def _names(names: Iterable[str]) -> str:
    """The first few different names, sorted, and the number of the others."""
    ordered = sorted(set(names))
    more = len(ordered) - _NAMED
    return ", ".join(ordered[:_NAMED]) + (f" and {more} more" if more > 0 else "")
