"""Where a reader takes compressed bytes from: a local file here, a range request elsewhere."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Protocol

from reprokit.errors import CorruptBundleError, UsageError

if TYPE_CHECKING:
    from pathlib import Path


class ByteSource(Protocol):
    """Random access to bytes that do not change. Calls may come from several threads."""

    @property
    def size(self) -> int:
        """In bytes."""

    def read_at(self, offset: int, size: int) -> bytes:
        """Reads exactly `size` bytes, which lie inside the source, or raises a `ReprokitError`."""

    def close(self) -> None:
        """Gives back what is held; reading after it is an error."""


class LocalFile:
    """A file as a `ByteSource`.

    Args:
        path: of a regular file, or of a link to one.

    Raises:
        UsageError: RPK003, there is no such file or it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            # O_NONBLOCK, because opening a FIFO would wait for a writer; for regular files it means nothing.
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (OSError, ValueError) as error:
            raise UsageError("RPK003", f"cannot open {path}: {error}") from error
        status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode):
            self.close()
            raise UsageError("RPK003", f"{path} is not a regular file")
        self._size = status.st_size

    @property
    def size(self) -> int:
        """Of the file when it was opened, in bytes."""
        return self._size

    def read_at(self, offset: int, size: int) -> bytes:
        """Reads exactly `size` bytes.

        Raises:
            CorruptBundleError: RPK021, the file ends before them.
            UsageError: RPK003, the medium fails.
        """
        pieces = []
        while size:
            try:
                piece = os.pread(self._descriptor, size, offset)
            except OSError as error:
                raise UsageError("RPK003", f"cannot read {self._path}: {error}") from error
            if not piece:
                raise CorruptBundleError("RPK021", f"{self._path} ended at byte {offset} while it was read")
            pieces.append(piece)
            offset += len(piece)
            size -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def close(self) -> None:
        """Closes the file; a second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1
