"""Completeness: each run says which code, which image, which parameters and which seed it had."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from reprokit.lineage.impact import UNCOVERED
from reprokit.lineage.rules.integrity import MANIFEST
from reprokit.lineage.rules.wanting import is_run, name_of, wanting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reprokit.lineage.graph import Graph
    from reprokit.schema.lineage import Execution
    from reprokit.schema.release import ReleaseFinding, ReleaseRules

_SEEDED = ("recorded", "none")  # the random states were kept, or there were none


def of_runs(graph: Graph, chain: Iterable[str], rules: ReleaseRules) -> Iterator[ReleaseFinding]:
    """What the runs of a chain do not say, and what they say that the policy refuses."""
    for execution in sorted(chain):
        run = graph.executions.get(execution)
        if run is None or not is_run(run):
            continue
        missing = list(_missing(run, rules))
        who = name_of(graph, run.id)
        if missing:
            yield wanting(graph, "RPK175", run.id, f"{who} does not say: {', '.join(missing)}")
        if rules.failed_run == "refuse" and _failed(run):
            status = run.properties.get("exit_status", "not known")
            yield wanting(
                graph, "RPK175", run.id, f"{who} did not complete: it is {run.state}, its exit status {status}",
                'Release what a complete run made, or allow it: failed_run = "allow".',
            )  # fmt: skip
        if rules.dirty_tree == "refuse" and run.properties.get("git_dirty") is True:
            commit = run.properties.get("git_commit", "its commit")
            yield wanting(graph, "RPK176", run.id, f"{who} ran code that is not that of {commit}")
        if rules.unknown_image == "refuse" and not _stated(run, "image_digest"):
            where = run.properties.get("container", "not known")
            message = f"{who} names no container image (container: {where})"
            yield wanting(graph, "RPK148", run.id, message)
    yield from _of_manifests(graph, chain, rules)


def _missing(run: Execution, rules: ReleaseRules) -> Iterator[str]:
    if rules.unknown_commit == "refuse" and not _stated(run, "git_commit"):
        yield "git_commit"
    elif rules.dirty_tree == "refuse" and _stated(run, "git_commit") and not _stated(run, "git_dirty"):
        yield "git_dirty"
    if not _stated(run, "command") and not any(name.startswith("parameter.") for name in run.properties):
        yield "command or parameters"
    known = _stated(run, "seed") or run.properties.get("entropy") in _SEEDED
    if rules.unknown_seed == "refuse" and not known:
        yield "seed"
    options = _options(str(run.properties.get("command", "")))
    for name in rules.parameters:
        if not _stated(run, f"parameter.{name}") and _plain(name) not in options:
            yield f"parameter.{name}"
    uncovered = run.properties.get(UNCOVERED, 0)
    if rules.uncovered_inputs == "refuse" and uncovered:
        yield f"the manifests of {uncovered} {'file' if uncovered == 1 else 'files'} that it read"
    for name in rules.properties:
        if not _stated(run, name):
            yield name


def _failed(run: Execution) -> bool:
    return run.state not in ("COMPLETE", "CACHED") or run.properties.get("exit_status", 0) != 0


def _stated(run: Execution, name: str) -> bool:
    return run.properties.get(name, "") != ""


def _options(command: str) -> set[str]:
    """What a command line states: ``lr`` for ``--lr 0.1``, ``--lr=0.1`` and ``lr=0.1``."""
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    found = (re.match(r"--([\w.-]+)(?:=|$)|([A-Za-z_][\w.]*)=", word) for word in words)
    return {_plain(match[1] or match[2]) for match in found if match}


def _plain(name: str) -> str:
    return name.replace("-", "_")


def _of_manifests(graph: Graph, chain: Iterable[str], rules: ReleaseRules) -> Iterator[ReleaseFinding]:
    used = sorted({artifact for execution in chain for artifact in graph.inputs[execution]})
    for artifact in used:
        node = graph.artifacts.get(artifact)
        if node is None or node.type != MANIFEST:
            continue
        missing = [name for name in rules.manifest_properties if node.properties.get(name, "") == ""]
        if missing:
            message = f"{name_of(graph, artifact)} does not say: {', '.join(missing)}"
            yield wanting(graph, "RPK175", artifact, message, "State it in the dataset's manifest and make it anew.")
