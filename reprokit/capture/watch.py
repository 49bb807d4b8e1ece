"""Seeing which files of known trees are opened, read, written and moved, whoever does it: native code included.

Python's audit events do not show what libraries open by themselves (PyTorch's writer, safetensors, HDF5, Arrow,
SQLite); the kernel's inotify does. What it cannot see is said: `Seen.overflow`, `Seen.unwatched`, `Seen.active`. A file
that is created and removed inside a new directory before that directory is watched stays unseen; merge with
`reprokit.capture.files`, which sees everything that is still there. Other machines' work on a network file system is
invisible. Files outside the watched trees (behind a symbolic link, for instance) must be added.

inotify does not say who did it. While a watcher runs, read files of these trees only after `ignore_own`.
"""

# ruff: noqa: PTH100, PTH112, PTH118, PTH119 - inotify gives strings, and hundreds of thousands of them
from __future__ import annotations

import errno
import os
import select
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from reprokit.capture import inotify
from reprokit.capture.ignore import DEFAULT_IGNORE, Ignore

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

_MASK = (
    inotify.OPEN
    | inotify.ACCESS
    | inotify.MODIFY
    | inotify.CLOSE_WRITE
    | inotify.CLOSE_NOWRITE
    | inotify.MOVED_FROM
    | inotify.MOVED_TO
    | inotify.CREATE
    | inotify.DELETE
)
_READ = inotify.ACCESS | inotify.CLOSE_NOWRITE
_WRITTEN = inotify.MODIFY | inotify.CLOSE_WRITE | inotify.CREATE
_CLOSED = inotify.CLOSE_WRITE | inotify.CLOSE_NOWRITE
_MAX_DIRECTORIES = 100_000  # about 1 KiB of kernel memory each


@dataclass(frozen=True)
class Seen:
    """What happened in the watched trees. Paths are absolute, below the roots as they were given.

    Attributes:
        read: files that were read, mapped, or opened for reading; not those that were merely looked up (`stat`).
        written: files that were created, opened for writing, or arrived by a move.
        moved: (from, to) of files and directories, in order; a destination is in `written` as well.
        overflow: the kernel dropped events (RPK043).
        unwatched: directories that are known and not watched, at least (RPK043).
        active: False where nothing could be watched at all: not Linux, or no inotify instance left.
    """

    read: set[Path] = field(default_factory=set)
    written: set[Path] = field(default_factory=set)
    moved: list[tuple[Path, Path]] = field(default_factory=list)
    overflow: bool = False
    unwatched: int = 0
    active: bool = True


