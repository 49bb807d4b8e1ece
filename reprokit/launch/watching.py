"""Looks at a run from outside while it goes on: the tree before and after, file events, the process tree."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reprokit.capture.files import Changes, FileState, changed, scan
from reprokit.capture.ignore import Ignore
from reprokit.capture.keeper import InputKeeper
from reprokit.capture.process_tree import ProcessWatch, SeenProcess
from reprokit.capture.watch import Seen, Watcher
from reprokit.errors import ReprokitError
from reprokit.launch.outliving import outliving
from reprokit.observe.reading import FileTail
from reprokit.schema.manifest import Notice

if TYPE_CHECKING:
    from pathlib import Path

    from reprokit.capture.accesses import Places

_MOST_DIRECTORIES = 50_000
_CLOCK_GRANULARITY_NS = 10_000_000  # the kernel stamps files with a clock that ticks every 1 to 10 ms


@dataclass
class Sightings:
    """What was seen from outside. Paths of `changes` are relative to the project's root."""

    started_ns: int
    before: dict[str, FileState]
    directories: set[str] = field(default_factory=set)
    after: dict[str, FileState] = field(default_factory=dict)
    changes: Changes = field(default_factory=lambda: Changes([], [], [], []))
    seen: Seen = field(default_factory=Seen)
    processes: list[SeenProcess] = field(default_factory=list)
    warnings: list[Notice] = field(default_factory=list)


def _directories(root: Path, ignore: Ignore) -> set[str]:
    """The directories below ``root``, absolute; of a tree with very many, those that were met first."""
    found: set[str] = set()
    for directory, names, _files in os.walk(root):
        names[:] = [n for n in names if not ignore.directory(n, os.path.join(directory, n))]
        found.add(directory)
        if len(found) >= _MOST_DIRECTORIES:
            break
    return found


class Watch:
    """Everything that looks at one run from outside.

    Args:
        run: the recording's directory.
        root: the project's directory.
        beside: further directories whose files are of interest (named in the arguments).
        places: what is part of a run.
        embed_limit: size in bytes up to which inputs are copied early.
    """

    def __init__(self, run: Path, root: Path, beside: list[Path], places: Places, embed_limit: int) -> None:
        self._run, self._root = run, root
        # A collector may be told of the run's start while it goes on, and the state directory may lie in the project.
        self._ignore = Ignore(paths=frozenset({str(run), *places.own}))
        self._watcher = Watcher([root, *beside], self._ignore)
        self._tree: ProcessWatch | None = None
        self._sightings = Sightings(0, {})
        tail = FileTail(run)

        def poll() -> list[tuple[str, tuple[int, int, int, int, int]]]:
            return [(r.path, r.signature) for r in tail.poll() if r.kind == "r" and r.origin != "import"]

        # Only what has not been written since the start can be an input.
        self.keeper = InputKeeper(poll, run / "inputs", embed_limit, lambda path: not any(
            path.startswith(own) for own in places.own))  # fmt: skip

    def before(self) -> None:
        """Call it right before the command starts."""
        self._sightings.before = scan(self._root, self._ignore)
        self._sightings.directories = _directories(self._root, self._ignore)
        self._watcher.start()
        self.keeper.start()
        self._sightings.started_ns = time.time_ns() - _CLOCK_GRANULARITY_NS

    def started(self, pid: int) -> None:
        """Call it with the command's process id."""
        try:
            self._tree = ProcessWatch(pid)
            self._tree.start()
        except (OSError, RuntimeError) as error:
            self._sightings.warnings.append(Notice(code="RPK042", message=f"the process watch: {error}"))

    def after(self) -> Sightings:
        """Call it when the command has ended."""
        found = self._sightings
        found.warnings += [Notice(code="RPK041", message=text) for text in outliving(self._run)]
        if self._tree is not None:
            found.processes = self._tree.stop()
        self.keeper.stop()
        found.seen = self._watcher.stop()
        try:
            found.after = scan(self._root, self._ignore)
        except (OSError, ReprokitError) as error:  # the run deleted its own working directory
            found.warnings.append(Notice(code="RPK047", message=f"the project's directory cannot be read: {error}"))
        found.changes = changed(found.before, found.after)
        if found.seen.overflow or found.seen.unwatched:
            lost = "events overflowed" if found.seen.overflow else f"{found.seen.unwatched} directories not watched"
            found.warnings.append(Notice(code="RPK043", message=f"file events are incomplete: {lost}"))
        return found
