"""Walks a graph that fits into memory: what made this, what came of it, and whether it makes sense."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING, Literal

from reprokit.lineage.merging import normal
from reprokit.schema.lineage import UNKNOWN, Artifact, Execution, Lineage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from reprokit.schema.lineage import Node

Direction = Literal["up", "down"]


class Graph:
    """A graph with its indexes. It is not changed; merge documents and make another one."""

    def __init__(self, lineage: Lineage) -> None:
        self.lineage = normal(lineage)
        self.artifacts = {node.id: node for node in self.lineage.artifacts}
        self.executions = {node.id: node for node in self.lineage.executions}
        self.contexts = {node.id: node for node in self.lineage.contexts}
        self.inputs: dict[str, list[str]] = defaultdict(list)  # execution -> artifacts
        self.outputs: dict[str, list[str]] = defaultdict(list)
        self.users: dict[str, list[str]] = defaultdict(list)  # artifact -> executions
        self.makers: dict[str, list[str]] = defaultdict(list)
        for event in self.lineage.events:
            of_execution, of_artifact = (self.inputs, self.users) if event.is_input else (self.outputs, self.makers)
            if event.artifact not in of_execution[event.execution]:
                of_execution[event.execution].append(event.artifact)
                of_artifact[event.artifact].append(event.execution)

    def steps(self, node: str, direction: Direction) -> list[str]:
        """The nodes next to one: upwards what made it or what it used, downwards what it made or who used it."""
        if node in self.executions or (node not in self.artifacts and (node in self.inputs or node in self.outputs)):
            return self.inputs[node] if direction == "up" else self.outputs[node]
        return self.makers[node] if direction == "up" else self.users[node]

    def reached(self, starts: Iterable[str], direction: Direction) -> dict[str, int]:
        """Every node that can be reached, the starts included, with its distance; in order of distance."""
        depths = dict.fromkeys(starts, 0)
        waiting = deque(depths)
        while waiting:
            node = waiting.popleft()
            for there in self.steps(node, direction):
                if there not in depths:
                    depths[there] = depths[node] + 1
                    waiting.append(there)
        return depths

    def part(self, nodes: Iterable[str]) -> Lineage:
        """The graph between these nodes, with the contexts that they belong to."""
        kept = set(nodes)
        everything = self.lineage
        attributions = [link for link in everything.attributions if link.artifact in kept]
        associations = [link for link in everything.associations if link.execution in kept]
        contexts = self._with_parents({link.context for link in attributions} | {link.context for link in associations})
        return Lineage(
            artifacts=[node for node in everything.artifacts if node.id in kept],
            executions=[node for node in everything.executions if node.id in kept],
            contexts=[node for node in everything.contexts if node.id in contexts],
            events=[event for event in everything.events if event.artifact in kept and event.execution in kept],
            attributions=attributions,
            associations=associations,
            parents=[link for link in everything.parents if link.child in contexts],
        )

    def _with_parents(self, contexts: set[str]) -> set[str]:
        above = defaultdict(list)
        for link in self.lineage.parents:
            above[link.child].append(link.parent)
        waiting = list(contexts)
        while waiting:
            for parent in above[waiting.pop()]:
                if parent not in contexts:
                    contexts.add(parent)
                    waiting.append(parent)
        return contexts

    def find(self, text: str) -> list[Artifact | Execution]:
        """Nodes meant by ``text``: an identifier or its beginning (8 characters and more), a name, or a URI."""
        exact = self.artifacts.get(text) or self.executions.get(text)
        if exact is not None:
            return [exact]
        nodes: list[Artifact | Execution] = [*self.artifacts.values(), *self.executions.values()]
        return [node for node in nodes if meant(node, text)]

    def dangling(self) -> list[str]:
        """Identifiers that an event or a link names and that no node describes, placeholders of a store included."""
        lineage = self.lineage
        artifacts, executions, contexts = referred(lineage)
        missing = (
            artifacts - _described(self.artifacts),
            executions - _described(self.executions),
            contexts - _described(self.contexts),
        )
        return sorted(set().union(*missing))

    def cycle(self, nodes: Iterable[str] | None = None) -> list[str]:
        """Nodes that follow from each other in a circle, first and last alike; empty when there are none.

        An artifact that a run both used and made, such as a file that was appended to, is a circle too: what it holds
        afterwards is another artifact.
        """
        done: set[str] = set()
        for start in nodes if nodes is not None else sorted({*self.artifacts, *self.executions}):
            found = self._cycle_from(start, done)
            if found:
                return found
        return []

    def _cycle_from(self, start: str, done: set[str]) -> list[str]:
        if start in done:
            return []
        trail, places = [start], {start: 0}
        branches: list[Iterator[str]] = [iter(self.steps(start, "down"))]
        while branches:
            there = next(branches[-1], None)
            if there is None:
                branches.pop()
                done.add(trail[-1])
                places.pop(trail.pop())
            elif there in places:
                return [*trail[places[there] :], there]
            elif there not in done:
                places[there] = len(trail)
                trail.append(there)
                branches.append(iter(self.steps(there, "down")))
        return []


def _described(nodes: Mapping[str, Node]) -> set[str]:
    return {node.id for node in nodes.values() if node.type != UNKNOWN}


def referred(lineage: Lineage) -> tuple[set[str], set[str], set[str]]:
    """Identifiers of the artifacts, executions and contexts that events and links name."""
    attributions, associations = lineage.attributions, lineage.associations
    artifacts = {event.artifact for event in lineage.events} | {link.artifact for link in attributions}
    executions = {event.execution for event in lineage.events} | {link.execution for link in associations}
    contexts = {link.context for link in attributions} | {link.context for link in associations}
    return artifacts, executions, contexts | {end for link in lineage.parents for end in (link.child, link.parent)}


def meant(node: Artifact | Execution, text: str) -> bool:
    """Whether ``text`` names a node: by its identifier's beginning, with or without the kind of digest, or its name."""
    if not text:  # what has no name is not meant by it
        return False
    bare = node.id.rpartition(":")[2]
    begins = len(text.rpartition(":")[2]) >= 8 and (node.id.startswith(text) or bare.startswith(text))
    return begins or text == node.name or (isinstance(node, Artifact) and bool(node.uri) and text == node.uri)
