"""Merging what two sources say of the same graph: in any order, any number of times, with the same result.

Nodes that bear the same identifier are one node. Each field has an order, and the greater value stays (a join, in the
sense of a semilattice), so that merging is commutative, associative and idempotent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, get_args

from reprokit.schema.lineage import (
    UNKNOWN,
    Artifact,
    ArtifactState,
    Context,
    Execution,
    ExecutionState,
    Lineage,
    Node,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reprokit.schema.base import Model
    from reprokit.schema.lineage import Properties, Scalar

_NodeT = TypeVar("_NodeT", Artifact, Execution, Context)
# From what says least to what says most.
_ARTIFACT_ORDER = ("UNKNOWN", "REFERENCE", "PENDING", "LIVE", "ABANDONED", "MARKED_FOR_DELETION", "DELETED")
_EXECUTION_ORDER = ("UNKNOWN", "NEW", "RUNNING", "CANCELED", "CACHED", "COMPLETE", "FAILED")
assert set(_ARTIFACT_ORDER) == set(get_args(ArtifactState))
assert set(_EXECUTION_ORDER) == set(get_args(ExecutionState))


def merge(parts: Iterable[Lineage]) -> Lineage:
    """One graph out of several; nodes are sorted by identifier, the rest by content, and nothing stands twice."""
    nodes: tuple[dict[str, Any], ...] = ({}, {}, {})
    links: tuple[set[Any], ...] = (set(), set(), set(), set())
    for part in parts:
        described_here: tuple[list[Any], ...] = (part.artifacts, part.executions, part.contexts)
        linked_here: tuple[list[Any], ...] = (part.events, part.attributions, part.associations, part.parents)
        for known, found in zip(nodes, described_here, strict=True):
            for node in found:
                known[node.id] = joined(known[node.id], node) if node.id in known else node
        for held, several in zip(links, linked_here, strict=True):
            held.update(several)
    artifacts, executions, contexts = ([known[key] for key in sorted(known)] for known in nodes)
    events, attributions, associations, parents = (sorted(held, key=_content) for held in links)
    return Lineage(
        artifacts=artifacts, executions=executions, contexts=contexts, events=events,
        attributions=attributions, associations=associations, parents=parents,
    )  # fmt: skip


def joined(one: _NodeT, other: _NodeT) -> _NodeT:
    """Two descriptions of one node as one."""
    if one == other and repr(one.properties) == repr(other.properties):  # True == 1, and they are written differently
        return one
    fields: dict[str, Any] = {
        "type": max(one.type, other.type, key=lambda kind: (kind != UNKNOWN, kind)),
        "name": max(one.name, other.name),
        "properties": _properties(one.properties, other.properties),
    }
    if isinstance(one, Artifact) and isinstance(other, Artifact):
        fields |= {
            "uri": max(one.uri, other.uri),
            "state": max(one.state, other.state, key=_ARTIFACT_ORDER.index),
            "created": _earlier(one.created, other.created),
        }
    if isinstance(one, Execution) and isinstance(other, Execution):
        fields |= {
            "state": max(one.state, other.state, key=_EXECUTION_ORDER.index),
            "started": _earlier(one.started, other.started),
            "ended": max(one.ended, other.ended),
        }
    return one.model_copy(update=fields)


def _earlier(one: int, other: int) -> int:
    return min(one, other) if one and other else one or other


def _properties(one: Properties, other: Properties) -> Properties:
    """The union; where both have a value, the greater one: a text before a number, and a number before a bool."""
    merged = dict(one)
    for key, value in other.items():
        merged[key] = max(merged[key], value, key=_order) if key in merged else value
    return dict(sorted(merged.items()))


def _order(value: Scalar) -> tuple[int, float, str]:
    """Numbers by size, whether or not they are whole; there is one way to write each (`schema.lineage`)."""
    if isinstance(value, str):
        return 2, 0, value
    return 0 if isinstance(value, bool) else 1, value, ""


def _content(link: Model) -> str:
    return repr(link)


def normal(lineage: Lineage) -> Lineage:
    """The same graph with everything in its place, so that equal graphs are equal documents."""
    return merge([lineage])


def described(node: Node) -> str:
    """A node in a sentence: ``Model model.pt (sha256:1234567890ab)``."""
    short = node.id if len(node.id) <= 24 else f"{node.id[:19]}…"
    return f"{node.type} {node.name} ({short})" if node.name else f"{node.type} {short}"
