"""A lineage walk as a tree for the terminal."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from reprokit.report.lineage_drawing import MANY, facts_of, kind_of, short_of, title_of
from reprokit.report.wording import clean

if TYPE_CHECKING:
    from reprokit.report.screen import Screen
    from reprokit.schema.lineage import Artifact, Execution
    from reprokit.schema.lineage_answers import LineageWalk

_UNICODE = ("├─ ", "└─ ", "│  ", "   ")
_ASCII = ("|- ", "`- ", "|  ", "   ")
_MOST_LINES = 5000
_WIDEST = 300  # characters before a line's text: of a chain, each begins further to the right than the one before


def render_tree(walk: LineageWalk, screen: Screen) -> str:
    """The tree, ending in one newline. A node that has been shown with what follows it is only named after that."""
    everything: list[Artifact | Execution] = [*walk.lineage.artifacts, *walk.lineage.executions]
    nodes = {node.id: node for node in everything}  # fmt: skip
    below = _below(walk, nodes)
    branch = _ASCII if screen.ascii_only else _UNICODE
    lines: list[str] = []
    shown: set[str] = set()
    # Deepest last: a stack, since a chain of runs may be longer than Python's own.
    waiting = [(start, "", "", "") for start in reversed(walk.starts)]
    while waiting and len(lines) < _MOST_LINES:
        key, lead, mark, word = waiting.pop()
        again = key in shown and bool(below.get(key))
        before = lead if len(lead) <= _WIDEST else f"… {len(lead) // 3:,} steps … {lead[-30:]}"
        lines.append(f"{before}{mark}{word}{_line(nodes.get(key), key)}{' (above)' if again else ''}")
        if again:
            continue
        shown.add(key)
        deeper = lead + ("" if not mark else branch[3] if mark == branch[1] else branch[2])
        rest = below.get(key, [])
        kept, more = _kept(rest, nodes)
        following = [(key_below, deeper, branch[0], "") for key_below in kept]
        if more:
            following.append((f"\0{more}", deeper, branch[0], ""))
        if following:
            last = following[-1]
            following[-1] = (last[0], last[1], branch[1], last[3])
        waiting += reversed(following)
    if waiting:
        lines.append(f"… and more: the tree is cut after {len(lines):,} lines; --depth N shows less, --json all")
    text = "\n".join(lines) + "\n"
    return text.encode("ascii", "backslashreplace").decode() if screen.ascii_only else text


def _below(walk: LineageWalk, nodes: dict[str, Artifact | Execution]) -> dict[str, list[str]]:
    """What hangs below a node: upwards the makers of an artifact and what an execution used, downwards the reverse."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    up = walk.direction == "up"
    for event in walk.lineage.events:
        if event.is_input == up:
            found[event.execution][event.artifact] = None
        else:
            found[event.artifact][event.execution] = None
    order = {"manifest": 0, "list": 1, "model": 2, "run": 3, "bundle": 4, "verdict": 5, "other": 6, "file": 7}

    def place(key: str) -> tuple[int, str, str]:
        node = nodes.get(key)
        return (order.get(kind_of(node), 9), node.name, key) if node is not None else (9, "", key)

    return {key: sorted(several, key=place) for key, several in found.items()}


def _kept(keys: list[str], nodes: dict[str, Artifact | Execution]) -> tuple[list[str], int]:
    """All but the files beyond the first few, and how many those are."""
    files = [key for key in keys if key in nodes and kind_of(nodes[key]) == "file"]
    if len(files) <= MANY:
        return keys, 0
    hidden = set(files[MANY - 1 :])
    return [key for key in keys if key not in hidden], len(hidden)


def _line(node: Artifact | Execution | None, key: str) -> str:
    if node is None:
        return f"and {int(key[1:]):,} more files" if key.startswith("\0") else clean(key)
    facts = facts_of(node)
    named = f"{title_of(node)}  {short_of(node.id)}" if node.name else title_of(node)
    return f"{clean(node.type, 40)} {named}" + (f"  ({', '.join(facts)})" if facts else "")
