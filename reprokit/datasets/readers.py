"""Processes that read small files for the threads of this one: see `reading`."""

from __future__ import annotations

import marshal
import os
import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from reprokit.datasets import reading
from reprokit.datasets.reading import NotRead, read_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reprokit.datasets.reading import State

SMALL = 32 << 10
"""Bytes a file, on the average, up to which another process reads faster than a thread."""
MANY = 2000
"""Files from which it pays to start processes."""


class Readers:
    """One process for each thread that asks; they are started when there is enough to read.

    Whatever goes wrong with one, its thread reads by itself.
    """

    def __init__(self) -> None:
        self._own = threading.local()
        self._all: list[subprocess.Popen[bytes]] = []
        self._asked = 0

    def read(self, files: Sequence[tuple[str, State]]) -> list[str | NotRead]:
        """Digests files, in their order."""
        self._asked += len(files)
        small = sum(state[2] for _, state in files) <= SMALL * len(files)
        if small and self._asked > MANY and not getattr(self._own, "broken", False):
            try:
                return self._ask([(os.fsencode(path), state) for path, state in files])
            except (OSError, EOFError, ValueError, TypeError):
                self._own.broken = True
        return [read_file(path, state) for path, state in files]

    def _ask(self, files: list[tuple[bytes, State]]) -> list[str | NotRead]:
        process = getattr(self._own, "process", None)
        if process is None:
            command = [sys.executable, "-I", "-S", reading.__file__]
            pipe, none = subprocess.PIPE, subprocess.DEVNULL
            process = self._own.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=none)
            self._all.append(process)
        assert process.stdin is not None
        assert process.stdout is not None
        question = marshal.dumps(files)
        process.stdin.write(len(question).to_bytes(8, "little") + question)
        process.stdin.flush()
        answer = process.stdout.read(int.from_bytes(process.stdout.read(8), "little"))
        found = [
            read if type(read) is str else NotRead._make(read)
            for read in marshal.loads(answer)  # noqa: S302 - our own process
        ]
        if len(found) != len(files):
            raise EOFError
        return found

    def close(self) -> None:
        """Ends the processes."""
        for process in self._all:
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with suppress(OSError):
                        stream.close()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
