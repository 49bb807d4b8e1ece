"""Reads the package's imports and draws them: the architecture page shows what is there, not what was meant.

Usage: python docs/tools/imports.py  (prints what each part imports)
"""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "reprokit"

FLOORS: list[tuple[str, list[str]]] = [
    ("faces", ["cli", "api", "pytest_plugin"]),
    ("verbs", ["verbs", "checks"]),
    ("engines", ["launch", "observe"]),
    (
        "pillars",
        ["capture", "frameworks", "policy", "trace", "bundle", "compare", "lineage", "report", "lint", "datasets"],
    ),
    ("ground", ["schema", "digest"]),
    ("bedrock", ["errors"]),
]
"""From top to bottom. A part imports from floors below its own; beside each other, only verbs may."""


EXCEPTIONS: dict[tuple[str, str], str] = {
    ("launch", "observe"): "the launcher puts the observer into the command's environment and reads what it left",
    ("frameworks", "observe"): "an adapter runs inside the user's process, as the observer's hand in one framework",
    ("frameworks", "trace"): "what an adapter sees, it writes as blocks and rows of the trace",
    ("frameworks", "policy"): "an adapter derives its framework's seed from the run's",
    ("schema", "digest"): "documents name digests",
    ("pytest_plugin", "api"): "`repro.record()` and `repro.seed` in a test are the Python API",
}
"""Imports that do not run down a floor, each with its reason. The architecture page prints them."""


def part_of(path: Path, package: Path = PACKAGE) -> str:
    """The part that a file belongs to: the first name below the package."""
    return path.relative_to(package).parts[0].removesuffix(".py")


def _imported(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.split(".")[1] for name in found if name.startswith("reprokit.")}


def edges(package: Path = PACKAGE) -> dict[str, set[str]]:
    """Part -> parts that it imports, imports inside functions and for type checkers included."""
    found: dict[str, set[str]] = {}
    for path in sorted(package.rglob("*.py")):
        if path.parent == package and path.name.startswith("__"):
            continue
        part = part_of(path, package)
        found.setdefault(part, set()).update(_imported(ast.parse(path.read_text(encoding="utf-8"))) - {part})
    parts = set(found)
    return {part: others & parts for part, others in sorted(found.items())}


def floor_of(part: str) -> int | None:
    """The number of a part's floor, 0 at the top; None for what has no floor (data such as the demo's scripts)."""
    return next((number for number, (_name, parts) in enumerate(FLOORS) if part in parts), None)


def violations(found: dict[str, set[str]]) -> list[str]:
    """Imports that run up a floor or along one and are no exception, as sentences."""
    wrong = []
    for part, others in found.items():
        here = floor_of(part)
        for other in sorted(others):
            there = floor_of(other)
            if here is None or there is None or there > here or (part, other) in EXCEPTIONS:
                continue
            wrong.append(f"{part} imports {other}, which is {'above' if there < here else 'beside'} it")
    return wrong


_WIDTH, _ROW, _BOX = 940, 92, 34


def _places(parts: set[str]) -> dict[str, tuple[float, float, float]]:
    places = {}
    for number, (_name, listed) in enumerate(FLOORS):
        shown = [part for part in listed if part in parts]
        width = min(150.0, (_WIDTH - 120) / max(1, len(shown)) - 12)
        left = 100 + (_WIDTH - 110 - len(shown) * (width + 12)) / 2
        for index, part in enumerate(shown):
            places[part] = (left + index * (width + 12), 20 + number * _ROW, width)
    return places


def svg(found: dict[str, set[str]]) -> str:
    """A drawing of the parts on their floors, with an arrow for each import."""
    places = _places(set(found))
    height = 20 + (len(FLOORS) - 1) * _ROW + _BOX + 20
    label = "Parts of reprokit by floor, with an arrow for each import"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" font-family="sans-serif">',
        f"<title>{label}</title>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">',
        '<path d="M0 0L8 4L0 8z" fill="#57606a"/></marker></defs>',
    ]
    for number, (name, _parts) in enumerate(FLOORS):
        y = 20 + number * _ROW
        lines.append(f'<rect x="4" y="{y - 10}" width="{_WIDTH - 8}" height="{_BOX + 20}" rx="6" fill="#eef2f6"/>')
        lines.append(f'<text x="16" y="{y + 22}" font-size="14" fill="#57606a">{name}</text>')
    for part, others in found.items():
        lines += [_arrow(part, other, places) for other in sorted(others) if part in places and other in places]
    for part, (x, y, width) in places.items():
        lines.append(f'<rect x="{x:.0f}" y="{y}" width="{width:.0f}" height="{_BOX}" rx="5" fill="#24292f"/>')
        lines.append(
            f'<text x="{x + width / 2:.0f}" y="{y + 22}" font-size="14" fill="#fff" text-anchor="middle">{part}</text>'
        )
    return "\n".join([*lines, "</svg>"])


def _arrow(part: str, other: str, places: dict[str, tuple[float, float, float]]) -> str:
    (x, y, width), (to_x, to_y, to_width) = places[part], places[other]
    title = f"<title>{part} imports {other}</title>"
    style = 'fill="none" stroke="#57606a" stroke-opacity="0.55" marker-end="url(#tip)"'
    if y == to_y:
        left, right = (x + width, to_x) if x < to_x else (x, to_x + to_width)
        return f'<path d="M{left:.0f} {y + 17}H{right:.0f}" {style}>{title}</path>'
    start, end = x + width / 2, to_x + to_width / 2
    return (
        f'<path d="M{start:.0f} {y + _BOX}C{start:.0f} {y + _BOX + 40} {end:.0f} {to_y - 40} {end:.0f} {to_y}" '
        f"{style}>{title}</path>"
    )


def table(found: dict[str, set[str]]) -> str:
    """The same as a Markdown table."""
    rows = ["| floor | part | imports |", "|---|---|---|"]
    for name, parts in FLOORS:
        for part in parts:
            if part in found:
                others = ", ".join(f"`{other}`" for other in sorted(found[part], key=lambda o: (floor_of(o) or 0, o)))
                rows.append(f"| {name} | `{part}` | {others or 'nothing of ours'} |")
    return "\n".join(rows)


def exceptions(found: dict[str, set[str]]) -> str:
    """The exceptions that occur, as a Markdown list."""
    return "\n".join(
        f"- `{part}` imports `{other}`: {why}."
        for (part, other), why in EXCEPTIONS.items()
        if other in found.get(part, ())
    )


if __name__ == "__main__":
    print(table(edges()))
