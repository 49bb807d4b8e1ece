"""An append-only file that survives what scripts do to file descriptors.

A script may close descriptors that it does not own (``os.closerange``, daemonising) and the kernel may hand the same
number to a file of the script's. So each write first checks that the descriptor is still ours.
"""

from __future__ import annotations

import os

_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC


class Sink:
    """Appends bytes to one file with one system call a record, so that a crash loses at most the record in flight."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._fd = -1
        self._identity = (0, 0)

    def _open(self) -> None:
        fd = os.open(self.path, _FLAGS, 0o600)
        if fd <= 2:  # the script runs without standard streams; their numbers must stay free for it
            import fcntl

            high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 64)
            os.close(fd)
            fd = high
        status = os.fstat(fd)
        self._fd, self._identity = fd, (status.st_dev, status.st_ino)

    def write(self, data: bytes) -> None:
        """Appends ``data``.

        Raises:
            OSError: the disk is full, or the recording's directory is gone.
        """
        if not self._ours():
            self._open()
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]

    def close(self) -> None:
        """Gives the descriptor back; a later write opens the file again."""
        if self._ours():
            os.close(self._fd)
        self._fd = -1

    def _ours(self) -> bool:
        try:
            status = os.fstat(self._fd)
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == self._identity
