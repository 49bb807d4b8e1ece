"""How a rule that does not hold is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from reprokit.errors import CATALOGUE
from reprokit.lineage.merging import described
from reprokit.schema.release import ReleaseFinding

if TYPE_CHECKING:
    from reprokit.lineage.graph import Graph
    from reprokit.schema.lineage import Execution

_RULES: dict[str, Literal["integrity", "completeness", "freshness", "tier"]] = {
    "RPK148": "completeness", "RPK149": "integrity", "RPK170": "integrity", "RPK171": "integrity",
    "RPK172": "integrity", "RPK173": "integrity", "RPK174": "integrity", "RPK175": "completeness",
    "RPK176": "completeness", "RPK177": "freshness", "RPK178": "tier", "RPK179": "integrity",
}  # fmt: skip
_NOT_ESTABLISHED = ("RPK149", "RPK179")


def wanting(graph: Graph, code: str, node: str, message: str, remedy: str = "") -> ReleaseFinding:
    """A finding at a node; its remedy is the catalogue's unless another one is given."""
    return ReleaseFinding(
        rule=_RULES[code],
        code=code,
        node=node,
        name=name_of(graph, node),
        message=message,
        remedy=remedy or CATALOGUE[code].remedy,
        established=code not in _NOT_ESTABLISHED,
    )


def is_run(node: Execution | None) -> bool:
    """Whether an execution must show what a run must: all but replays, and the preprocessing that a manifest tells of.

    Another system's word for it, or one that was put in, excuses it from nothing.
    """
    return node is not None and node.type not in ("Preprocessing", "Replay")


def name_of(graph: Graph, node: str) -> str:
    """A node for people, also one that nothing describes."""
    found = graph.artifacts.get(node) or graph.executions.get(node)
    return described(found) if found is not None else node
