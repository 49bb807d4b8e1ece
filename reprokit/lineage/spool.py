"""Parts of the graph that wait for the store: `record` and `replay` leave them here and need no database.

A part is a file named by its content, so one that is left twice waits once. Whoever opens the store next adds what
waits, and takes a file away after the store has it for good: a part may be added twice, which changes nothing, and is
never lost.
"""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from reprokit.digest import sha256_bytes
from reprokit.errors import CorruptBundleError, UnverifiedError
from reprokit.lineage.merging import merge
from reprokit.schema.lineage import Lineage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_TOGETHER = 100  # parts in one transaction
_SUFFIX = ".json"
REFUSED = "refused"


@dataclass
class Drained:
    """What became of the parts that waited: how many were added, and of the others the file and the reason."""

    added: int = 0
    refused: list[tuple[Path, str]] = field(default_factory=list)


def leave(directory: Path, lineage: Lineage, *, safe: bool = True) -> Path:
    """Leaves a part of the graph; the file appears whole or not at all.

    Args:
        directory: where parts wait.
        lineage: the part.
        safe: whether it must outlive a power failure, which takes some milliseconds.

    Raises:
        OSError: the directory cannot be made or written to.
    """
    data = lineage.canonical()
    target = directory / (sha256_bytes(data).removeprefix("sha256:") + _SUFFIX)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, temporary = tempfile.mkstemp(prefix=".", dir=directory)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            now = time.time_ns()  # parts have an order; the clock of files ticks every few milliseconds on most kernels
            with contextlib.suppress(OSError):
                os.utime(handle, ns=(now, now))
            if safe:
                os.fsync(file.fileno())
        Path(temporary).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise
    return target


def waiting(directory: Path) -> list[Path]:
    """The parts that wait, oldest first.

    Raises:
        UnverifiedError: RPK141, there may be some, and they cannot be listed: any answer would leave them out.
    """
    found = []
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):  # another process has just added it
                    if entry.name.endswith(_SUFFIX) and entry.is_file(follow_symlinks=False):
                        found.append((entry.stat().st_mtime_ns, Path(entry.path)))
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):  # where nothing can be, nothing waits
            return []
        raise UnverifiedError("RPK141", f"what waits for the lineage store in {directory}: {error.strerror}") from None
    return [path for _, path in sorted(found)]


def drain(directory: Path, add: Callable[[Lineage], object]) -> Drained:
    """Adds all that waits, in the order in which it came.

    A file that is no part of a graph is put aside, under ``refused``; one from a newer version stays and waits for it.

    Args:
        directory: where the parts wait.
        add: adds a graph for good, or raises; then the files stay.
    """
    done = Drained()
    for some in _together(waiting(directory)):
        parts: dict[Path, Lineage] = {}
        for path in some:
            try:
                parts[path] = Lineage.parse(path.read_bytes(), path.name)
            except FileNotFoundError:
                continue
            except OSError as error:
                done.refused.append((path, str(error)))
            except CorruptBundleError as error:
                done.refused.append((path if error.code == "RPK025" else _put_aside(path), error.message))
        if parts:
            add(merge(parts.values()))
        for path in parts:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:  # it is added again the next time, which changes nothing
                done.refused.append((path, f"it was added, and cannot be taken away: {error.strerror}"))
        done.added += len(parts)
    return done


def _together(paths: list[Path]) -> Iterator[list[Path]]:
    for at in range(0, len(paths), _TOGETHER):
        yield paths[at : at + _TOGETHER]


def _put_aside(path: Path) -> Path:
    aside = path.parent / REFUSED / path.name
    with contextlib.suppress(OSError):
        aside.parent.mkdir(exist_ok=True)
        return path.replace(aside)
    return path
