"""The two ends of packing: a source that must not change while it is read, and a file that appears whole or not."""

from __future__ import annotations

import io
import os
import secrets
import stat
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from reprokit.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Buffer

Write = Callable[["Buffer"], None]


class Content:
    """The content of one member, read once from its start to its end.

    Args:
        source: a regular file, or a link to one, or the bytes themselves.

    Raises:
        UsageError: RPK003, the file cannot be read.
    """

    def __init__(self, source: Path | bytes) -> None:
        self._source = source
        self._status: os.stat_result | None = None
        if isinstance(source, bytes):
            self._file: io.RawIOBase | io.BytesIO = io.BytesIO(source)
            self.size = len(source)
            return
        try:
            # O_NONBLOCK: a FIFO is refused below, instead of waiting for its writer.
            descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (OSError, ValueError) as error:
            raise UsageError("RPK003", f"cannot read {source}: {error}") from error
        self._status = os.fstat(descriptor)
        self.size = self._status.st_size
        if not stat.S_ISREG(self._status.st_mode):
            os.close(descriptor)
            raise UsageError("RPK003", f"{source} is not a regular file")
        self._file = io.FileIO(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def fill(self, view: memoryview) -> None:
        """Reads the next bytes, as many as the view has.

        Raises:
            UsageError: RPK003, reading fails; RPK005, the file is shorter than it was when it was opened.
        """
        while view:
            try:
                count = self._file.readinto(view)
            except OSError as error:
                raise UsageError("RPK003", f"cannot read {self._source!s}: {error}") from error
            if not count:
                raise self._changed()
            view = view[count:]

    def check_end(self) -> None:
        """Checks, after the last `fill`, that the file is still the one that was opened.

        Raises:
            UsageError: RPK005, it has grown, or was written to while it was read.
        """
        if self._status is None:
            return
        now = os.fstat(self._file.fileno())
        if self._file.read(1) or (now.st_size, now.st_mtime_ns) != (self.size, self._status.st_mtime_ns):
            raise self._changed()

    def _changed(self) -> UsageError:
        return UsageError(
            "RPK005",
            f"{self._source!s} was written to while it was being packed",
            "Wait until nothing writes to the file any more, then record again.",
        )


class NewFile:
    """A file that appears under its name, complete and on disk, when `commit` is called; otherwise it leaves no trace.

    Args:
        target: the path; what stands there is replaced.

    Raises:
        UsageError: RPK005, its directory is missing or cannot be written to.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        # Not derived from the target's name, which may already be as long as names can be.
        self._draft = target.parent / f".reprokit-{secrets.token_hex(8)}.tmp"
        try:
            if target.is_dir():
                raise IsADirectoryError(f"{target} is a directory")
            # The mode leaves it to the umask who may read a bundle; `tempfile` would allow the owner alone.
            descriptor = os.open(self._draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        except (OSError, ValueError) as error:
            raise self._refused(error) from error
        self._file = io.FileIO(descriptor, "w")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._draft.unlink(missing_ok=True)

    def write(self, data: Buffer) -> None:
        """Appends all of the data.

        Raises:
            UsageError: RPK005, the disk is full or failing.
        """
        view = memoryview(data)
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            raise self._refused(error) from error

    def commit(self) -> None:
        """Makes the file durable and visible under its name.

        Raises:
            UsageError: RPK005, the disk is full or failing, or the directory no longer allows it.
        """
        try:
            os.fsync(self._file.fileno())
            self._file.close()
            self._draft.replace(self._target)
            _sync_directory(self._target.parent)
        except (OSError, ValueError) as error:
            raise self._refused(error) from error

    def _refused(self, error: Exception) -> UsageError:
        return UsageError("RPK005", f"cannot write {self._target}: {error}")


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
