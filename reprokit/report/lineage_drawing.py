"""What a picture of a lineage walk shows: boxes, arrows and their columns, the same for every format.

Arrows go the way of the data: from what a run used to the run, and from the run to what it made. A run that read a
thousand files would fill the picture, so of such files a few are shown and the rest is one box that counts them.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from reprokit.report.summaries import size_text
from reprokit.report.wording import clean

if TYPE_CHECKING:
    from reprokit.schema.lineage import Artifact, Execution, Lineage
    from reprokit.schema.lineage_answers import LineageWalk

MANY = 8
"""So many files of one run are shown; of more, one fewer and their number."""
_LONGEST = 48  # characters of a name in a box


@dataclass(frozen=True)
class Box:
    """A box of the picture: its node, how it is drawn (`kind_of`, or ``more``), and what it says."""

    key: str
    kind: str
    lines: tuple[str, ...]
    asked: bool = False


@dataclass
class Drawing:
    """Boxes by key, and arrows from key to key, all in a fixed order."""

    boxes: dict[str, Box] = field(default_factory=dict)
    arrows: list[tuple[str, str]] = field(default_factory=list)


def drawing_of(walk: LineageWalk) -> Drawing:
    """The picture of a walk."""
    lineage, asked = walk.lineage, set(walk.starts)
    hidden = _hidden(lineage, asked)
    drawing = Drawing()
    nodes: list[Artifact | Execution] = [*lineage.artifacts, *lineage.executions]
    for node in nodes:
        if node.id not in hidden:
            drawing.boxes[node.id] = Box(node.id, kind_of(node), lines_of(node), node.id in asked)
    arrows: dict[tuple[str, str], None] = {}
    counts: dict[tuple[str, bool], set[str]] = defaultdict(set)
    for event in lineage.events:
        if event.artifact in hidden:
            counts[event.execution, event.is_input].add(event.artifact)
            continue
        ends = (event.artifact, event.execution) if event.is_input else (event.execution, event.artifact)
        arrows[ends] = None
    for (execution, is_input), files in counts.items():
        key = f"\0{execution} {'in' if is_input else 'out'}"  # no identifier holds a NUL
        drawing.boxes[key] = Box(key, "more", (f"and {len(files):,} more files",))
        arrows[(key, execution) if is_input else (execution, key)] = None
    drawing.arrows = [(one, other) for one, other in arrows if one in drawing.boxes and other in drawing.boxes]
    return drawing


def _hidden(lineage: Lineage, asked: set[str]) -> set[str]:
    """Plain files that only one run touches, where that run touches many of them in the same way."""
    files = {node.id for node in lineage.artifacts if kind_of(node) == "file"} - asked
    touched: dict[str, set[str]] = defaultdict(set)
    of_run: dict[tuple[str, bool], dict[str, None]] = defaultdict(dict)
    for event in lineage.events:
        touched[event.artifact].add(event.execution)
        if event.artifact in files:
            of_run[event.execution, event.is_input][event.artifact] = None
    hidden: set[str] = set()
    for several in of_run.values():
        alone = [file for file in several if len(touched[file]) == 1]
        if len(several) > MANY:
            hidden.update(alone[MANY - 1 :])
    return hidden


_KINDS = {"File": "file", "Model": "model", "DatasetManifest": "manifest", "OptOutList": "list", "Bundle": "bundle",
          "Verdict": "verdict"}  # fmt: skip


def kind_of(node: Artifact | Execution) -> str:
    """How a node is drawn."""
    if hasattr(node, "started"):
        return "run"
    return _KINDS.get(node.type, "other")


def short_of(identifier: str) -> str:
    """The beginning of an identifier, long enough to be looked up by."""
    kind, _, rest = identifier.rpartition(":")
    return clean(f"{kind}:{rest[:12]}" if kind in ("sha256", "urn:uuid") else identifier, _LONGEST)


def title_of(node: Artifact | Execution) -> str:
    """A node's name; where it has none, its identifier's beginning."""
    return clean(node.name, _LONGEST) if node.name else short_of(node.id)


def lines_of(node: Artifact | Execution) -> tuple[str, ...]:
    """What a box says: a name, and below it the type and what identifies the node."""
    facts = facts_of(node)
    return (title_of(node), f"{clean(node.type, 24)} {short_of(node.id)}", *([", ".join(facts)] if facts else []))


def facts_of(node: Artifact | Execution) -> list[str]:
    """A few facts about a node, for people."""
    said: list[str] = []
    properties = node.properties
    times = [getattr(node, "started", 0), getattr(node, "created", 0)]
    if any(times):
        said.append(_date(max(times)))
    if isinstance(properties.get("size"), int):
        said.append(size_text(int(properties["size"])))
    if properties.get("version") is not None:
        said.append(f"version {clean(properties['version'], 24)}")
    if properties.get("tier"):
        said.append(f"{clean(properties['tier'], 24)}{'' if properties.get('met') else ', target not met'}")
    if properties.get("git_commit"):
        dirty = " with changes" if properties.get("git_dirty") else ""
        said.append(f"commit {clean(str(properties['git_commit'])[:10])}{dirty}")
    if getattr(node, "state", "") in ("FAILED", "CANCELED", "DELETED", "ABANDONED"):
        said.append(getattr(node, "state", "").lower())
    return said


def _date(milliseconds: int) -> str:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError):  # a graph may say any number
        return "after the year 9999"


def columns(drawing: Drawing) -> dict[str, int]:
    """The column of each box: right of all that it comes from. What lies in a circle is placed as it is reached."""
    after: dict[str, list[str]] = defaultdict(list)
    missing = dict.fromkeys(drawing.boxes, 0)
    for one, other in drawing.arrows:
        after[one].append(other)
        missing[other] += 1
    placed = {key: 0 for key, count in missing.items() if not count}
    beginnings = list(placed)
    waiting = deque(placed)
    done: set[str] = set()
    while len(done) < len(drawing.boxes):
        if not waiting:  # a circle: begin it anywhere
            rest = next(key for key in drawing.boxes if key not in done)
            placed.setdefault(rest, 0)
            waiting.append(rest)
        key = waiting.popleft()
        if key in done:
            continue
        done.add(key)
        for other in after[key]:
            missing[other] -= 1
            if other not in done:
                placed[other] = max(placed.get(other, 0), placed[key] + 1)
                if not missing[other]:
                    waiting.append(other)
    for key in beginnings:  # they stand beside what first used them
        placed[key] = max(0, min((placed[other] for other in after[key]), default=1) - 1)
    return placed
