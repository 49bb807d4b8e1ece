"""Events that wait for a collector: one file each in a directory, sent in their order, each of them once.

Putting an event there is one small file and no network, so a training run never waits for a collector. What was sent
is remembered by a key (run, kind of event, time of event), so that the same event is not taken in again. Between a
collector's answer and the note of it a crash can still make an event go out twice; readers must treat equal events as
one, as reprokit's own does. One process sends at a time; a second one finds the lock held and leaves.

Only the standard library is used here: this part runs at the end of every recording.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reprokit.digest import sha256_bytes
from reprokit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class CollectorAwayError(Exception):
    """The collector cannot be reached, or is not well: what was to be sent waits."""


class EventRefusedError(Exception):
    """The collector will never take this event: it is laid aside, with what the collector said."""


@dataclass(frozen=True)
class Flushed:
    """What came of sending: how many events were sent, refused, and wait; ``why`` they wait."""

    sent: int
    refused: int
    waiting: int
    why: str = ""


def key_of(line: str) -> str:
    """What makes an event the same as another: run, kind and time; of an event without a run, its whole content."""
    event = json.loads(line)
    run = event.get("run") or {}
    named = [run.get("runId"), event.get("eventType"), event.get("eventTime")] if run else [line]
    return sha256_bytes(json.dumps(named).encode()).rpartition(":")[2][:32]


class Spool:
    """A directory of events that wait.

    Args:
        directory: it is made when the first event comes. ``waiting/`` holds what is to be sent, ``refused/`` what
            the collector will not have, and ``sent`` the keys of what it has.
    """

    def __init__(self, directory: str | Path) -> None:
        self.directory = Path(directory)

    @property
    def _waiting(self) -> Path:
        return self.directory / "waiting"

    def put(self, lines: Iterable[str]) -> int:
        """Keeps events, one JSON text each; returns how many were new.

        Raises:
            UsageError: RPK166, the directory cannot be written.
        """
        new = 0
        try:
            self._waiting.mkdir(parents=True, exist_ok=True)
            with self._locked("order", wait=True):
                # In this order: a sender, which has another lock, notes what it sent before it takes the file away.
                known = {path.stem.partition("-")[2] for path in self.pending()}
                known |= self._sent()
                number = self._next()
                for line in lines:
                    key = key_of(line)
                    if key not in known:
                        self._keep(f"{number:012d}-{key}.json", line)
                        known.add(key)
                        number += 1
                        new += 1
        except OSError as error:
            raise UsageError("RPK166", f"the spool {self.directory} cannot be written: {error}") from None
        return new

    def pending(self) -> list[Path]:
        """The files of the events that wait, in their order."""
        return sorted(self._waiting.glob("*-*.json")) if self._waiting.is_dir() else []

    def flush(self, emit: Callable[[str], Any]) -> Flushed:
        """Sends what waits, until there is nothing left or the collector is away.

        Args:
            emit: sends the JSON of one event; raises `CollectorAwayError` or `EventRefusedError`.
        """
        sent = refused = 0
        while self.pending():  # asked again without the lock: what came after the last look found it held, and left
            with self._locked("sender", wait=False) as held:
                if not held:
                    return Flushed(sent, refused, len(self.pending()), "another process is sending")
                done = self._flush(emit)
            sent, refused = sent + done.sent, refused + done.refused
            if done.why:
                return Flushed(sent, refused, done.waiting, done.why)
        return Flushed(sent, refused, 0)

    def _flush(self, emit: Callable[[str], Any]) -> Flushed:
        sent = refused = 0
        known = self._sent()
        for path in self._until_empty():
            key = path.stem.partition("-")[2]
            if key not in known:  # a crash after the note and before the removal leaves a file that was sent
                try:
                    emit(path.read_text(encoding="utf-8"))
                    sent += 1
                except CollectorAwayError as error:
                    return Flushed(sent, refused, len(self.pending()), str(error) or "the collector is away")
                except EventRefusedError as error:
                    self._refuse(path, str(error))
                    refused += 1
                    continue
                self._note(key)
                known.add(key)
            path.unlink(missing_ok=True)
        return Flushed(sent, refused, len(self.pending()))

    def _until_empty(self) -> Iterator[Path]:
        """What waits, with what came while the first of it was sent: its own sender found the lock held and left."""
        while waiting := self.pending():
            yield from waiting

    def _keep(self, name: str, line: str) -> None:
        handle, temporary = tempfile.mkstemp(dir=self._waiting, prefix=".")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(line)
        Path(temporary).replace(self._waiting / name)

    def _refuse(self, path: Path, why: str) -> None:
        aside = self.directory / "refused"
        aside.mkdir(exist_ok=True)
        (aside / f"{path.stem}.txt").write_text(f"{why}\n", encoding="utf-8")
        path.replace(aside / path.name)

    def _sent(self) -> set[str]:
        try:
            return set((self.directory / "sent").read_text(encoding="ascii", errors="replace").split())
        except FileNotFoundError:
            return set()

    def _note(self, key: str) -> None:
        with (self.directory / "sent").open("a", encoding="ascii") as file:
            file.write(f"{key}\n")
            file.flush()
            os.fsync(file.fileno())

    def _next(self) -> int:
        numbers = [int(path.stem.partition("-")[0]) for path in self.pending()[-1:]]
        return max(numbers, default=0) + 1

    @contextlib.contextmanager
    def _locked(self, name: str, *, wait: bool) -> Iterator[bool]:
        """Holds a lock that goes with the process; says whether it is held."""
        with (self.directory / f".{name}.lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield False
                return
            yield True
