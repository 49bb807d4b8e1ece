"""What a run made outside its project and left there, besides single files that are results.

A replay must not find it: neither a cache, from which it would take what it should compute, nor a directory that it is
about to make, or to put in place by giving another one its name.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from reprokit.capture.accesses import Places, below, may_be_found_again

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from reprokit.observe.reading import FileRecord

_MOST_FILES = 100_000


class MadeOutside:
    """Collects what is no single result.

    Args:
        places: what is part of the run.
    """

    def __init__(self, places: Places) -> None:
        self._places = places
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def add(self, record: FileRecord) -> None:
        """A file that is no result was written or renamed."""
        if record.kind == "m" or record.signature[0] < 0:
            self._files.add(record.path)

    def made(self, folder: str) -> None:
        """A directory was made that had not been there."""
        if not below(folder, self._places.root):
            self._folders.add(folder)

    def moved_files(self, record: FileRecord) -> Iterator[str]:
        """The files in a directory that was renamed, as checkpoints are that are to appear at once."""
        if record.kind != "m" or below(record.path, self._places.root) or not os.path.isdir(record.path):
            return
        self._folders.add(record.path)
        count = 0
        for directory, _names, files in os.walk(record.path):
            for name in files:
                yield os.path.join(directory, name)
                count += 1
            if count > _MOST_FILES:
                return

    def left(self, outputs: Collection[str]) -> list[str]:
        """What a replay must not find, sorted: caches, and directories that were made, or moved to where they are.

        Of directories that lie in one another the outermost stands for all. One that holds files and no output is
        left in sight: it is what a library downloaded.

        Args:
            outputs: absolute paths of what the run wrote.
        """
        caches = {path for path in self._files if path not in outputs and may_be_found_again(path, self._places)}
        parents = {parent for path in outputs for parent in _parents(path)}
        folders = {folder for folder in self._folders if folder in parents or holds_no_file(folder)}
        outermost = {folder for folder in folders if not folders.intersection(_parents(folder))}
        return [path for path in sorted(caches | outermost) if os.path.lexists(path)]


def holds_no_file(folder: str) -> bool:
    """Whether there is a directory, with directories in it at most."""
    return os.path.isdir(folder) and not any(files for _directory, _names, files in os.walk(folder))


def _parents(path: str) -> Iterator[str]:
    while (parent := os.path.dirname(path)) != path:
        yield parent
        path = parent
