"""Asks the lineage graph, and adds to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprokit.errors import CorruptBundleError, UsageError
from reprokit.launch.lineage_opening import opened_graph
from reprokit.launch.lineage_parts import part_of_bundle
from reprokit.launch.opening import open_bundle
from reprokit.lineage.merging import merge
from reprokit.lineage.rules.sealing import sealed
from reprokit.schema.lineage import Artifact, Lineage
from reprokit.schema.lineage_answers import (
    LineageAdded,
    LineageNode,
    LineageStore,
    LineageWalk,
)
from reprokit.schema.versions import load_document
from reprokit.verbs.lineage_nodes import check_readable, nodes_meant

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from reprokit.launch.lineage_opening import OpenedGraph
    from reprokit.lineage.graph import Direction
    from reprokit.schema.lineage import Execution

_ZSTD = b"\x28\xb5\x2f\xfd"
_MOST_BYTES = 4 << 30  # of a graph's document


def walk(asked: str, direction: Direction, *, depth: int | None = None, start: Path | None = None) -> LineageWalk:
    """What made something (``up``), or what came of it (``down``), through any number of runs.

    Args:
        asked: a path, an identifier or its beginning, a name, a URI.
        direction: ``up`` or ``down``.
        depth: how many runs to go; None for all.
        start: where the project's settings are looked for; the working directory by default.

    Raises:
        UsageError: RPK144, RPK145.
        UnverifiedError: RPK140, RPK141, RPK144.
    """
    with opened_graph(start) as graph:
        meant = nodes_meant(graph.store, asked)
        starts = [node.id for node in meant]
        found = graph.store.walk(starts, direction, depth)
    return LineageWalk(
        direction=direction, asked=asked, starts=starts, depth=depth, lineage=found, warnings=graph.warnings
    )  # fmt: skip


def add(sources: Sequence[Path], *, start: Path | None = None) -> LineageAdded:
    """Adds what bundles and ``reprokit.lineage/1`` documents say; adding it again changes nothing.

    All of it is read before any of it is added.

    Raises:
        UsageError: RPK003, a file is missing.
        CorruptBundleError: a bundle or a document is damaged or newer.
        UnverifiedError: RPK140, RPK141.
    """
    parts = [_part_in(source) for source in sources]
    with opened_graph(start) as graph:
        return added(graph, merge(parts), [str(source) for source in sources])


def added(graph: OpenedGraph, lineage: Lineage, sources: list[str], loses: Sequence[str] = ()) -> LineageAdded:
    """Adds a graph to an open store, and counts what is new in it."""
    before = graph.store.counts()
    graph.store.add(lineage)
    after = graph.store.counts()
    new = {name: after[name] - before[name] for name in after}
    return LineageAdded(
        store=graph.store.place, sources=sources, artifacts=new["artifact"], executions=new["execution"],
        contexts=new["context"], events=new["event"], loses=list(loses), warnings=graph.warnings,
    )  # fmt: skip


def _part_in(path: Path) -> Lineage:
    check_readable(path)
    try:
        with path.open("rb") as file:
            if file.read(4) != _ZSTD:
                file.seek(0)
                if path.stat().st_size > _MOST_BYTES:
                    raise CorruptBundleError("RPK027", f"{path} is larger than any lineage graph ({_MOST_BYTES} bytes)")
                return _document(path, file.read())
    except OSError as error:
        raise UsageError("RPK003", f"cannot read {path}: {error.strerror}") from None
    with open_bundle(path) as (reader, manifest, bundle_id):
        return part_of_bundle(reader, manifest, bundle_id, path.stat().st_size)


def _document(path: Path, data: bytes) -> Lineage:
    """A graph, or what a dataset manifest says of one."""
    try:
        load_document(data, "reprokit.dataset-manifest/1", str(path))
    except CorruptBundleError as error:
        if error.code == "RPK027":  # another document
            return Lineage.parse(data, str(path))
        raise
    from reprokit.datasets.lineage_part import lineage_of_manifest
    from reprokit.datasets.manifests import read_manifest

    return sealed(lineage_of_manifest(read_manifest(path)))


def show(asked: Sequence[str] = (), *, start: Path | None = None) -> LineageStore:
    """Where the graph is kept and how much it holds, and all that is known of some nodes.

    Raises:
        UsageError: RPK144, RPK145.
        UnverifiedError: RPK140, RPK141, RPK144.
    """
    with opened_graph(start) as graph:
        nodes = [_known(graph, node) for text in asked for node in nodes_meant(graph.store, text)]
        return LineageStore(
            store=graph.store.place, counts=graph.store.counts(), types=graph.store.types(), waiting=graph.waiting,
            nodes=nodes, warnings=graph.warnings,
        )  # fmt: skip


def _known(graph: OpenedGraph, node: Artifact | Execution) -> LineageNode:
    around = graph.store.around(node.id)
    links = [link.context for link in around.attributions if link.artifact == node.id]
    links += [link.context for link in around.associations if link.execution == node.id]
    events = [event for event in around.events if node.id in (event.artifact, event.execution)]
    if isinstance(node, Artifact):
        return LineageNode(artifact=node, events=events, contexts=links)
    return LineageNode(execution=node, events=events, contexts=links)
