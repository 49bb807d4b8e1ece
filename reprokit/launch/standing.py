"""What stood in the project before a run and matters to it, though nobody opened it.

A script that lists a directory, renames or deletes a file, or looks for the first free name (``run``, ``run2``, …) goes
another way where these are missing. Of most of them the name is enough.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from reprokit.capture.accesses import Places, below, may_be_input

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reprokit.capture.files import FileState
    from reprokit.launch.watching import Sightings

_LISTED = 20_000
_UNOPENED = 1_000
_NUMBER = re.compile(r"[-_. (]?\d+\)?")


class Standing:
    """The names that were there.

    Attributes:
        names: absolute path of a file whose name mattered -> its size.
        bare: those of them whose content cannot have mattered.

    Args:
        places: what is part of a run.
        sightings: what was seen from outside.
    """

    def __init__(self, places: Places, sightings: Sightings) -> None:
        self._places, self._sightings = places, sightings
        self._by_directory: dict[str, list[str]] | None = None
        self._tops: dict[str, set[str]] | None = None
        self.names: dict[str, int] = {}
        self.bare: set[str] = set()

    def listed(self, directory: str) -> None:
        """The script listed a directory: the files' names are an input even where their content is not."""
        for name in self._files_of(directory):
            self._add(name)

    def renamed(self) -> Iterator[tuple[str, str, FileState]]:
        """Files from before the run that got another name: old, new (absolute), state. They hold what they held.

        Also those in whose old place another file stands now, as when a log is put aside.
        """
        found, before = self._sightings, self._sightings.before
        known = {_identity(before[name]): name for name in found.changes.modified}
        aside = [(known.get(_identity(found.after[name]), ""), name) for name in found.changes.created] if known else []
        for old, new in (*found.changes.renamed, *aside):
            path = os.path.join(self._places.root, old)
            if old and not before[old].is_link and may_be_input(path, "call", self._places):
                yield path, os.path.join(self._places.root, new), before[old]

    def add_unopened(self) -> None:
        """Adds files that were deleted, and those that are numbered like what the run made."""
        unopened = [*self._sightings.changes.deleted]
        for directory, stems in self._made().items():
            unopened += [name for name in self._files_of(directory) if _stem(os.path.basename(name)) in stems]
        for name in unopened[:_UNOPENED]:
            if self._add(name):
                self.bare.add(os.path.join(self._places.root, name))

    def directories(self) -> set[str]:
        """Directories that are numbered like those that the run made, absolute: it looked for a free name."""
        made = self._made()
        return {
            path
            for path in self._sightings.directories
            if _stem(os.path.basename(path)) in made.get(os.path.dirname(path), ())
        }

    def _add(self, name: str) -> bool:
        """Adds a file by its path relative to the root, unless it is there, or no input."""
        path, state = os.path.join(self._places.root, name), self._sightings.before[name]
        if path in self.names or state.is_link or not may_be_input(path, "user", self._places):
            return False
        self.names[path] = state.size
        return True

    def _files_of(self, directory: str) -> list[str]:
        """The files that stood in a directory, relative to the root."""
        if not below(directory, self._places.root):
            return []
        if self._by_directory is None:
            self._by_directory = {}
            for name in self._sightings.before:
                self._by_directory.setdefault(os.path.dirname(name), []).append(name)
        relative = os.path.relpath(directory, self._places.root)
        return self._by_directory.get(relative if relative != "." else "", [])[:_LISTED]

    def _made(self) -> dict[str, set[str]]:
        """The uppermost files and directories that the run made: directory -> their names without numbers."""
        if self._tops is not None:
            return self._tops
        changes, made = self._sightings.changes, dict[str, set[str]]()
        for relative in (*changes.created, *(new for _, new in changes.renamed)):
            path = os.path.join(self._places.root, relative)
            while path != self._places.root and os.path.dirname(path) not in self._sightings.directories:
                path = os.path.dirname(path)
            if may_be_input(path, "call", self._places):
                made.setdefault(os.path.dirname(path), set()).add(_stem(os.path.basename(path)))
        self._tops = made
        return made


def _identity(state: FileState) -> tuple[int, int, int]:
    return state.inode, state.size, state.mtime_ns


def _stem(name: str) -> str:
    """A name without its numbers.

    >>> _stem("exp"), _stem("exp2"), _stem("model_12.pt"), _stem("model.pt")
    ('exp', 'exp', 'model.pt', 'model.pt')
    """
    return _NUMBER.sub("", name)
