"""What the reading programs share: their limits, and how they hand values back. It runs on the standard library alone.

An entry is ``[parts, kind, ...]``: each part ``["k", name]`` for a key, ``["#", index]`` or ``[mark, name]``; the kinds
are those of `isolated`.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import resource
import signal
import sys
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator

NOT_LOADED, REFUSED = 4, 3
_MAX_ENTRIES = 1_000_000
_MAX_CHARACTERS = 32 << 20
_BLOCK = 4 << 20
_MAX_CHUNK = 64 << 20


class Answer:
    """What a program found; ends the process with `REFUSED` when it becomes too much."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._spool = settings["spool"]
        self.left: int = settings["budget"]
        self._entries: list[Any] = []
        self._characters = 0

    def put(self, parts: list[list[str]], *entry: Any) -> None:
        """Adds an entry."""
        texts = [text for part in parts for text in part] + [one for one in entry if isinstance(one, str)]
        self._characters += sum(map(len, texts))
        self._entries.append([parts, *entry])
        if len(self._entries) > _MAX_ENTRIES or self._characters > _MAX_CHARACTERS:
            refuse("it names more values than can be compared")

    def spend(self, size: int) -> None:
        """Pays for bytes that are about to be read."""
        if size > self.left:
            refuse("it would expand to far more than its size on disk")
        self.left -= size

    def place(self) -> int:
        """Where the next bytes will stand."""
        return os.lseek(self._spool, 0, os.SEEK_CUR)

    def write(self, data: bytes | memoryview) -> None:
        """Hands bytes back."""
        view = memoryview(data).cast("B")
        while view:
            view = view[os.write(self._spool, view) :]

    def end(self) -> None:
        """Hands everything back."""
        json.dump(self._entries, sys.stdout)


def settings_given() -> dict[str, Any]:
    """What the parent asks for."""
    found: dict[str, Any] = json.loads(sys.argv[1])
    sys.path[:] = found["sys_path"]
    return found


def limit(settings: dict[str, Any]) -> None:
    """Bounds processor time and memory from here on; what was loaded before is not counted."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, settings["seconds"])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 - pathlib is not loaded here
            lines = dict(line.split(":", 1) for line in status)
        used = int(lines["VmData"].split()[0]) << 10
        resource.setrlimit(resource.RLIMIT_DATA, (used + settings["memory"],) * 2)
    except (OSError, KeyError, ValueError):
        pass  # not Linux: the limit on time and the budget remain


def parts_of(shape: tuple[int, ...], itemsize: int, chunks: tuple[int, ...] | None) -> Iterator[tuple[Any, ...]]:
    """Slices of an array that follow each other in C order, a few mebibytes each.

    Args:
        shape: the array's.
        itemsize: the bytes of one element.
        chunks: the shape in which the array is stored, if it is in pieces; they are not cut where that can be helped.
    """
    if not math.prod(shape):
        return
    if chunks and math.prod(chunks) * itemsize > _MAX_CHUNK:
        refuse("its chunks are too large")
    axis, inner = 0, math.prod(shape[1:]) * itemsize
    while inner > _BLOCK and axis < len(shape) - 1:
        axis += 1
        inner = math.prod(shape[axis + 1 :]) * itemsize
    if not shape:
        yield ()
        return
    step = max(1, _BLOCK // max(1, inner))
    if chunks:  # else each chunk would be inflated many times
        step = max(1, step // max(1, chunks[axis])) * max(1, chunks[axis])
    for outer in itertools.product(*map(range, shape[:axis])):
        for start in range(0, shape[axis], step):
            yield (*outer, slice(start, min(shape[axis], start + step)))


def refuse(why: str, status: int = REFUSED) -> NoReturn:
    """Ends the process, saying why."""
    sys.stderr.write(f"\n{why}\n")
    sys.stderr.flush()
    os._exit(status)
