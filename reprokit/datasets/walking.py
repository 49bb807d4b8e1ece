"""Lists the files below a directory, sorted by path, in bounded memory.

Each directory is sorted by itself, with a ``/`` at the end of the names of directories, which makes the whole walk
sorted by path. A directory with more names than fit is sorted in runs on disk.
"""

from __future__ import annotations

import heapq
import os
import re
import stat
import tempfile
from dataclasses import dataclass, field
from itertools import islice
from typing import IO, TYPE_CHECKING, NamedTuple

from reprokit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SPILL = 200_000
"""Names of one directory that are sorted in memory."""
LEFT_OUT = 1000
"""How many files that are left out are named."""


class Found(NamedTuple):
    """A file to be hashed: its path below the root, its state, and where it leads if it is a link."""

    path: str
    state: os.stat_result
    link: str | None = None


@dataclass
class Trouble:
    """What stands in the way: ``(path, reason)`` each; ``silent`` are files with other content and the same state."""

    unreadable: list[tuple[str, str]] = field(default_factory=list)
    changed: list[tuple[str, str]] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    silent: list[tuple[str, str]] = field(default_factory=list)

    def leave_out(self, path: str, reason: str) -> None:
        """Notes a file that is no part of the snapshot."""
        if len(self.left_out) < LEFT_OUT:
            self.left_out.append((path, reason))


def walk(
    root: str, trouble: Trouble, wanted: Callable[[str], bool] | None = None, *, spill: int = SPILL
) -> Iterator[Found]:
    """Yields the regular files below ``root``, and the links to regular files, sorted by path.

    Links to directories are not followed, so that the walk neither loops nor leaves the tree; they and special files
    are left out and named. ``.git`` is no data.

    Args:
        root: a directory.
        trouble: takes what cannot be read and what is left out.
        wanted: whether a path relative to the root counts; all do by default.
        spill: how many names of one directory are sorted in memory.
    """
    lstat = os.lstat
    pending = [_children(root, "", trouble, spill)]
    while pending:
        path = next(pending[-1], None)
        if path is None:
            pending.pop()
        elif path.endswith("/"):
            pending.append(_children(os.path.join(root, path), path, trouble, spill))
        elif wanted is None or wanted(path):
            full = f"{root}/{path}"
            try:
                state = lstat(full)
                if state.st_mode & 0o170000 == stat.S_IFREG:
                    yield Found(path, state)
                    continue
            except OSError:
                pass  # `look` says why
            found = look(full, path, trouble)
            if found is not None:
                yield found


def look(full: str, path: str, trouble: Trouble) -> Found | None:
    """What a file is now; None, with a note, when it cannot be hashed."""
    try:
        state, link = os.lstat(full), None
        if stat.S_ISLNK(state.st_mode):
            link, state = os.readlink(full), os.stat(full)
    except OSError as error:
        reason = "a link that leads nowhere" if os.path.islink(full) else (error.strerror or str(error))
        trouble.unreadable.append((path, reason))
        return None
    if stat.S_ISREG(state.st_mode):
        return Found(path, state, link)
    what = "a link to a directory, which is not followed" if stat.S_ISDIR(state.st_mode) else _SPECIAL(state.st_mode)
    trouble.leave_out(path, what)
    return None


def _SPECIAL(mode: int) -> str:  # noqa: N802 - reads as the table that it is
    kinds = (("a named pipe", stat.S_ISFIFO), ("a socket", stat.S_ISSOCK), ("a device", stat.S_ISCHR))
    return next((name for name, test in kinds if test(mode)), "a special file")


def _children(directory: str, prefix: str, trouble: Trouble, spill: int) -> Iterator[str]:
    """The names of a directory in order; a plain list's iterator where they fit, since each name passes through it."""
    names = _names(directory, prefix)
    try:
        held = list(islice(names, spill))
    except OSError as error:
        trouble.unreadable.append((prefix or ".", error.strerror or str(error)))
        return iter(())
    if len(held) < spill:
        held.sort()
        return iter(held)
    return _spilled(held, names, prefix, trouble)


def _names(directory: str, prefix: str) -> Iterator[str]:
    with os.scandir(directory) as entries:
        for entry in entries:
            name = entry.name
            if not entry.is_dir(follow_symlinks=False):
                yield prefix + name
            elif name != ".git":
                yield f"{prefix}{name}/"


def _spilled(held: list[str], names: Iterator[str], prefix: str, trouble: Trouble) -> Iterator[str]:
    runs: list[IO[bytes]] = []
    spill = len(held)
    try:
        while len(held) >= spill:
            runs.append(_run(held))
            held = list(islice(names, spill))
        yield from heapq.merge(sorted(held), *(_read(run) for run in runs))
    except OSError as error:
        trouble.unreadable.append((prefix or ".", error.strerror or str(error)))
    finally:
        for run in runs:
            run.close()


def _run(names: list[str]) -> IO[bytes]:
    run = tempfile.TemporaryFile(prefix="reprokit-")  # noqa: SIM115 - closed by the one who merges
    run.write(b"\0".join(os.fsencode(name) for name in sorted(names)))
    run.seek(0)
    return run


def _read(run: IO[bytes]) -> Iterator[str]:
    rest = b""
    while data := run.read(1 << 16):
        *whole, rest = (rest + data).split(b"\0")
        yield from map(os.fsdecode, whole)
    if rest:
        yield os.fsdecode(rest)


def matcher(globs: list[str]) -> Callable[[str], bool]:
    """Whether a path is one of some globs: ``*`` and ``?`` stay in a directory, ``**`` does not.

    A glob without a ``/`` is that of a name in any directory (``./NAME`` of one in the first); one that names a
    directory takes all below it.

    Raises:
        UsageError: RPK164, one of them is none.
    """
    if not globs:
        return lambda _path: False
    expressions = "|".join(f"(?:{_expression(glob)})" for glob in globs)
    try:
        pattern = re.compile(expressions, re.DOTALL)
    except (re.error, RecursionError, OverflowError) as error:
        raise UsageError("RPK164", f"no globs: {', '.join(globs)}: {error}") from None
    return lambda path: pattern.fullmatch(path) is not None


def _expression(glob: str) -> str:
    out = "" if "/" in glob.rstrip("/") else "(?:.*/)?"
    glob = glob.removeprefix("./").rstrip("/")
    at = 0
    while at < len(glob):
        rest = glob[at:]
        closing = rest.find("]", 2)
        if rest.startswith("**/"):
            out, at = out + "(?:.*/)?", at + 3
        elif rest.startswith("**"):
            out, at = out + ".*", at + 2
        elif rest[0] == "[" and closing > 0:
            negated = rest[1] == "!"
            inside = "".join(c if c == "-" else re.escape(c) for c in rest[1 + negated : closing])
            out, at = out + f"[{'^' * negated}{inside}]", at + closing + 1
        else:
            out, at = out + {"*": "[^/]*", "?": "[^/]"}.get(rest[0], re.escape(rest[0])), at + 1
    return out + "(?:/.*)?"
