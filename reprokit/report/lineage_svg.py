"""A lineage walk as a picture: columns of boxes from the raw data on the left to what was made last on the right.

The layout is the usual one for layered graphs (Sugiyama, Tagawa and Toda 1981): columns by longest path, places in a
column by the mean of the neighbours' places, and long arrows led through the columns between.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections import defaultdict
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from reprokit.report.lineage_drawing import columns, drawing_of
from reprokit.report.lineage_text import COLOURS

if TYPE_CHECKING:
    from reprokit.report.lineage_drawing import Box, Drawing
    from reprokit.schema.lineage_answers import LineageWalk

_LINE, _PAD, _GAP, _BETWEEN = 16, 10, 18, 70  # pixels
_SMALL, _TITLE = 11.0, 12.5  # pixels, the heights of the letters
_SWEEPS = 8
_MOST_PASSAGES = 50_000  # of arrows through columns; beyond that they are drawn straight


def render_svg(walk: LineageWalk) -> str:
    """The picture, as one SVG document."""
    drawing = drawing_of(walk)
    layers, links = _layers(drawing)
    _arrange(layers, links)
    boxes = drawing.boxes
    sizes = {key: _size(boxes.get(key)) for layer in layers for key in layer}
    places, width, height = _places(layers, sizes)
    body = [_arrow([places[key] for key in path], [sizes[key] for key in path]) for path in _paths(links, drawing)]
    body += [_box(boxes[key], places[key], sizes[key]) for layer in layers for key in layer if key in boxes]
    way = "what made" if walk.direction == "up" else "what came of"
    title = escape(f"Lineage: {way} " + ", ".join(boxes[key].lines[0] for key in walk.starts[:3] if key in boxes))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" font-family="Helvetica, Arial, sans-serif">\n'
        f'<title>{title}</title>\n<defs><marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#6b6b6b"/></marker></defs>\n'
        '<rect width="100%" height="100%" fill="#ffffff"/>\n' + "\n".join(body) + "\n</svg>\n"
    )


def _layers(drawing: Drawing) -> tuple[list[list[str]], list[tuple[str, str]]]:
    """Keys by column, with a place for every arrow in each column that it passes; and arrows between neighbours."""
    placed = columns(drawing)
    led = sum(abs(placed[other] - placed[one]) for one, other in drawing.arrows) <= _MOST_PASSAGES
    layers: list[list[str]] = [[] for _ in range(max(placed.values(), default=0) + 1)]
    for key in drawing.boxes:
        layers[placed[key]].append(key)
    links: list[tuple[str, str]] = []
    for number, (one, other) in enumerate(drawing.arrows):
        here, there = placed[one], placed[other]
        step = 1 if there >= here else -1
        previous = one
        for column in range(here + step, there, step) if led else ():
            passing = f"\0{number}.{column}"  # no identifier holds a NUL
            layers[column].append(passing)
            links.append((previous, passing))
            previous = passing
        links.append((previous, other))
    return layers, links


def _arrange(layers: list[list[str]], links: list[tuple[str, str]]) -> None:
    """Sorts each column by the mean place of the neighbours, from the left and from the right in turn."""
    beside: dict[str, list[str]] = defaultdict(list)
    for one, other in links:
        beside[one].append(other)
        beside[other].append(one)
    for sweep in range(_SWEEPS):
        forth = sweep % 2 == 0
        order = range(1, len(layers)) if forth else range(len(layers) - 2, -1, -1)
        for column in order:
            fixed = {key: place for place, key in enumerate(layers[column - 1 if forth else column + 1])}
            own = {key: place for place, key in enumerate(layers[column])}

            def mean(key: str, fixed: dict[str, int] = fixed, own: dict[str, int] = own) -> float:
                seen = [fixed[other] for other in beside[key] if other in fixed]
                return sum(seen) / len(seen) if seen else own[key]

            layers[column].sort(key=mean)


def _size(box: Box | None) -> tuple[float, float]:
    """Width and height; an arrow that passes takes a little room."""
    if box is None:
        return 0.0, _LINE / 2
    widest = max(_width(line, _SMALL if place else _TITLE) for place, line in enumerate(box.lines))
    return widest + 2 * _PAD, len(box.lines) * _LINE + 2 * _PAD - 4


def _width(text: str, height: float) -> float:
    """No less than a text takes in a common sans-serif font, in pixels; bold letters are a little wider."""
    return sum(_share(character) for character in text) * height


def _share(character: str) -> float:
    """A character's width as a part of its height."""
    if unicodedata.east_asian_width(character) in "WF" or character in "WMmw@%…—":
        return 1.05
    if unicodedata.combining(character):
        return 0.0
    if character.isascii() and not character.isupper():
        return 0.64
    return 0.8


