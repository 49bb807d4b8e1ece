"""Lineage integrity: no link of the chain is missing, none leads nowhere or in a circle, and no file is another one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reprokit.lineage.rules.chain import belated, circle, descendants
from reprokit.lineage.rules.sealing import USED, broken, links
from reprokit.lineage.rules.wanting import is_run, name_of, wanting
from reprokit.schema.lineage import MAKER, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from reprokit.lineage.graph import Graph
    from reprokit.schema.lineage import Artifact, Execution
    from reprokit.schema.release import ReleaseFinding, ReleaseRules

MANIFEST = "DatasetManifest"


@dataclass(frozen=True)
class FileState:
    """A file of the chain, or the files of a dataset manifest, as they are now.

    Attributes:
        place: where it was looked for.
        digest: ``sha256:HEX`` of its content; empty when it could not be read.
        problem: why it could not be read.
        difference: how the files of a manifest differ from what it says.
    """

    place: str
    digest: str = ""
    problem: str = ""
    difference: str = ""


def of_graph(graph: Graph) -> list[ReleaseFinding]:
    """What is wrong with a graph whatever it is asked: links that were cut, and links that lead nowhere."""
    return [*_cut(graph), *_dangling(graph)]


def cut_executions(graph: Graph) -> dict[str, str]:
    """Executions that miss links, and which."""
    known = links(graph.lineage)
    found = {node.id: broken(node, known[node.id]) or _unbundled(graph, node) for node in graph.lineage.executions}
    return {execution: said for execution, said in found.items() if said}


def _unbundled(graph: Graph, node: Execution) -> str:
    """A run is sealed without its bundle, which it says itself; where both are known, so is the link between them."""
    bundle = node.properties.get("bundle")
    if node.type != "Run" or USED not in node.properties or bundle not in graph.artifacts:
        return ""
    return "" if bundle in graph.outputs[node.id] else f"says that its bundle is {bundle} and is not linked to it"


def _cut(graph: Graph) -> Iterator[ReleaseFinding]:
    for execution, said in cut_executions(graph).items():
        yield wanting(graph, "RPK170", execution, f"{name_of(graph, execution)} {said}: a link was cut or changed")


def _dangling(graph: Graph) -> Iterator[ReleaseFinding]:
    """Contexts do not count: nothing descends from them."""
    events = graph.lineage.events
    named = {event.artifact for event in events} | {event.execution for event in events}
    nodes = (*graph.lineage.artifacts, *graph.lineage.executions)
    described = {node.id for node in nodes if node.type != UNKNOWN}
    for node in sorted((named | {node.id for node in nodes}) - described):
        yield wanting(graph, "RPK173", node, f"a link names {node}, and nothing says what it is")


def of_chain(
    graph: Graph, above: Mapping[str, list[str]], rules: ReleaseRules, unrelated: Collection[tuple[str, str]] = ()
) -> Iterator[ReleaseFinding]:
    """What is wrong with the runs that something descends from."""
    chain = dict(above)
    yield from _models_without_run(graph, chain, rules)
    yield from cut_from_makers(graph, {artifact for execution in chain for artifact in graph.inputs[execution]})
    if rules.manifests:
        yield from _runs_without_manifest(graph, chain, unrelated)
    found = circle(chain)
    if found:
        said = " -> ".join(name_of(graph, node) for node in reversed(found))
        yield wanting(graph, "RPK172", found[0], f"these follow from each other in a circle: {said}")


def _models_without_run(graph: Graph, chain: dict[str, list[str]], rules: ReleaseRules) -> Iterator[ReleaseFinding]:
    """Models that a run of the chain used and that none made before it."""
    without = {
        artifact
        for execution, makers in chain.items()
        for artifact in graph.inputs[execution]
        if not set(graph.makers[artifact]) & set(makers)
    }
    for artifact in sorted(without):
        node = graph.artifacts.get(artifact)
        if node is None or node.type != "Model":
            continue
        if not ({node.id, node.name} - {""}) & set(rules.external_models):
            yield wanting(graph, "RPK170", artifact, f"no run is known that made {name_of(graph, artifact)}")


def cut_from_makers(graph: Graph, artifacts: Collection[str]) -> Iterator[ReleaseFinding]:
    """Files, models and manifests that say themselves what made them, which is not linked to them.

    The execution that was cut off is not in the chain any more, so that its own count of links cannot be asked. Only of
    what a chain used, or what is released, are all makers in the part of the graph that is judged: what else its runs
    made, a run that is no part of it may have made again.
    """
    for artifact in sorted(artifacts):
        node = graph.artifacts.get(artifact)
        maker = node.properties.get(MAKER) if node is not None else None
        if maker is not None and maker not in graph.makers[artifact]:
            message = f"{name_of(graph, artifact)} was made by {maker}, which is not linked to it: a link was cut"
            yield wanting(graph, "RPK170", artifact, message)


def _runs_without_manifest(
    graph: Graph, chain: dict[str, list[str]], unrelated: Collection[tuple[str, str]]
) -> Iterator[ReleaseFinding]:
    """A run whose links were cut has been named already, and with it those that descend from it."""
    manifests = {node.id: node for node in graph.lineage.artifacts if node.type == MANIFEST}
    direct, useless = [], {}
    for run in chain:
        linked = [artifact for artifact in graph.inputs[run] if artifact in manifests]
        good = [one for one in linked if (run, one) not in unrelated and not _is_empty(manifests[one])]
        if good:
            direct.append(run)
        if len(good) < len(linked):
            useless[run] = [one for one in linked if one not in good]
    held = descendants(chain, [*direct, *useless, *cut_executions(graph)])
    late = {user: maker for maker, user in belated(graph, chain).items()}
    for run in sorted(chain):
        node = graph.executions.get(run)
        if not is_run(node):
            continue
        for one in useless.get(run, ()):
            why = "describes no data" if _is_empty(manifests[one]) else "holds no file that it read"
            yield wanting(
                graph, "RPK171", run, f"{name_of(graph, run)} is linked to {name_of(graph, one)}, which {why}"
            )
        if run not in held:
            said = f"{name_of(graph, run)} used no dataset manifest"
            if run in late:
                said += f"; by the clocks {name_of(graph, late[run])} made its data only after it had ended"
            yield wanting(graph, "RPK171", run, said)


def _is_empty(manifest: Artifact) -> bool:
    """Whether a manifest says that it has neither files nor rows."""
    return manifest.properties.get("files") == 0 and not manifest.properties.get("rows")


def of_files(graph: Graph, files: Mapping[str, FileState]) -> Iterator[ReleaseFinding]:
    """Files that are no longer what they were, by the artifact that they were."""
    for artifact, state in sorted(files.items()):
        if state.problem:
            yield wanting(graph, "RPK149", artifact, f"{state.place} cannot be digested: {state.problem}")
        elif state.difference:
            message = f"{state.place}: it is no longer {name_of(graph, artifact)}: {state.difference}"
            yield wanting(graph, "RPK174", artifact, message)
        elif state.digest != artifact:
            message = f"{state.place} is {state.digest}, and {name_of(graph, artifact)} was {artifact}"
            yield wanting(graph, "RPK174", artifact, message)
