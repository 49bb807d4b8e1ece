"""Joins what the files contribute: a seed in one file counts for the draws in those of the same program."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from reprokit.lint.checks.seeding import ALL

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
        self.importers: dict[str, set[str]] = {}
        for path, others in self.imports.items():
            for other in others:
                self.importers.setdefault(other, set()).add(path)
        self._known: dict[str, frozenset[str]] = {}

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

    def _closure(self, start: str, edges: dict[str, set[str]]) -> set[str]:
        found, waiting = {start}, [start]
        while waiting:
            for other in edges.get(waiting.pop(), ()):
                if other not in found:
                    found.add(other)
                    waiting.append(other)
        return found

    def sets(self, path: str) -> frozenset[str]:
        """The generators and switches that are set in any program that a file belongs to."""
        path = os.path.abspath(path)
        if path not in self._known:
            above = self._closure(path, self.importers)
            roots = {one for one in above if not self.importers.get(one)} or above
            members = set().union(*(self._closure(root, self.imports) for root in roots))
            self._known[path] = self._set_by(members)
        return self._known[path]

    def _set_by(self, members: set[str]) -> frozenset[str]:
        together = [self.files[member] for member in members]
        called = set().union(*(one.called for one in together)) if together else set()
        defined = {name.rpartition(".")[2] for one in together for name in one.defined}
        found: set[str] = set()
        for one in together:
            found |= {what for what, functions in one.seeds.items() if any(not f or f in called for f in functions)}
            if one.cuda:
                found.add("cuda")
            for name, function in one.unknown_seeders:
                if name.rpartition(".")[2] not in defined and (not function or function in called):
                    found |= set(ALL)
        return frozenset(found)

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