def _places(
    layers: list[list[str]], sizes: dict[str, tuple[float, float]]
) -> tuple[dict[str, tuple[float, float]], float, float]:
    """The left upper corner of each box, and the size of the picture. Columns are centred."""
    heights = [sum(sizes[key][1] + _GAP for key in layer) - _GAP for layer in layers]
    tallest = max(heights, default=0)
    places: dict[str, tuple[float, float]] = {}
    x = float(_GAP)
    for layer, height in zip(layers, heights, strict=True):
        y = _GAP + (tallest - height) / 2
        width = max((sizes[key][0] for key in layer), default=0)
        for key in layer:
            sizes[key] = (width, sizes[key][1])  # one width, so that no arrow passes behind a box on its way to another
            places[key] = (x, y)
            y += sizes[key][1] + _GAP
        x += width + _BETWEEN
    return places, x - _BETWEEN + _GAP, tallest + 2 * _GAP


def _paths(links: list[tuple[str, str]], drawing: Drawing) -> list[list[str]]:
    """Each arrow as the keys that it touches, from box to box."""
    onward = {one: other for one, other in links if one not in drawing.boxes}
    found = []
    for one, other in links:
        if one in drawing.boxes:
            path = [one, other]
            while path[-1] not in drawing.boxes:
                path.append(onward[path[-1]])
            found.append(path)
    return found


def _arrow(corners: list[tuple[float, float]], sizes: list[tuple[float, float]]) -> str:
    """A curve from the right edge of the first box to the left edge of the last; backwards where it goes back."""
    forth = corners[-1][0] >= corners[0][0]
    edges = []  # where the arrow enters and leaves each box or passage
    for (x, y), (width, height) in zip(corners, sizes, strict=True):
        sides = (x, x + width) if forth else (x + width, x)
        edges.append((*sides, y + height / 2))
    text = f"M{edges[0][1]:.1f},{edges[0][2]:.1f}"
    for (_, x1, y1), (x2, after, y2) in itertools.pairwise(edges):
        middle = (x1 + x2) / 2
        text += f" C{middle:.1f},{y1:.1f} {middle:.1f},{y2:.1f} {x2:.1f},{y2:.1f}"
        if (x2, after, y2) != edges[-1]:
            text += f" L{after:.1f},{y2:.1f}"
    return f'<path d="{text}" fill="none" stroke="#6b6b6b" stroke-width="1.2" marker-end="url(#end)"/>'


def _box(box: Box, corner: tuple[float, float], size: tuple[float, float]) -> str:
    (x, y), (width, height) = corner, size
    fill, line = COLOURS[box.kind]
    round_ = height / 2 if box.kind == "run" else 4
    dashes = ' stroke-dasharray="4 3"' if box.kind == "more" else ""
    frame = (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{round_:.1f}" fill="{fill}" '
        f'stroke="{line}" stroke-width="{3 if box.asked else 1.2}"{dashes}/>'
    )
    shown = [frame]
    for number, text in enumerate(box.lines):
        style = 'font-size="12.5" font-weight="bold" fill="#1b1b1b"' if number == 0 else 'font-size="11" fill="#444444"'
        baseline = y + _PAD + 9 + number * _LINE
        shown.append(
            f'<text x="{x + width / 2:.1f}" y="{baseline:.1f}" text-anchor="middle" {style}>{escape(text)}</text>'
        )
    return "\n".join(shown)
