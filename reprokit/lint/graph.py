"""Which programs a file belongs to: a program is what can be reached by imports from a file that nobody imports."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def programs(imports: Mapping[str, set[str]]) -> dict[str, int]:
    """For each file the programs that it belongs to, as the bits of a number.

    Files that import each other in a circle count as one; a circle that nobody imports is the start of a program.

    Args:
        imports: file -> files that it imports, all of them keys.
    """
    circle_of = _circles(imports)
    importers: dict[int, set[int]] = {number: set() for number in circle_of.values()}
    for path, others in imports.items():
        for other in others:
            if circle_of[other] != circle_of[path]:
                importers[circle_of[other]].add(circle_of[path])
    bits: dict[int, int] = {}
    for count, number in enumerate(sorted(importers, reverse=True)):  # a circle's importers have higher numbers
        bits[number] = 0 if importers[number] else 1 << count
        for importer in importers[number]:
            bits[number] |= bits[importer]
    return {path: bits[number] for path, number in circle_of.items()}


def _circles(imports: Mapping[str, set[str]]) -> dict[str, int]:
    """Tarjan's strongly connected components (SIAM J. Comput. 1972), numbered so that imports run to lower numbers."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: dict[str, int] = {}
    circles = 0
    for start in sorted(imports):
        waiting = [(start, iter(sorted(imports[start])))] if start not in order else []
        if waiting:
            order[start] = lowest[start] = len(order)
            stack.append(start)
        while waiting:
            path, others = waiting[-1]
            unseen = next((other for other in others if other not in found), None)
            if unseen is None:
                waiting.pop()
                if waiting:
                    above = waiting[-1][0]
                    lowest[above] = min(lowest[above], lowest[path])
                if lowest[path] == order[path]:
                    _close(stack, path, found, circles)
                    circles += 1
            elif unseen in order:
                lowest[path] = min(lowest[path], order[unseen])
            else:
                order[unseen] = lowest[unseen] = len(order)
                stack.append(unseen)
                waiting.append((unseen, iter(sorted(imports[unseen]))))
    return found


def _close(stack: list[str], first: str, found: dict[str, int], number: int) -> None:
    while True:
        member = stack.pop()
        found[member] = number
        if member == first:
            return
