"""Running a small tool and reading what it prints: bounded in time, in bytes, and free of our standard input."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_CHUNK = 1 << 16


@dataclass(frozen=True)
class Printed:
    """What a tool did.

    Attributes:
        status: its exit status; negative for a signal.
        stdout: at most `limit` bytes.
        stderr: at most `limit` bytes.
        truncated: it printed more than `limit` bytes on either stream and was stopped.
        timed_out: it was stopped because it took too long.
    """

    status: int
    stdout: bytes
    stderr: bytes
    truncated: bool = False
    timed_out: bool = False

    @property
    def ok(self) -> bool:
        """Whether it exited with status 0, in time and in full."""
        return self.status == 0 and not self.truncated and not self.timed_out


def run_tool(
    command: Sequence[str | os.PathLike[str]],
    *,
    timeout: float,
    limit: int = 1 << 26,
    cwd: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Printed | None:
    """Runs `command` in a session of its own, so that a timeout ends its children too.

    Args:
        command: the program and its arguments; no shell.
        timeout: seconds.
        limit: bytes kept of each stream; a tool that prints more is stopped.
        cwd: its working directory.
        environ: its whole environment; ours by default.

    Returns:
        What it printed, or None if it cannot be started at all.
    """
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=environ,
            start_new_session=True,
        )
    except (OSError, ValueError):  # ValueError: a NUL in an argument
        return None
    drains = [_Drain(process, stream, limit) for stream in (process.stdout, process.stderr) if stream is not None]
    timed_out = False
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        timed_out = True
    finally:
        if process.poll() is None:
            _kill(process)
            process.wait()
        for drain in drains:
            drain.finish()
    out, err = drains
    return Printed(process.returncode, bytes(out.kept), bytes(err.kept), out.over or err.over, timed_out)


class _Drain:
    """Reads one stream in a thread; a tool that floods it is killed rather than buffered."""

    def __init__(self, process: subprocess.Popen[bytes], stream: IO[bytes], limit: int) -> None:
        self.kept = bytearray()
        self.over = False
        self._process, self._stream, self._limit = process, stream, limit
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while chunk := os.read(self._stream.fileno(), _CHUNK):
                room = self._limit - len(self.kept)
                self.kept += chunk[:room]
                if len(chunk) > room:
                    self.over = True
                    _kill(self._process)
                    return

    def finish(self) -> None:
        # A grandchild that left the session may hold the pipe open: what it prints is not waited for. What is there to
        # be read is: on a busy machine the thread has its turn late, and half of a list of changes is a false one.
        ready = select.poll()
        ready.register(self._stream, select.POLLIN)
        behind = True
        while behind and self._thread.is_alive():
            behind = bool(ready.poll(0))
            self._thread.join(timeout=1.0)
        if not self._thread.is_alive():
            self._stream.close()


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
