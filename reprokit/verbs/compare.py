"""Compares two runs, or two directories of results. Nothing is run."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from reprokit.compare.files import FileComparison, Options, Relocation
from reprokit.compare.metrics import DEFAULT, Tolerance, compare_metrics, tolerance_for
from reprokit.compare.tiers import MetricEvidence, OutputEvidence, RunEvidence, TraceEvidence, judge, judge_run
from reprokit.errors import UsageError
from reprokit.launch.changes import changed
from reprokit.launch.fingerprint import differences, machine_text, recorded_fingerprint
from reprokit.launch.numbers import collect_metrics
from reprokit.launch.opening import open_bundle
from reprokit.launch.outputs import compare_outputs
from reprokit.launch.pairing import paired_streams
from reprokit.launch.ranks import FINDINGS, changed_ranks, first_of
from reprokit.launch.sides import Side, broken_observers, side_of_bundle
from reprokit.schema.config import Config
from reprokit.schema.manifest import Notice
from reprokit.schema.tiers import Tier
from reprokit.schema.verdict import (
    Divergence,
    MetricVerdict,
    OutputVerdict,
    RunVerdict,
    TraceVerdict,
    ValueDifference,
    Verdict,
)
from reprokit.trace.align import Alignment, Difference, align

if TYPE_CHECKING:
    from reprokit.launch.sides import Stream

_TENSORS = 20


@dataclass
class Compared:
    """Everything that comparing two sides gave."""

    evidence: RunEvidence
    outputs: list[OutputVerdict] = field(default_factory=list)
    metrics: list[MetricVerdict] = field(default_factory=list)
    traces: list[TraceVerdict] = field(default_factory=list)
    divergence: Divergence | None = None
    stdout_equal: bool | None = None


def compare(first: Path, second: Path, target: Tier | None = None, config: Config | None = None) -> Verdict:
    """Compares two bundles, or two directories.

    Args:
        first: the reference.
        second: the other one.
        target: the tier to reach; the configuration's by default.
        config: tolerances and patterns.

    Raises:
        UsageError: RPK003, a path does not exist; RPK001, one is a bundle and the other a directory.
        CorruptBundleError: a bundle cannot be read.
    """
    config = config or Config()
    target = target or config.target
    for path in (first, second):
        if not path.exists():
            raise UsageError("RPK003", f"{path} does not exist")
    if first.is_dir() != second.is_dir():
        raise UsageError("RPK001", f"{first} and {second} are not of the same kind: compare bundles, or directories")
    with tempfile.TemporaryDirectory(prefix="reprokit-compare-") as name:
        room = Path(name)
        if first.is_dir():
            return _directories(first, second, target, config)
        return _bundles(first, second, target, config, room)


def _directories(first: Path, second: Path, target: Tier, config: Config) -> Verdict:
    sides = [
        Side(outputs={str(path.relative_to(top)): path for path in sorted(top.rglob("*")) if path.is_file()})
        for top in (first, second)
    ]
    for side in sides:
        side.metrics = collect_metrics(side.outputs, None, config.metrics, [])
    compared = compare_sides(sides[0], sides[1], config, 0)
    scope = {"runs": 1, "kind": "directories", "not_compared": ["no trace: directories hold results only"]}
    return _verdict(compared, str(first), str(second), target, scope, sides[1])


def _bundles(first: Path, second: Path, target: Tier, config: Config, room: Path) -> Verdict:
    with open_bundle(first) as (reader_a, a, id_a), open_bundle(second) as (reader_b, b, id_b):
        sides = side_of_bundle(reader_a, a, room / "a"), side_of_bundle(reader_b, b, room / "b")
        compared = compare_sides(*sides, config, 0, started_alike=False)
        recorded, other = recorded_fingerprint(a), recorded_fingerprint(b)
        scope = {
            "runs": 1,
            "machine": machine_text(b.host),
            "policy": b.run.policy,
            "threads": other.get("torch.num_threads"),
            "fingerprint": {"recorded": recorded, "here": other, "differences": differences(recorded, other)},
            "changed": changed(a, b),
            "traced_steps": sum(trace.steps_compared for trace in compared.traces),
            "not_compared": [text for trace in compared.traces for text in trace.not_compared],
        }
        verdict = _verdict(compared, id_a, id_b, target, scope, sides[1])
        codes = ("RPK041", *FINDINGS, *(() if verdict.tier is Tier.BITWISE else ("RPK046",)))  # it may be why
        found = [notice for notice in (*a.warnings, *b.warnings) if notice.code in codes]
        warnings = list(dict.fromkeys((n.code, n.message) for n in (*found, *changed_ranks(*sides))))
        return verdict.model_copy(update={"warnings": [Notice(code=c, message=m) for c, m in warnings]})


def _verdict(
    compared: Compared, bundle: str, other: str, target: Tier, scope: dict[str, object], side: Side
) -> Verdict:
    judged = judge_run(compared.evidence)
    result = judge([judged], target)
    return Verdict(
        bundle=bundle, other=other, tier=result.tier, target=target, met=result.met, status=result.status,
        reason=result.reason, policy=str(scope.get("policy", "recorded")),
        runs=[run_verdict(1, side, compared, judged.tier, judged.reason)],
        outputs=compared.outputs, metrics=compared.metrics, traces=compared.traces,
        divergence=compared.divergence, scope=scope,
    )  # fmt: skip


def run_verdict(number: int, side: Side, compared: Compared, tier: Tier, reason: str) -> RunVerdict:
    """The line of a verdict that speaks of one run."""
    return RunVerdict(
        number=number, exit_status=side.exit_status, duration_s=round(side.duration_s, 3), tier=tier,
        steps=max((stream.summary.steps for stream in side.streams.values()), default=0),
        stdout_equal=compared.stdout_equal, timed_out=side.timed_out, detail=reason,
    )  # fmt: skip


def compare_sides(
    recorded: Side, other: Side, config: Config, number: int = 1, *, started_alike: bool = True
) -> Compared:
    """Compares one run with the reference.

    Args:
        recorded: the reference.
        other: the other run.
        config: tolerances, and lines of text that do not count.
        number: the run's number, for the report.
        started_alike: the other run was given the generators' states of the reference, as a replay is.
    """
    options = Options(ignore_patterns=tuple(config.ignore_lines), moved=(recorded.moved, other.moved))
    outputs, output_evidence = _outputs(recorded, other, options, number)
    tolerances = {
        name: Tolerance(rel=t.rel, abs=t.abs, ulp=t.ulp, source="configured") for name, t in config.tolerances.items()
    }
    metrics = [
        verdict.model_copy(update={"run": number})
        for verdict in compare_metrics(recorded.metrics, other.metrics, tolerances)
    ]
    configured = {m.name for m in metrics if tolerance_for(m.name, tolerances) is not DEFAULT}
    traces, trace_evidence, divergence = _traces(recorded, other, number, started_alike=started_alike)
    if divergence is None:
        divergence = _output_divergence(outputs, number)
    evidence = RunEvidence(
        recorded_exit=recorded.exit_status if recorded.exit_status is not None else 1,
        exit_status=other.exit_status,
        timed_out=other.timed_out,
        outputs=tuple(output_evidence),
        metrics=tuple(
            MetricEvidence(m.name, m.close, m.equal, declared=m.source != "stdout" or m.name in configured)
            for m in metrics
        ),
        traces=tuple(trace_evidence),
        broken_observers=broken_observers(recorded, other),
    )
    return Compared(evidence, outputs, metrics, traces, divergence, _same_stdout(recorded, other))


def _outputs(
    recorded: Side, other: Side, options: Options, number: int
) -> tuple[list[OutputVerdict], list[OutputEvidence]]:
    verdicts, evidence = [], []
    for key, found in compare_outputs(recorded.outputs, other.outputs, options):
        if isinstance(found, FileComparison):
            verdicts.append(_output_verdict(found, number))
            evidence.append(
                OutputEvidence(key, present=True, same_schema=found.same_schema, equal=found.equal,
                               established=found.established)
            )  # fmt: skip
            continue
        verdicts.append(
            OutputVerdict(path=key, equal=False, same_schema=False, method="presence", run=number, note=found.note)
        )
        evidence.append(OutputEvidence(key, present=found.written, same_schema=found.written, equal=False))
    return verdicts, evidence


def _output_verdict(found: FileComparison, number: int) -> OutputVerdict:
    return OutputVerdict(
        path=found.path, equal=found.equal, same_schema=found.same_schema, method=found.method,
        established=found.established,
        run=0 if found.equal else number, differing=found.differing,
        differences=[
            ValueDifference(
                where=d.where, index=list(d.index) if d.index is not None else None, recorded=d.a, replayed=d.b,
                max_abs=d.max_abs, max_ulp=d.max_ulp, share=d.share, detail=d.detail,
            )
            for d in found.differences
        ],
        note=found.note,
    )  # fmt: skip


def _traces(
    recorded: Side, other: Side, number: int, *, started_alike: bool
) -> tuple[list[TraceVerdict], list[TraceEvidence], Divergence | None]:
    verdicts, evidence, found = [], [], []
    renamed = paired_streams(recorded, other)
    taken = set(renamed.values())
    for name in sorted({*recorded.streams, *(other.streams.keys() - taken)}):
        partner = renamed.get(name, "" if name in taken else name)
        a, b = recorded.streams.get(name), other.streams.get(partner)
        steps_a, steps_b = (s.summary.steps if s else 0 for s in (a, b))
        if not steps_a and not steps_b:
            continue
        if a is None or b is None or a.trace is None or b.trace is None:
            observed = b is not None and bool(b.trace)
            note = "not observed in this run" if not observed else "not in the record"
            verdicts.append(
                TraceVerdict(stream=name, steps_recorded=steps_a, steps_replayed=steps_b, steps_compared=0,
                             tensors_compared=0, not_compared=[note], equal=False)
            )  # fmt: skip
            evidence.append(
                TraceEvidence(name, steps_a, steps_b, observed=observed, comparable=False, equal=False, complete=False)
            )
            continue
        alignment = align(a.trace, b.trace, started_alike=started_alike)
        verdicts.append(_trace_verdict(name, alignment))
        evidence.append(_trace_evidence(name, alignment))
        if alignment.first is not None:
            found.append((name, a, alignment.first))
    return verdicts, evidence, _divergence(found, number) if found else None


def _trace_verdict(name: str, alignment: Alignment) -> TraceVerdict:
    return TraceVerdict(
        stream=name, steps_recorded=alignment.steps_recorded, steps_replayed=alignment.steps_replayed,
        steps_compared=alignment.steps_compared, tensors_compared=alignment.tensors_compared,
        not_compared=alignment.not_compared, equal=alignment.equal,
    )  # fmt: skip


def _trace_evidence(name: str, alignment: Alignment) -> TraceEvidence:
    return TraceEvidence(
        name, alignment.steps_recorded, alignment.steps_replayed, observed=True, comparable=alignment.comparable,
        equal=alignment.first is None, complete=not alignment.gaps,
    )  # fmt: skip


def _divergence(found: list[tuple[str, Stream, Difference]], number: int) -> Divergence:
    (name, stream, first), followers = first_of(found)
    return Divergence(
        step=first.step, part=first.part, tensor=first.tensors[0] if first.tensors else None,
        tensors=list(first.tensors[:_TENSORS]), stream=stream.summary.name or name, cause=first.cause,
        after_step=first.after_step, recorded=first.recorded_loss, replayed=first.replayed_loss,
        detail="; ".join(text for text in (first.detail, followers) if text),
        run=number,
    )  # fmt: skip


def _output_divergence(outputs: list[OutputVerdict], number: int) -> Divergence | None:
    """Without a trace, the first difference in an output is all that can be said of where."""
    for output in outputs:
        if output.equal:
            continue
        place = output.differences[0] if output.differences else None
        return Divergence(
            step=None, part="output", tensor=f"{output.path}: {place.where}" if place else output.path,
            tensors=[f"{output.path}: {d.where}" for d in output.differences[:_TENSORS]], cause=None, run=number,
            detail="no traced step differs; the outputs do" if place else output.note,
        )  # fmt: skip
    return None


def _same_stdout(recorded: Side, other: Side) -> bool | None:
    """Whether every process printed the same; None where nothing was kept. It never decides a tier."""
    pairs: list[tuple[Path | None, Path | None]] = [
        (a.stdout, other.streams[name].stdout)
        for name, a in recorded.streams.items()
        if a.stdout is not None and name in other.streams
    ]
    pairs = pairs or [(recorded.stdout, other.stdout)]
    if any(a is None or b is None for a, b in pairs):
        return None
    moved = Relocation(recorded.moved), Relocation(other.moved)
    return all(_printed(a, moved[0]) == _printed(b, moved[1]) for a, b in pairs if a is not None and b is not None)


def _printed(path: Path, moved: Relocation) -> str:
    return moved.text(path.read_bytes().decode("utf-8", "surrogateescape"))
