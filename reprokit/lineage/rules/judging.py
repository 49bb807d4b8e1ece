"""Judges whether something may be released: every rule, at everything that it descends from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reprokit.lineage.graph import Graph
from reprokit.lineage.rules import completeness, freshness, integrity
from reprokit.lineage.rules.chain import ancestors, belated
from reprokit.lineage.rules.wanting import name_of, wanting

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from reprokit.lineage.rules.integrity import FileState
    from reprokit.schema.lineage import Lineage
    from reprokit.schema.release import RebuildTest, ReleaseFinding, ReleaseRules


@dataclass(frozen=True)
class Judged:
    """What was found, and what it was found of."""

    findings: list[ReleaseFinding]
    models: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    manifests: list[str] = field(default_factory=list)
    rebuilt: RebuildTest | None = None


def judge_release(
    lineage: Lineage, subject: str, rules: ReleaseRules, now: int, files: Mapping[str, FileState] | None = None,
    unrelated: Collection[tuple[str, str]] = (),
) -> Judged:  # fmt: skip
    """Judges a model, a bundle, or a run.

    Where several runs made the same content, one that holds is proof enough, and the best of them is shown. Everything
    that it descends from must hold.

    Args:
        lineage: the graph, or the part of it that matters: every execution in it has all of its links.
        subject: identifier of a node.
        rules: the policy.
        now: in milliseconds since the epoch.
        files: those at hand, by the artifact that they were.
        unrelated: runs and manifests at hand that hold no file that the run used.
    """
    graph = Graph(lineage)
    links, changed = list(integrity.of_graph(graph)), list(integrity.of_files(graph, files or {}))
    everywhere = [*links, *changed]
    if subject not in graph.artifacts and subject not in graph.executions:
        return Judged([*everywhere, wanting(graph, "RPK179", subject, f"{subject} is not in the graph")])
    makers = makers_of(graph, subject)
    if not makers:
        if any(finding.code == "RPK173" and finding.node == subject for finding in everywhere):
            return Judged(everywhere)
        message = f"no run is known that made {name_of(graph, subject)}"
        return Judged([*everywhere, wanting(graph, "RPK170", subject, message)])
    elsewhere = _elsewhere(graph, makers)
    judged = [
        _of_maker(graph, maker, rules, now, unrelated, [one for one in changed if one.node not in elsewhere[maker]])
        for maker in makers
    ]
    best = min(judged, key=lambda one: len(one.findings))
    kept = _models(graph, subject, best.models)
    nothing = [_without_model(graph, subject)] if rules.models and not kept else []
    cut = integrity.cut_from_makers(graph, kept)
    return Judged(
        _unique([*links, *best.findings, *cut, *nothing]), kept, best.runs, best.manifests, best.rebuilt
    )  # fmt: skip


def judge_several(
    lineage: Lineage, subjects: Sequence[str], rules: ReleaseRules, now: int,
    files: Mapping[str, FileState] | None = None, unrelated: Collection[tuple[str, str]] = (),
) -> Judged:  # fmt: skip
    """Judges artifacts that are released together: all of them must hold. The oldest rebuild test is shown.

    Those that the same runs made are judged once.
    """
    graph = Graph(lineage)
    alike: dict[tuple[str, ...], list[str]] = {}
    for subject in subjects:
        makers = tuple(makers_of(graph, subject))
        alike.setdefault(makers or (subject,), []).append(subject)
    several = [judge_release(lineage, group[0], rules, now, files, unrelated) for group in alike.values()]
    if len(subjects) == 1:
        return several[0]
    tests = [one.rebuilt for one in several if one.rebuilt is not None]
    return Judged(
        _unique(
            [*(finding for one in several for finding in one.findings), *integrity.cut_from_makers(graph, subjects)]
        ),
        models=sorted(subjects),
        runs=sorted({run for one in several for run in one.runs}),
        manifests=sorted({manifest for one in several for manifest in one.manifests}),
        rebuilt=min(tests, key=lambda test: test.time, default=None),
    )


def _models(graph: Graph, subject: str, made: list[str]) -> list[str]:
    """What is to be released: the file that was asked about, whatever its name; of a bundle or a run, its models."""
    node = graph.artifacts.get(subject)
    if node is not None and node.type != "Bundle":
        return [subject]
    return made


def _without_model(graph: Graph, subject: str) -> ReleaseFinding:
    return wanting(
        graph, "RPK179", subject, f"{name_of(graph, subject)} made no model that is known as one: nothing is released",
        "Name the file itself, or say which files are models in [tool.reprokit.lineage] models and record again, or "
        "judge what makes none, too: models = false in [tool.reprokit.release].",
    )  # fmt: skip


def makers_of(graph: Graph, subject: str) -> list[str]:
    """The executions whose chains count: the runs that made it, or it itself; the last one first."""
    if subject in graph.executions:
        return [subject]
    makers = {*graph.makers[subject]}
    runs = (node for node in graph.lineage.executions if node.type == "Run")
    makers |= {node.id for node in runs if node.properties.get("bundle") == subject}
    known = [node for maker in makers if (node := graph.executions.get(maker)) is not None and node.type == "Run"]
    return [node.id for node in sorted(known, key=lambda node: (-node.started, node.id))]


def _elsewhere(graph: Graph, makers: Sequence[str]) -> dict[str, set[str]]:
    """What only the chains of other makers are about: where all was run again, their files lie there no more."""
    parts = {}
    for maker in makers:
        above = ancestors(graph, maker)
        parts[maker] = {one for run in above for one in (*graph.inputs[run], *graph.outputs[run])}
        parts[maker] |= {bundle for run in above if (bundle := freshness.bundle_of(graph, run))}
    everything = set().union(*parts.values())
    return {maker: everything - part for maker, part in parts.items()}


def _of_maker(
    graph: Graph, maker: str, rules: ReleaseRules, now: int, unrelated: Collection[tuple[str, str]],
    changed: Sequence[ReleaseFinding],
) -> Judged:  # fmt: skip
    above = ancestors(graph, maker)
    findings = [
        *changed,
        *integrity.of_chain(graph, above, rules, unrelated),
        *completeness.of_runs(graph, above, rules),
        *_of_belated(graph, above, rules),
        *freshness.of_run(graph, maker, rules, now),
    ]
    used = {artifact for execution in above for artifact in graph.inputs[execution]}
    bundle = freshness.bundle_of(graph, maker)
    return Judged(
        findings,
        models=_of_type(graph, graph.outputs[maker], "Model"),
        runs=sorted(above),
        manifests=_of_type(graph, used, integrity.MANIFEST),
        rebuilt=freshness.last_test(graph, bundle, now) if bundle else None,
    )


def _of_belated(graph: Graph, above: dict[str, list[str]], rules: ReleaseRules) -> Iterator[ReleaseFinding]:
    """What runs do not say that made a file too late by the clocks: it cannot be told whether they are of the chain."""
    users = belated(graph, above)
    for finding in completeness.of_runs(graph, users, rules):
        if finding.node in users:
            when = f"by the clocks it made what {name_of(graph, users[finding.node])} used only after that had ended"
            yield finding.model_copy(update={"message": f"{finding.message} ({when})", "established": False})


def _of_type(graph: Graph, nodes: set[str] | list[str], kind: str) -> list[str]:
    return sorted(node for node in nodes if node in graph.artifacts and graph.artifacts[node].type == kind)


def _unique(findings: list[ReleaseFinding]) -> list[ReleaseFinding]:
    return list({(one.code, one.node, one.message): one for one in findings}.values())
