"""Which files are read and which rules count: paths, excludes, select, ignore, per-file-ignores."""

from __future__ import annotations

import fnmatch
import os
from dataclasses import dataclass, field
from pathlib import Path

from reprokit.errors import UsageError
from reprokit.lint.rules import RULES

SKIPPED = frozenset({
    ".git", ".hg", ".svn", ".tox", ".nox", ".venv", "venv", ".mypy_cache", ".pytest_cache", ".ruff_cache",
    "__pycache__",
    "node_modules", ".ipynb_checkpoints", "build", "dist", ".eggs", "site-packages", ".reprokit",
})  # fmt: skip
"""Directories that a walk leaves out unless they are given by name."""
SUFFIXES = (".py", ".ipynb", ".pyw")


@dataclass(frozen=True)
class Selection:
    """Which rules count where.

    Args:
        select: codes, or beginnings of codes, that are reported; empty for all.
        ignore: codes, or beginnings, that are not.
        exclude: globs of paths that are left out.
        per_file: glob of paths -> codes, or beginnings, that are not reported there.
        root: what globs are relative to.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    per_file: dict[str, tuple[str, ...]] = field(default_factory=dict)
    root: str = "."

    def __post_init__(self) -> None:
        """Refuses a code that no rule has: a misspelt one would leave a check out unseen.

        Raises:
            UsageError: RPK130.
        """
        for code in (*self.select, *self.ignore, *(code for codes in self.per_file.values() for code in codes)):
            if not code or not any(known.startswith(code) for known in RULES):
                raise UsageError("RPK130", f"{code!r} is no rule's code nor the beginning of one")

    def counts(self, code: str, path: str) -> bool:
        """Whether a rule counts in a file."""
        if self.select and not code.startswith(self.select):
            return False
        if self.ignore and code.startswith(self.ignore):
            return False
        return not any(
            code.startswith(codes) and matches(path, pattern, self.root) for pattern, codes in self.per_file.items()
        )

    def excludes(self, path: str) -> bool:
        """Whether a path is left out."""
        return any(matches(path, pattern, self.root) for pattern in self.exclude)


def matches(path: str, pattern: str, root: str) -> bool:
    """Whether a path, a directory above it, or its last part is what a glob names."""
    relative = os.path.relpath(path, root).replace(os.sep, "/")
    wanted = pattern.rstrip("/").removeprefix("./")
    if fnmatch.fnmatch(relative, wanted) or fnmatch.fnmatch(relative, f"{wanted}/*"):
        return True
    return "/" not in wanted and any(fnmatch.fnmatch(part, wanted) for part in relative.split("/"))


def files(paths: list[str], selection: Selection) -> list[str]:
    """The files below the given paths, in the order of their names; a file given by name is always read.

    Raises:
        UsageError: RPK003, a path does not exist.
    """
    found: dict[str, None] = {}
    seen: set[str] = set()
    for given in paths:
        path = Path(given)
        if path.is_dir():
            for name in _below(given, selection):
                _add(found, seen, name)
        elif path.exists():
            _add(found, seen, given)
        else:
            raise UsageError("RPK003", f"there is no file or directory {given}")
    return list(found)


def _add(found: dict[str, None], seen: set[str], path: str) -> None:
    """The same file is read once, whatever link leads to it."""
    real = os.path.realpath(path)
    if real not in seen:
        seen.add(real)
        found[path] = None


def _below(top: str, selection: Selection) -> list[str]:
    found = []
    for root, directories, names in os.walk(top):  # links to directories are not followed, so that no loop traps it
        directories[:] = sorted(
            name for name in directories if name not in SKIPPED and not selection.excludes(os.path.join(root, name))
        )
        for name in sorted(names):
            path = os.path.normpath(os.path.join(root, name))
            if name.endswith(SUFFIXES) and os.path.isfile(path) and not selection.excludes(path):
                found.append(path)
    return found
