"""What stands in a directory tree, before and after a run, and how the two differ."""

# ruff: noqa: PTH100, PTH112 - Path objects would make a scan of 100,000 files three times slower
from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from reprokit.capture.ignore import DEFAULT_IGNORE, Ignore
from reprokit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class FileState(NamedTuple):
    """What `lstat` says of a file or a symbolic link (a tuple, since a scan makes one for each of 100,000 files).

    `ctime_ns` cannot be set back by a program, so it betrays a write that restored size and modification time.
    """

    size: int
    mtime_ns: int
    inode: int
    mode: int
    ctime_ns: int = 0

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link; links are recorded and never followed."""
        return stat.S_ISLNK(self.mode)


@dataclass(frozen=True)
class Changes:
    """How a tree changed. Paths are relative to its root, sorted.

    Attributes:
        created: there now, not before.
        modified: the same path with other content or mode, as far as `lstat` can tell.
        deleted: there before, not now.
        renamed: the same inode under a new path, with unchanged content; in neither `created` nor `deleted`.
    """

    created: list[str]
    modified: list[str]
    deleted: list[str]
    renamed: list[tuple[str, str]]


def scan(root: Path, ignore: Ignore = DEFAULT_IGNORE, problems: list[str] | None = None) -> dict[str, FileState]:
    """Lists regular files and symbolic links below `root`.

    Links are never followed, so the scan neither loops nor leaves the tree. Sockets, pipes and devices are left out.
    Names that are not UTF-8 come as surrogate escapes.

    Args:
        root: a directory.
        ignore: what to leave out.
        problems: takes the directories that could not be read.

    Returns:
        Path relative to `root`, with ``/``, to state.

    Raises:
        UsageError: RPK003, `root` is not a directory that can be read.
    """
    top = os.path.abspath(root)
    if not os.path.isdir(top):
        raise UsageError("RPK003", f"{root} is not a directory")
    found: dict[str, FileState] = {}
    pending = [("", top)]
    while pending:
        prefix, directory = pending.pop()
        try:
            with os.scandir(directory) as entries:
                _list(entries, prefix, ignore, found, pending)
        except OSError as error:
            if not prefix:
                raise UsageError("RPK003", f"{root} cannot be read: {error.strerror}") from error
            if problems is not None:
                problems.append(prefix.rstrip("/"))
    return found


def changed(before: Mapping[str, FileState], after: Mapping[str, FileState]) -> Changes:
    """Compares two scans of one tree."""
    created = {path for path in after if path not in before}
    deleted = {path for path in before if path not in after}
    modified = sorted(path for path, state in before.items() if path in after and state != after[path])
    # An inode number is reused at once after a deletion, so the content's size and time must agree too.
    gone: dict[tuple[int, int, int, int], list[str]] = {}
    for path in sorted(deleted, reverse=True):
        gone.setdefault(_identity(before[path]), []).append(path)
    renamed: list[tuple[str, str]] = []
    for path in sorted(created):
        if old_paths := gone.get(_identity(after[path])):  # several: hard links
            old = old_paths.pop()
            renamed.append((old, path))
            created.discard(path)
            deleted.discard(old)
    return Changes(sorted(created), modified, sorted(deleted), sorted(renamed))


def _list(
    entries: os._ScandirIterator[str],
    prefix: str,
    ignore: Ignore,
    found: dict[str, FileState],
    pending: list[tuple[str, str]],
) -> None:
    for entry in entries:
        name = entry.name
        if entry.is_dir(follow_symlinks=False):
            if not ignore.directory(name, entry.path):
                pending.append((f"{prefix}{name}/", entry.path))
            continue
        if ignore.file(name, entry.path):
            continue
        try:
            state = entry.stat(follow_symlinks=False)
        except OSError:  # gone since the directory was read
            continue
        if stat.S_ISREG(state.st_mode) or stat.S_ISLNK(state.st_mode):
            found[prefix + name] = FileState(
                state.st_size, state.st_mtime_ns, state.st_ino, state.st_mode, state.st_ctime_ns
            )


def _identity(state: FileState) -> tuple[int, int, int, int]:
    return state.inode, state.size, state.mtime_ns, stat.S_IFMT(state.mode)
