"""Compares the runs of a marked test and says which tier they reach. Nothing is run here."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reprokit.checks.results import tolerance_of
from reprokit.compare.files.content import Difference
from reprokit.compare.tiers import MetricEvidence, OutputEvidence, judge, judge_run
from reprokit.compare.values import differences
from reprokit.compare.values.stored import take
from reprokit.launch.numbers import collect_metrics
from reprokit.launch.sides import Side, Stream
from reprokit.launch.tracing import collect_streams, folder_of
from reprokit.observe.reading import read_processes
from reprokit.pytest_plugin.closeness import is_close
from reprokit.pytest_plugin.inner import VALUES
from reprokit.schema.config import load_config
from reprokit.schema.tiers import Tier
from reprokit.trace.columns import Trace
from reprokit.verbs.compare import compare_sides

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reprokit.compare.tiers import Judgement, RunEvidence, RunJudgement
    from reprokit.pytest_plugin.process import Ended
    from reprokit.schema.config import Config
    from reprokit.schema.verdict import Divergence, OutputVerdict

RETURNED = "the return value"
_SHOWN = 5


@dataclass(frozen=True)
class ValueDifferences:
    """How one checked or returned value differs: its name, a few of the places, and how many there are."""

    name: str
    differences: tuple[Difference, ...]
    differing: int


@dataclass
class Pair:
    """Run 1 compared with another one.

    Attributes:
        number: of the other run.
        drawn: generators that both drew from and that ended in different states.
    """

    number: int
    judgement: RunJudgement
    values: list[ValueDifferences] = field(default_factory=list)
    files: list[OutputVerdict] = field(default_factory=list)
    divergence: Divergence | None = None
    not_compared: list[str] = field(default_factory=list)
    drawn: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Judged:
    """All runs of a test: the judgement, and the pair that says most about it.

    ``compared`` counts what there was to compare: values, files, traced steps.
    """

    judgement: Judgement
    worst: Pair
    compared: dict[str, int]


def judge_runs(runs: Sequence[Ended], target: str, root: Path, level: str) -> Judged:
    """Compares every run with the first one.

    Args:
        runs: two or more that handed in a result.
        target: the tier asked for.
        root: where the project's configuration is looked for.
        level: of the trace.
    """
    config = load_config(root)
    sides = [_side(run, config, level) for run in runs]
    pairs = [_pair(runs[0], run, sides[0], side, config) for run, side in zip(runs[1:], sides[1:], strict=True)]
    judgement = judge([pair.judgement for pair in pairs], Tier(target))
    worst = min(pairs, key=lambda pair: (pair.judgement.tier.rank, pair.number))
    compared = {
        "values": len(_values(runs[0])),
        "files": len(sides[0].outputs),
        "steps": sum(stream.summary.steps for stream in sides[0].streams.values()),
    }
    return Judged(judgement, worst, compared)


def _side(run: Ended, config: Config, level: str) -> Side:
    """The files and traces of one run."""
    side = Side(0, duration_s=run.outcome.duration_s, outputs=_files(run.room / "tmp"))
    if level != "off":
        found = collect_streams(read_processes(run.room / "recording"), run.room / "columns", level)
        for summary in found.streams:
            folder = run.room / "columns" / folder_of(summary.name)
            trace = Trace.at(folder) if (folder / "index.json").exists() else None
            side.streams[summary.name] = Stream(summary, trace)
    streams = [stream.summary for stream in side.streams.values()]
    side.metrics = collect_metrics(side.outputs, None, config.metrics, streams)
    return side


def _files(top: Path) -> dict[str, Path]:
    """What the test wrote. Links are left out (pytest makes some), as are bundles, which hold times."""
    found = {}
    for directory, _names, files in os.walk(top):
        for name in files:
            path = Path(directory, name)
            if path.is_file() and not path.is_symlink() and not name.endswith(".repro.tar.zst"):
                found[str(path.relative_to(top))] = path
    return found


def _values(run: Ended) -> dict[str, dict[str, Any]]:
    assert run.result is not None
    found: dict[str, dict[str, Any]] = {f"check {name!r}": one for name, one in run.result["checks"].items()}
    if run.result["returned"] is not None:
        found[RETURNED] = {"leaves": run.result["returned"], "tolerance": {}}
    return found


def _pair(first: Ended, other: Ended, a: Side, b: Side, config: Config) -> Pair:
    compared = compare_sides(a, b, config, other.number, started_alike=False)
    values, outputs, metrics = _compare_values(first, other)
    evidence: RunEvidence = replace(
        compared.evidence,
        outputs=(*compared.evidence.outputs, *outputs),
        metrics=(*compared.evidence.metrics, *metrics),
    )
    assert first.result is not None
    assert other.result is not None
    ends = first.result["generators"], other.result["generators"]
    divergence = compared.divergence
    return Pair(
        other.number, judge_run(evidence), values, [one for one in compared.outputs if not one.equal],
        divergence if divergence is not None and divergence.step is not None else None,
        [text for trace in compared.traces for text in trace.not_compared],
        sorted(name for name in ends[0] if name in ends[1] and ends[0][name] != ends[1][name]),
    )  # fmt: skip


def _compare_values(
    first: Ended, other: Ended
) -> tuple[list[ValueDifferences], list[OutputEvidence], list[MetricEvidence]]:
    a, b = _values(first), _values(other)
    found, outputs, metrics = [], [], []
    for name in {**a, **b}:
        if name not in a or name not in b:
            side = f"run {first.number}" if name in a else f"run {other.number}"
            place = Difference("", None, "", "", None, None, None, f"only {side} has it")
            found.append(ValueDifferences(name, (place,), 1))
            outputs.append(OutputEvidence(name, present=name in b, same_schema=name in b, equal=False))
            continue
        one = _compare_value(name, a[name]["leaves"], b[name]["leaves"], (first, other))
        schema = _schema(a[name]["leaves"]) == _schema(b[name]["leaves"])
        outputs.append(OutputEvidence(name, present=True, same_schema=schema, equal=one is None))
        close = one is None or (schema and _all_close(a[name], b[name]["leaves"], (first, other)))
        metrics.append(MetricEvidence(name, close=close, equal=one is None, declared=True))
        found += [one] if one is not None else []
    return found, outputs, metrics


def _schema(leaves: Mapping[str, Any]) -> dict[str, Any]:
    """What must be alike for two values to be close: names, types, shapes."""
    return {path: [leaf.get(key) for key in ("kind", "dtype", "shape", "type")] for path, leaf in leaves.items()}


def _compare_value(
    name: str, a: Mapping[str, Any], b: Mapping[str, Any], runs: tuple[Ended, Ended]
) -> ValueDifferences | None:
    """Where a value differs. Only leaves whose digests differ are read."""
    paths = [path for path in {**a, **b} if path not in a or path not in b or a[path]["digest"] != b[path]["digest"]]
    if not paths:
        return None
    left = {path: take(a[path], runs[0].room / VALUES) for path in paths if path in a}
    right = {path: take(b[path], runs[1].room / VALUES) for path in paths if path in b}
    large = [path for path in paths if (path in a and left[path] is None) or (path in b and right[path] is None)]
    outcome = differences(
        {path: leaf for path, leaf in left.items() if path not in large and leaf is not None},
        {path: leaf for path, leaf in right.items() if path not in large and leaf is not None},
        _SHOWN,
    )
    text = "the digests differ; too large to be kept, so where is not known"
    unread = [Difference(path or "(root)", None, "", "", None, None, None, text) for path in large[:_SHOWN]]
    return ValueDifferences(name, (*outcome.differences, *unread), outcome.differing + len(large))


def _all_close(value: Mapping[str, Any], other: Mapping[str, Any], runs: tuple[Ended, Ended]) -> bool:
    given = value["tolerance"]
    tolerance = tolerance_of(given.get("rtol"), given.get("atol"), given.get("ulp"))
    for path, leaf in value["leaves"].items():
        if leaf["digest"] == other[path]["digest"]:
            continue
        a, b = take(leaf, runs[0].room / VALUES), take(other[path], runs[1].room / VALUES)
        if a is None or b is None or not is_close(a, b, tolerance):
            return False
    return True