class Watcher:
    """Watches trees from `start` to `stop`, in a thread of this process.

    Args:
        roots: directories (watched with everything below) or single files.
        ignore: what to leave out.
        max_directories: directories beyond this are not watched, and counted.
    """

    def __init__(
        self, roots: Iterable[Path], ignore: Ignore = DEFAULT_IGNORE, *, max_directories: int = _MAX_DIRECTORIES
    ) -> None:
        self._roots = [os.path.abspath(root) for root in roots]
        self._ignore, self._limit = ignore, max_directories
        self._lock = threading.Lock()
        self._paths: dict[int, str] = {}  # watch -> directory, or a single file
        self._single: set[int] = set()
        self._marks: dict[tuple[int, bytes], int] = {}  # (watch, padded name) -> what happened, since the last flush
        self._opened: set[str] = set()
        self._closed: set[str] = set()
        self._read: set[str] = set()
        self._written: set[str] = set()
        self._own: set[str] = set()
        self._moved: list[tuple[str, str]] = []
        self._leaving: dict[int, tuple[str, set[int]]] = {}  # cookie -> (path, the watches in it)
        self._refused: set[str] = set()
        self._exhausted = self._overflow = False
        self._inotify: inotify.Inotify | None = None
        self._thread: threading.Thread | None = None
        self._wake: tuple[int, int] | None = None

    def start(self) -> None:
        """Begins. On return everything in the roots is watched."""
        try:
            self._inotify = inotify.Inotify()
        except OSError:
            return
        self._wake = os.pipe()
        self._thread = threading.Thread(target=self._loop, name="reprokit-watch", daemon=True)
        self._thread.start()
        for root in self._roots:
            self.add(Path(root))

    def add(self, path: Path) -> None:
        """Watches one more directory tree or file. What does not exist is left out without a word."""
        place = os.path.abspath(path)
        with self._lock:
            if self._inotify is None:
                return
            if os.path.isdir(place):
                self._watch_tree(os.path.join(place, ""), arrived=False)
            else:
                self._watch_file(place)

    def ignore_own(self, path: Path) -> None:
        """Declares that this process reads `path` itself: it will not be in `read`, whoever else reads it."""
        with self._lock:
            self._own.add(os.path.abspath(path))

    def stop(self) -> Seen:
        """Ends, after everything that the kernel has queued; call it once the command has ended."""
        if self._inotify is None or self._thread is None or self._wake is None:
            return Seen(unwatched=len(self._roots), active=False)
        os.close(self._wake[1])
        self._thread.join()
        os.close(self._wake[0])
        self._inotify.close()
        self._inotify = None
        self._flush()
        # Opened and never closed, like a mapping held to the end: a read, unless it was written.
        held = self._opened - self._closed - self._written
        return Seen(
            read={Path(path) for path in (self._read | held) - self._own},
            written={Path(path) for path in self._written},
            moved=[(Path(old), Path(new)) for old, new in self._moved],
            overflow=self._overflow,
            unwatched=len(self._refused),
        )

    def _loop(self) -> None:
        assert self._inotify is not None
        assert self._wake is not None
        poll = select.poll()
        poll.register(self._inotify.descriptor, select.POLLIN)
        poll.register(self._wake[0], select.POLLIN | select.POLLHUP)
        while True:
            ready = {descriptor for descriptor, _ in poll.poll()}
            while data := self._inotify.read():
                with self._lock:
                    self._take(data)
            if self._wake[0] in ready:  # the queue was drained after the wish to stop
                return

    def _take(self, data: bytes) -> None:
        leaving = list(self._leaving)
        lost = False
        for event in inotify.events(data, self._marks):
            if event.mask & inotify.OVERFLOW:
                lost = True
            elif event.mask & inotify.IGNORED:
                self._flush()
                self._paths.pop(event.watch, None)
            elif (directory := self._paths.get(event.watch)) is not None:
                path = directory + os.fsdecode(event.name)
                if event.mask & inotify.ISDIR:
                    self._directory_event(event, path)
                else:
                    self._move_event(event, path)
        for cookie in leaving:  # not paired by now: it left the trees
            self._forget(self._leaving.pop(cookie, ("", set()))[1])
        if lost:
            self._recover()

    def _flush(self) -> None:
        """Turns the marks into paths; due before a directory's path changes or is forgotten."""
        for (watch, padded), mask in self._marks.items():
            directory = self._paths.get(watch)
            single = watch in self._single
            name = padded.rstrip(b"\0")
            if directory is None or not (name or single):
                continue
            path = directory if single else directory + os.fsdecode(name)
            if self._ignore.file(os.path.basename(path), path):
                continue
            if mask & _READ:
                self._read.add(path)
            if mask & _WRITTEN:
                self._written.add(path)
            if mask & inotify.OPEN:
                self._opened.add(path)
            if mask & _CLOSED:
                self._closed.add(path)
        self._marks.clear()

    def _move_event(self, event: inotify.Event, path: str) -> None:
        if self._ignore.file(os.path.basename(path), path):
            return
        if event.mask & inotify.MOVED_FROM:
            self._leaving[event.cookie] = (path, set())
        else:
            self._written.add(path)
            if (source := self._leaving.pop(event.cookie, None)) is not None:
                self._moved.append((source[0], path))

    def _directory_event(self, event: inotify.Event, path: str) -> None:
        if event.mask & inotify.MOVED_FROM:
            watches = {watch for watch, at in self._paths.items() if at.startswith(path + "/")}
            self._leaving[event.cookie] = (path, watches)
        elif event.mask & inotify.MOVED_TO:
            source = self._leaving.pop(event.cookie, None)
            if source is not None:
                self._moved.append((source[0], path))
                self._rename(source[1], source[0], path)
            if not self._ignore.directory(os.path.basename(path), path):
                self._watch_tree(path + "/", arrived=source is None)
        elif event.mask & inotify.CREATE and not self._ignore.directory(os.path.basename(path), path):
            self._watch_tree(path + "/", arrived=True)

    def _watch_tree(self, top: str, *, arrived: bool, known: Container[str] = ()) -> None:
        """Watches `top` (with its slash) and all below.

        In a tree that arrived, files of directories that were not `known` count as written.
        """
        pending = [top]
        while pending:
            directory = pending.pop()
            if not self._watch(directory):
                continue
            try:
                with os.scandir(directory) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            if not self._ignore.directory(entry.name, entry.path):
                                pending.append(entry.path + "/")
                        elif arrived and directory not in known and not self._ignore.file(entry.name, entry.path):
                            self._written.add(entry.path)
            except FileNotFoundError:
                continue
            except OSError:
                self._refused.add(directory)

    def _watch(self, directory: str) -> bool:
        if self._exhausted or len(self._paths) >= self._limit:
            self._refused.add(directory)
            return False
        assert self._inotify is not None
        try:
            # The root may be given as a symbolic link; below it none is followed.
            follow = 0 if directory.rstrip("/") in self._roots else inotify.DONT_FOLLOW
            watch = self._inotify.add(directory.rstrip("/") or "/", _MASK | inotify.ONLYDIR | follow)
        except OSError as error:
            if error.errno not in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}:
                self._refused.add(directory)
                self._exhausted = error.errno == errno.ENOSPC
            return False
        self._refused.discard(directory)
        self._paths[watch] = directory
        for _, watches in self._leaving.values():
            watches.discard(watch)  # it left and is back
        return True

    def _watch_file(self, path: str) -> None:
        assert self._inotify is not None
        try:
            watch = self._inotify.add(path, _MASK)
        except FileNotFoundError:
            return
        except OSError:
            self._refused.add(path)
            return
        if watch not in self._paths:
            self._paths[watch] = path
            self._single.add(watch)

    def _rename(self, watches: set[int], old: str, new: str) -> None:
        self._flush()
        for watch in watches & self._paths.keys():
            self._paths[watch] = new + self._paths[watch].removeprefix(old)

    def _forget(self, watches: set[int]) -> None:
        """Of a directory that left; by now another one may stand where it was, and that one is watched."""
        assert self._inotify is not None
        for watch in watches & self._paths.keys():
            self._flush()
            self._inotify.remove(watch)
            del self._paths[watch]

    def _recover(self) -> None:
        """After lost events new directories may be unwatched: walk the roots again."""
        self._overflow = True
        known = set(self._paths.values())
        for root in self._roots:
            if os.path.isdir(root):
                self._watch_tree(os.path.join(root, ""), arrived=True, known=known)
