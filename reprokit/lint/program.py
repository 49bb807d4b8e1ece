"""Joins what the files contribute: a seed in one file counts for the draws in those of the same program."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from reprokit.lint.checks.seeding import ALL
from reprokit.lint.graph import programs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reprokit.lint.findings import Facts, Finding

_CONFTEST = "conftest.py"


class Program:
    """The files that were read, and which of them import which.

    Args:
        facts: what each file contributes.
    """

    def __init__(self, facts: Iterable[Facts]) -> None:
        self.files = {os.path.abspath(one.path): one for one in facts}
        self.imports = {path: self._imported(path, one) for path, one in self.files.items()}
        self.programs = programs(self.imports)
        self.set_in = self._set_in()

    def _imported(self, path: str, facts: Facts) -> set[str]:
        found = {place for level, module, names in facts.imports for place in self._places(path, level, module, names)}
        folder = os.path.dirname(path)
        while True:  # pytest runs the conftest.py of every directory above a test
            conftest = os.path.join(folder, _CONFTEST)
            if conftest in self.files:
                found.add(conftest)
            above = os.path.dirname(folder)
            if above == folder:
                break
            folder = above
        return (found & self.files.keys()) - {path}

    def missing(self) -> list[str]:
        """Files of the same project that the given ones import and that are not among them, as far as they exist."""
        found: dict[str, None] = {}
        for path, facts in self.files.items():
            for level, module, names in facts.imports:
                top = os.path.dirname(path)
                for _ in range(max(0, level - 1)):
                    top = os.path.dirname(top)
                places = self._module(top, [part for part in module.split(".") if part], names)
                found |= dict.fromkeys(place for place in sorted(places - self.files.keys()) if os.path.isfile(place))
        return list(found)

    def _places(self, path: str, level: int, module: str, names: tuple[str, ...]) -> set[str]:
        folder = os.path.dirname(path)
        parts = [part for part in module.split(".") if part]
        if level:
            for _ in range(level - 1):
                folder = os.path.dirname(folder)
            return self._module(folder, parts, names)
        for _ in range(6):
            found = self._module(folder, parts, names)
            if found & self.files.keys():
                return found
            above = os.path.dirname(folder)
            if above == folder:
                break
            folder = above
        return set()

    @staticmethod
    def _module(folder: str, parts: list[str], names: tuple[str, ...]) -> set[str]:
        base = os.path.join(folder, *parts)
        found = {f"{base}.py", os.path.join(base, "__init__.py")}
        return (
            found
            | {os.path.join(base, f"{name}.py") for name in names}
            | {os.path.join(base, name, "__init__.py") for name in names}
        )

    def sets(self, path: str) -> frozenset[str]:
        """The generators and switches that are set in any program that a file belongs to."""
        mine = self.programs.get(os.path.abspath(path), 0)
        return frozenset(name for name, theirs in self.set_in.items() if mine & theirs)

    def _set_in(self) -> dict[str, int]:
        """Generator or switch -> the programs that set it, by code that always runs or by a function that is called."""
        called, defined = self._called()
        found: dict[str, int] = {}
        for path, one in self.files.items():
            mine = self.programs[path]
            if one.cuda:
                found["cuda"] = found.get("cuda", 0) | mine
            for name, functions in one.seeds.items():
                for function in functions:
                    found[name] = found.get(name, 0) | (mine & called.get(function, 0) if function else mine)
            for name, function in one.unknown_seeders:
                unknown = mine & ~defined.get(name.rpartition(".")[2], 0)
                for library in ALL if unknown else ():
                    found[library] = found.get(library, 0) | (
                        unknown & called.get(function, 0) if function else unknown
                    )
        return found

    def _called(self) -> tuple[dict[str, int], dict[str, int]]:
        """For functions that matter: the programs that call them, and those that define them."""
        functions = {name for one in self.files.values() for names in one.seeds.values() for name in names}
        seeders = {name for one in self.files.values() for name, _function in one.unknown_seeders}
        functions |= {function for one in self.files.values() for _name, function in one.unknown_seeders}
        called: dict[str, int] = {}
        defined: dict[str, int] = {}
        for path, one in self.files.items():
            for name in functions & one.called:
                called[name] = called.get(name, 0) | self.programs[path]
            for name in {name.rpartition(".")[2] for name in seeders} & one.defined:
                defined[name] = defined.get(name, 0) | self.programs[path]
        return called, defined

    def holds(self, finding: Finding) -> Finding | None:
        """A finding as it stands in its program: void, a note, or as it is."""
        if not finding.unless and not finding.needs and not finding.cuda:
            return finding
        there = self.sets(finding.path)
        if any(name in there for name in finding.unless) or not all(name in there for name in finding.needs):
            return None
        if finding.cuda and "cuda" not in there:
            return finding.at_level("note")
        return finding
