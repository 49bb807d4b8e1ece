"""Passes a command's output on, byte for byte and at once, and keeps a copy.

Where our own stream is a terminal the command gets a pseudo-terminal of the same size, so that its ``isatty()``, its
buffering and its progress bars are what they would be without us; else it gets a pipe.
"""

from __future__ import annotations

import os
import select
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_AFTER_EXIT = 0.5  # seconds to wait for output of background children once the command has ended


class Passthrough:
    """One stream of the command: ``child_fd`` is what the command gets; ``target`` is where it goes.

    Args:
        target: descriptor that gets the bytes, or None to keep them only.
        log: file that gets a copy.
        limit: bytes kept at most; what is passed on is not limited.
    """

    def __init__(self, target: int | None, log: Path, limit: int = 256 << 20) -> None:
        self._target = target
        self._left = limit
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        if target is not None and os.isatty(target):
            self._read, self.child_fd = _terminal_like(target)
        else:
            self._read, self.child_fd = os.pipe()
        self._stop_read, self._stop_write = os.pipe()
        self._thread = threading.Thread(target=self._pump, name="reprokit-output", daemon=True)

    def start(self) -> None:
        """Starts passing on; call it after the command has been started."""
        os.close(self.child_fd)
        self._thread.start()

    def finish(self) -> None:
        """Waits until the output has ended. A background child that keeps the stream open is not waited for."""
        self._thread.join(_AFTER_EXIT)
        if self._thread.is_alive():
            os.write(self._stop_write, b"x")
            self._thread.join()
        for fd in (self._read, self._log, self._stop_read, self._stop_write):
            os.close(fd)

    def _pump(self) -> None:
        last: int | None = None  # bytes that had been printed when the command had ended, and are still to be read
        while True:
            ready, _, _ = select.select([self._read, self._stop_read], [], [])
            if last is None and self._stop_read in ready:
                last = _waiting(self._read)
            if self._read not in ready or (last is not None and last <= 0):
                return
            try:
                data = os.read(self._read, 1 << 16)
            except OSError:  # a pseudo-terminal reports its end as EIO
                return
            if not data:
                return
            last = None if last is None else last - len(data)
            if self._left > 0:
                with suppress(OSError):  # a full disk must not cost the user any output
                    os.write(self._log, data[: self._left])
                self._left -= len(data)
            self._pass_on(data)

    def _pass_on(self, data: bytes) -> None:
        view = memoryview(data)
        while view and self._target is not None:
            try:
                view = view[os.write(self._target, view) :]
            except BlockingIOError:
                select.select([], [self._target], [])
            except OSError:  # whoever read our output has gone; the command runs on, and the copy is kept
                self._target = None


def _waiting(fd: int) -> int:
    """How many bytes can be read at once; a background child may print without end."""
    import fcntl
    import termios

    return int.from_bytes(fcntl.ioctl(fd, termios.FIONREAD, bytes(4)), sys.byteorder)


def _terminal_like(target: int) -> tuple[int, int]:
    """A pseudo-terminal with the size of ``target`` that changes no byte on its way."""
    import fcntl
    import pty
    import termios
    import tty

    master, slave = pty.openpty()
    tty.setraw(slave)
    with suppress(OSError):
        size = fcntl.ioctl(target, termios.TIOCGWINSZ, b"\0" * 8)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, size)
    return master, slave
