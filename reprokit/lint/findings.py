"""What is found in one file: drafts of findings, and the facts that decide about them in the whole program."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Level = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding; lines count from 1 and columns too, in characters.

    Args:
        unless: seeds and switches of which one, set anywhere in the program, makes this finding void.
        needs: switches that must be set in the program for this finding to hold.
        cuda: it only concerns CUDA devices; where the program shows no sign of one, it is a note.
    """

    code: str
    level: Level
    path: str
    line: int
    column: int
    end_line: int
    message: str
    remedy: str
    source: str = ""
    cell: int | None = None
    cell_line: int | None = None
    unless: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    cuda: bool = False
    first_line: int = 0

    def at_level(self, level: Level) -> Finding:
        """The same at another level."""
        return replace(self, level=level)


@dataclass(slots=True)
class Facts:
    """What one file contributes to the program it belongs to.

    Args:
        seeds: generator or switch -> the functions that set it; the empty name stands for code that always runs.
        called: the last part of every name that is called or passed on.
        imports: (dots, dotted module, names).
        unknown_seeders: calls named like a seeder, and the function they stand in.
        defined: names of its functions.
        script: it has a main guard.
    """

    path: str
    findings: list[Finding] = field(default_factory=list)
    seeds: dict[str, set[str]] = field(default_factory=dict)
    called: set[str] = field(default_factory=set)
    imports: list[tuple[int, str, tuple[str, ...]]] = field(default_factory=list)
    unknown_seeders: list[tuple[str, str]] = field(default_factory=list)
    defined: set[str] = field(default_factory=set)
    script: bool = False
    cuda: bool = False
    lines: int = 0

    def sets(self, names: Iterable[str], function: str) -> None:
        """Notes that code in a function (empty: outside of any) sets seeds or switches."""
        for name in names:
            self.seeds.setdefault(name, set()).add(function)
