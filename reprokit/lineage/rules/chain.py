"""The executions that something descends from, in an order that time allows.

Artifacts are known by content, so two files that only happen to be alike are one artifact. A run that had ended before
another one made a file cannot have read it from there, so such a link is no descent. Without that, the flag file
``done`` of a later run would make it the parent of an earlier one. A run that has more links than it was recorded with
is not excused so: of such links nobody knows when they came, and they may make a circle. And clocks of machines differ:
where nobody else is known to have made a file, `belated` names the run that did so too late.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprokit.lineage.rules.sealing import grown, links

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from reprokit.lineage.graph import Graph


def ancestors(graph: Graph, execution: str) -> dict[str, list[str]]:
    """An execution and all that it descends from, each with the executions that made what it used."""
    found: dict[str, list[str]] = {}
    known = links(graph.lineage)
    more = {node.id for node in graph.lineage.executions if grown(node, known[node.id])}
    waiting = [execution]
    while waiting:
        here = waiting.pop()
        if here in found:
            continue
        found[here] = list(parents(graph, here, more))
        waiting += found[here]
    return found


def parents(graph: Graph, execution: str, more: Collection[str] = ()) -> Iterator[str]:
    """The executions that made what this one used, each once; itself, where it used what it made.

    ``more`` are executions with links that they were not recorded with.
    """
    seen: set[str] = set()
    for artifact in graph.inputs[execution]:
        for maker in _makers(graph, artifact, execution, more):
            if maker not in seen:
                seen.add(maker)
                yield maker


def _makers(graph: Graph, artifact: str, user: str, more: Collection[str]) -> list[str]:
    """The one that made an artifact for a user, where it can be told.

    Several runs may have made the same content. What lay there for the user is what was last made in its own project,
    else anywhere, before it. Where times are not known, all of them count.
    """
    makers = [
        maker for maker in graph.makers[artifact]
        if maker == user or user in more or maker in more or not _too_late(graph, maker, user)
    ]  # fmt: skip
    nodes = [graph.executions.get(maker) for maker in makers]
    if user in makers or any(node is None or not node.started for node in nodes):
        return makers
    known = [node for node in nodes if node is not None]
    here = graph.executions[user].properties.get("root") if user in graph.executions else None
    beside = [node for node in known if node.properties.get("root") == here]
    last = max(beside or known, key=lambda node: (node.started, node.id), default=None)
    return [] if last is None else [last.id]


def belated(graph: Graph, above: dict[str, list[str]]) -> dict[str, str]:
    """Runs that made what a chain used, and all that they descend from, where they began only after it had been used.

    Either one of the clocks was wrong, or somebody made the same content anew: nobody can say. A run that itself
    descends from the one that used the file cannot have made it for it.

    Args:
        graph: holds the chain, and all that it used with what made that.
        above: the chain, as `ancestors` gives it.

    Returns:
        By each such execution, the one of the chain that had ended before.
    """
    found: dict[str, str] = {}
    known: dict[str, dict[str, list[str]]] = {}
    for user in sorted(above):
        late = {
            maker for artifact in graph.inputs[user] if not above.keys() & {*graph.makers[artifact]}
            for maker in graph.makers[artifact]
        }  # fmt: skip
        for maker in sorted(late):
            if maker not in known:
                known[maker] = ancestors(graph, maker)
            if user not in known[maker]:
                found |= {one: user for one in known[maker] if one not in above and one not in found}
    return found


def _too_late(graph: Graph, maker: str, user: str) -> bool:
    """Whether the user had ended before the maker began; False where a time is not known."""
    made, used = graph.executions.get(maker), graph.executions.get(user)
    return made is not None and used is not None and bool(made.started and used.ended) and used.ended < made.started


def descendants(above: dict[str, list[str]], starts: Iterable[str]) -> set[str]:
    """Those of a chain that descend from some of its executions, these included."""
    below: dict[str, list[str]] = {}
    for execution, makers in above.items():
        for maker in makers:
            below.setdefault(maker, []).append(execution)
    found: set[str] = set()
    waiting = [start for start in starts if start in above]
    while waiting:
        here = waiting.pop()
        if here not in found:
            found.add(here)
            waiting += below.get(here, [])
    return found


def circle(above: dict[str, list[str]]) -> list[str]:
    """Executions of a chain that descend from themselves, first and last alike; empty when there are none."""
    done: set[str] = set()
    for start in sorted(above):
        trail, branches, opened = [start], [iter(above[start])], {start}
        while branches and start not in done:
            there = next(branches[-1], None)
            if there is None:
                branches.pop()
                opened.discard(trail[-1])
                done.add(trail.pop())
            elif there in opened:
                return [*trail[trail.index(there) :], there]
            elif there not in done:
                trail.append(there)
                opened.add(there)
                branches.append(iter(above[there]))
    return []
