"""Keeps inputs as they were when the run first read them.

A thread follows the accesses while the run goes on. A small input is copied and hashed at once; of a large one, size,
times and inode are remembered. Afterwards every input is looked at again: one that changed meanwhile is a warning, and
the bundle holds what the run had read.
"""

from __future__ import annotations

import os
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reprokit.digest import sha256_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Signature = tuple[int, int, int, int, int]
"""Size, mtime_ns, ctime_ns, inode, mode."""

_INTERVAL = 0.05
_LONGEST_INTERVAL = 1.0
_EARLY_BYTES = 512 << 20


def signature_of(path: str | Path) -> Signature | None:
    """The signature of a file now, or None when there is no regular file."""
    try:
        status = os.stat(path)  # noqa: PTH116 - one call for strings and paths
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_mode


@dataclass(frozen=True)
class Kept:
    """An input as it was first seen: ``source`` holds its content (the copy, or the file itself)."""

    path: str
    sha256: str
    size: int
    source: Path
    executable: bool
    changed: bool
    sha256_after: str | None


class InputKeeper:
    """Copies small inputs early.

    Args:
        poll: returns accesses (path, signature when opened) that have come since the last call.
        store: directory for the copies.
        limit: size in bytes up to which an input is copied.
        wanted: whether a path can be an input at all.
    """

    def __init__(
        self,
        poll: Callable[[], Sequence[tuple[str, Signature]]],
        store: Path,
        limit: int,
        wanted: Callable[[str], bool],
    ) -> None:
        self._poll, self._store, self._limit, self._wanted = poll, store, limit, wanted
        self._first: dict[str, Signature] = {}
        self._early: dict[str, tuple[str, Path]] = {}
        self._bytes = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="reprokit-inputs", daemon=True)

    def start(self) -> None:
        """Starts following."""
        self._store.mkdir(parents=True, exist_ok=True)
        self._thread.start()

    def stop(self) -> None:
        """Stops following, after one last look."""
        self._stop.set()
        self._thread.join()

    def _follow(self) -> None:
        pause = _INTERVAL
        while not self._stop.wait(pause):
            # Files are opened in bursts; between them a training loop should have the processors to itself.
            pause = _INTERVAL if self._look() else min(2 * pause, _LONGEST_INTERVAL)
        self._look()

    def _look(self) -> bool:
        """Takes in what has come since the last look; returns whether that was anything."""
        came = self._poll()
        for path, signature in came:
            if path not in self._first and self._wanted(path):
                self._first[path] = signature
                if signature[0] <= self._limit and self._bytes + signature[0] <= _EARLY_BYTES:
                    self._copy(path, signature)
        return bool(came)

    def _copy(self, path: str, opened: Signature) -> None:
        """Copies a file if it still is what was opened; a torn copy is thrown away."""
        target = self._store / str(len(self._first))
        try:
            if signature_of(path) != opened:
                return
            shutil.copyfile(path, target)
            if signature_of(path) != opened:
                target.unlink()
                return
            self._early[path] = (sha256_file(target), target)
            self._bytes += opened[0]
        except OSError:
            target.unlink(missing_ok=True)

    def kept(self, path: str, opened: Signature | None, snapshot: Path | None) -> Kept | None:
        """The input at ``path`` as the run first read it.

        Args:
            path: absolute.
            opened: its signature when it was first opened, if an observer saw that.
            snapshot: a copy that the observed process made before it changed the file.

        Returns:
            None when its content cannot be had any more.
        """
        now = signature_of(path)
        opened = opened or self._first.get(path)
        early = self._early.get(path)
        unchanged = now is not None and (opened is None or now == opened)
        mode = (opened or now or (0, 0, 0, 0, 0))[4]
        executable = bool(mode & 0o100)
        if unchanged and now is not None:
            digest = sha256_file(path)
            first = early[0] if early else digest
            source = early[1] if early and first != digest else Path(path)
            return Kept(path, first, now[0] if first == digest else source.stat().st_size, source, executable,
                        first != digest, digest if first != digest else None)  # fmt: skip
        before = early[1] if early else snapshot
        after = sha256_file(path) if now is not None else None
        if before is None:
            return None
        digest = early[0] if early else sha256_file(before)
        return Kept(path, digest, before.stat().st_size, before, executable, digest != after, after)
