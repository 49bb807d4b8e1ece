"""What in a project's tree is never an input or an output: caches, environments, version control, our own bundles."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from fnmatch import fnmatchcase


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_DIRECTORIES = _words(
    ".git .hg .svn .jj __pycache__ node_modules .tox .nox .mypy_cache .pytest_cache .ruff_cache .pytype .hypothesis "
    ".ipynb_checkpoints .eggs .reprokit .Trash .direnv"
)
_FILES = ("*.repro.tar.zst", "*.repro.tar.zst.*", "*.pyc", ".DS_Store", ".coverage", ".coverage.*", "*.swp", ".nfs*")


@dataclass(frozen=True)
class Ignore:
    """Rules that `scan` and `Watcher` share.

    A directory that holds `pyvenv.cfg` is a virtual environment and is ignored whatever its name, unless it is a root.

    Attributes:
        directories: names of directories.
        files: patterns of file names.
        paths: absolute paths, of directories or files, for example where reprokit keeps its own working files.
    """

    directories: frozenset[str] = _DIRECTORIES
    files: tuple[str, ...] = _FILES
    paths: frozenset[str] = field(default_factory=frozenset)

    def directory(self, name: str, path: str) -> bool:
        """Whether a directory below a root is left out, with everything in it."""
        return name in self.directories or path in self.paths or os.path.lexists(f"{path}/pyvenv.cfg")

    def file(self, name: str, path: str) -> bool:
        """Whether a file is left out."""
        # Bundles, byte code and editor files all show in the name's end or first character.
        return (self._suspect(name) and any(fnmatchcase(name, one) for one in self.files)) or path in self.paths

    def _suspect(self, name: str) -> bool:
        # fnmatch costs 1 µs a pattern; for the built-in patterns three string tests decide nearly always.
        return self.files is not _FILES or name[0] == "." or name.endswith((".pyc", ".swp")) or ".repro.tar" in name


DEFAULT_IGNORE = Ignore()
