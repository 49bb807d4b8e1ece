"""The part of a graph that a release is judged by: what something descends from, and the rebuild tests of it.

Every execution in it comes with all of its links, since the rules miss one that is not there.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote_to_bytes, urlsplit

from reprokit.digest import sha256_file
from reprokit.launch.texts import raw_of
from reprokit.lineage.graph import Graph
from reprokit.lineage.merging import merge
from reprokit.lineage.rules import FileState
from reprokit.lineage.rules.chain import ancestors
from reprokit.lineage.rules.judging import makers_of
from reprokit.schema.lineage import MAKER, Lineage

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from reprokit.lineage.graph import Direction
    from reprokit.schema.lineage import Artifact, Execution


_FILES = ("File", "Model", "OptOutList")


class GraphSource(Protocol):
    """What can be asked for parts of a graph: a store is one."""

    def find(self, text: str) -> list[Artifact | Execution]:
        """Nodes meant by a text."""
        ...

    def walk(self, starts: Iterable[str], direction: Direction) -> Lineage:
        """Everything that can be reached."""
        ...

    def with_links(self, executions: Iterable[str]) -> Lineage:
        """Executions with all that each used and made."""
        ...

    def unlinked(self, kind: str) -> list[Execution]:
        """Executions of a type that used nothing."""
        ...


class HeldGraph:
    """A graph in memory, asked as a store is."""

    def __init__(self, lineage: Lineage) -> None:
        self.graph = Graph(lineage)

    def find(self, text: str) -> list[Artifact | Execution]:
        """Nodes meant by a text."""
        return self.graph.find(text)

    def walk(self, starts: Iterable[str], direction: Direction) -> Lineage:
        """Everything that can be reached from some nodes."""
        return self.graph.part(self.graph.reached(starts, direction))

    def with_links(self, executions: Iterable[str]) -> Lineage:
        """Executions with all that each used and made."""
        wanted = set(executions)
        events = self.graph.lineage.events
        return self.graph.part(wanted | {event.artifact for event in events if event.execution in wanted})

    def unlinked(self, kind: str) -> list[Execution]:
        """Executions of a type that used nothing."""
        return [node for node in self.graph.executions.values() if node.type == kind and not self.graph.inputs[node.id]]


def chain_of(source: GraphSource, subjects: Collection[str], own: Lineage) -> Lineage:
    """All that the rules need to know about something, or about several things together.

    Args:
        source: the graph.
        subjects: identifiers of nodes.
        own: what the subject, a bundle, says itself; it need not be in the graph.
    """
    starts = {*subjects, *(node.id for node in own.artifacts), *(node.id for node in own.executions)}
    known = merge([own, _above(source, starts)])
    made_again = _made_again(Graph(known), subjects)
    if made_again:
        known = merge([known, _above(source, made_again)])
    bundles = {node.id for node in known.artifacts if node.type == "Bundle"} | {*subjects}
    bundles |= {str(node.properties["bundle"]) for node in known.executions if node.properties.get("bundle")}
    below = source.walk(sorted(bundles), "down")
    replays = [node for node in below.executions if node.type == "Replay"]
    cut_off = [node for node in source.unlinked("Replay") if node.properties.get("bundle") in bundles]
    replays += cut_off
    return merge([known, source.with_links(node.id for node in replays), Lineage(executions=replays)])


def _above(source: GraphSource, starts: Collection[str]) -> Lineage:
    above = source.walk(sorted(starts), "up")
    return merge([above, source.with_links(node.id for node in above.executions)])


def _made_again(graph: Graph, subjects: Collection[str]) -> set[str]:
    """Models of a bundle or a run that say that another run made them: a walk that began at the bundle passed it by."""
    asked = [one for one in subjects if one not in graph.artifacts or graph.artifacts[one].type == "Bundle"]
    made = {artifact for one in asked for maker in makers_of(graph, one) for artifact in graph.outputs[maker]}
    models = [graph.artifacts[one] for one in made if one in graph.artifacts and graph.artifacts[one].type == "Model"]
    return {node.id for node in models if node.properties.get(MAKER, "") not in {"", *graph.makers[node.id]}}


def files_at_hand(
    lineage: Lineage, subject: str, progress: Callable[[str], None] = lambda _text: None
) -> dict[str, FileState]:
    """Digests the files again that something descends from, and itself, where they still are in their place.

    The place is that of each run: one content may lie in two projects, and what happens in one is no matter of the
    other. Only content can be compared so: artifacts whose identifier is the ``sha256`` of a file. Of two places the
    one that differs is told.
    """
    graph = Graph(lineage)
    chains = [ancestors(graph, maker) for maker in makers_of(graph, subject)]
    chain = {execution for above in chains for execution in above}
    found: dict[str, FileState] = {}
    read, written = _places(graph, chain)
    left = {place: 0 for place in written if place[0] == subject and graph.artifacts[subject].type in _FILES}
    for (artifact, path), time in sorted({**left, **read}.items()):
        if artifact.startswith("sha256:") and at_hand(path):
            progress(f"digesting {path.name}")
            state = state_of(path)
            here = state.digest if state.digest != artifact and (artifact, path) in read else ""
            if written.get((here, path), -1) >= time:
                continue  # who goes on from a checkpoint writes the next one in its place
            if artifact not in found or state.digest != artifact:
                found[artifact] = state
    return found


_Places = dict[tuple[str, Path], int]
"""Files by content and place, and when the last run began that read them there, or left them."""


def _places(graph: Graph, chain: set[str]) -> tuple[_Places, _Places]:
    """Where the runs of a chain found their files, and where they left what they made."""
    read: _Places = {}
    written: _Places = {}
    for event in graph.lineage.events:
        node, run = graph.artifacts.get(event.artifact), graph.executions.get(event.execution)
        if event.execution not in chain or node is None or run is None:
            continue
        root, place = run.properties.get("root"), next(iter(event.path), None)
        if isinstance(root, str) and isinstance(place, str):  # what was read by a path was a file, whatever its type
            path = _joined(root, place)
        else:
            path = local_path(node.uri) if node.type in _FILES else None
        if path is not None:
            side = read if event.is_input else written
            side[event.artifact, path] = max(run.started, side.get((event.artifact, path), 0))
    return read, written


def _joined(root: str, place: str) -> Path | None:
    """The absolute path of a file that stands in a graph with its project; None where it is no path."""
    try:
        path = os.path.join(raw_of(root), raw_of(place))
    except ValueError:
        return None
    return None if "\0" in path or not path.startswith("/") else Path(path)


def at_hand(path: Path) -> bool:
    """Whether a file is there, or may be: where nobody may look, reading it says so. A graph may name any path."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except PermissionError:
        return True
    except (OSError, ValueError):  # also a name that is too long for a file
        return False


def state_of(path: Path) -> FileState:
    """A file as it is now."""
    try:
        return FileState(str(path), sha256_file(path))
    except OSError as error:
        return FileState(str(path), problem=error.strerror or str(error))


def local_path(uri: str) -> Path | None:
    """The file that a URI names on this machine; None where it names no absolute path."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        path = os.fsdecode(unquote_to_bytes(parts.path))
    elif not parts.scheme and uri.startswith("/"):
        path = uri
    else:
        return None
    return None if "\0" in path or not path.startswith("/") else Path(path)
