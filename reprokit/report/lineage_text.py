"""A lineage walk as Mermaid (for Markdown pages) and as DOT (for Graphviz).

Names come from strangers. A text stands in quotes. In Mermaid every character that ends it, or means something in the
HTML that it becomes, is a named entity; its own ``#35;`` is torn apart where a label is wrapped. In DOT only quotes,
backslashes and entities mean anything inside.
Sources: https://mermaid.js.org/syntax/flowchart.html, https://graphviz.org/doc/info/lang.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reprokit.report.lineage_drawing import drawing_of

if TYPE_CHECKING:
    from reprokit.schema.lineage_answers import LineageWalk

COLOURS: dict[str, tuple[str, str]] = {
    "run": ("#e8eefc", "#3f5fb5"),
    "model": ("#e3f4e6", "#2e7d3b"),
    "manifest": ("#fdf1d8", "#a86f00"),
    "list": ("#fbe3e3", "#b53a3a"),
    "bundle": ("#efe6f7", "#6d3fa0"),
    "verdict": ("#e0f3f3", "#1f7a7a"),
    "file": ("#f4f4f4", "#6b6b6b"),
    "other": ("#f4f4f4", "#6b6b6b"),
    "more": ("#ffffff", "#9a9a9a"),
}
"""How each kind of box is filled, and its line and text."""
_SHAPES = {"run": ('(["', '"])'), "manifest": ('[("', '")]'), "model": ('[["', '"]]'), "list": ('{{"', '"}}')}
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "#": "&num;", "`": "&grave;", "\\": "&bsol;",
             "%": "&percnt;", ";": "&semi;", "{": "&lbrace;", "}": "&rbrace;", "$": "&dollar;"}  # fmt: skip
_MEANT = re.compile(r"\$(?=\$)|\bfa[a-z]?:(?=fa-)")
_DOT_SHAPES = {"run": "oval", "manifest": "cylinder", "model": "component", "list": "hexagon", "bundle": "tab"}


def render_mermaid(walk: LineageWalk) -> str:
    """A Mermaid flowchart."""
    drawing = drawing_of(walk)
    numbers = {key: f"n{number}" for number, key in enumerate(drawing.boxes)}
    lines = ["flowchart LR"]
    for key, box in drawing.boxes.items():
        opening, closing = _SHAPES.get(box.kind, ('["', '"]'))
        text = "<br/>".join(_entities(line) for line in box.lines)
        lines.append(f"  {numbers[key]}{opening}{text}{closing}:::{box.kind}_{'asked' if box.asked else 'box'}")
    lines += [f"  {numbers[one]} --> {numbers[other]}" for one, other in drawing.arrows]
    for kind in sorted({box.kind for box in drawing.boxes.values()}):
        fill, line = COLOURS[kind]
        for asked, width in (("box", 1), ("asked", 3)):
            lines.append(f"  classDef {kind}_{asked} fill:{fill},stroke:{line},stroke-width:{width}px,color:#1b1b1b")
    return "\n".join(lines) + "\n"


def _entities(text: str) -> str:
    """Formulas (``$$``) and icons (``fa:fa-car``) are looked for after entities are characters: they are torn apart."""
    torn = _MEANT.sub(lambda found: f"{found[0]}\N{WORD JOINER}", text)
    return "".join(_ENTITIES.get(c, c) for c in torn)


def render_dot(walk: LineageWalk) -> str:
    """A Graphviz graph."""
    drawing = drawing_of(walk)
    numbers = {key: f"n{number}" for number, key in enumerate(drawing.boxes)}
    lines = [
        "digraph lineage {",
        '  graph [rankdir=LR, charset="UTF-8"];',
        '  node [fontname="Helvetica", fontsize=11, style=filled, fontcolor="#1b1b1b"];',
        '  edge [color="#6b6b6b"];',
    ]
    for key, box in drawing.boxes.items():
        fill, line = COLOURS[box.kind]
        label = "\\n".join(_escaped(text) for text in box.lines)
        lines.append(
            f'  {numbers[key]} [label="{label}", shape={_DOT_SHAPES.get(box.kind, "box")}, fillcolor="{fill}", '
            f'color="{line}", penwidth={3 if box.asked else 1}];'
        )
    lines += [f"  {numbers[one]} -> {numbers[other]};" for one, other in drawing.arrows]
    return "\n".join([*lines, "}"]) + "\n"


def _escaped(text: str) -> str:
    plain = "".join(c if c.isprintable() else f"U+{ord(c):04X}" for c in text)
    return plain.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
