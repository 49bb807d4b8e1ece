"""Writing members to disk so that neither their names nor what others do in the directory can lead elsewhere.

Every directory is opened relative to its parent without following links, and every file is created, never opened.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from reprokit.bundle.names import check_name, name_bytes
from reprokit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from types import TracebackType

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def new_file(target: Path, pieces: Iterable[memoryview], *, executable: bool) -> None:
    """Writes a new file; it is removed again if `pieces` raises.

    Raises:
        UsageError: RPK005, something stands there already, or it cannot be written.
    """
    try:
        descriptor = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise UsageError("RPK005", f"cannot write {target}: {error}") from error
    try:
        _write(descriptor, os.fsencode(target.name), pieces, executable=executable)
    finally:
        os.close(descriptor)


class Tree:
    """A new or empty directory that is being filled; a context manager.

    Args:
        directory: is created where it does not exist.
        needed: bytes that will be written; compared with the free space first.

    Raises:
        UsageError: RPK005, it is not empty, cannot be written, or has too little space.
    """

    def __init__(self, directory: Path, needed: int) -> None:
        self._directory = directory
        # The directories that lead to the last file: members come sorted, so the next one is near.
        self._path: list[tuple[bytes, int]] = []
        try:
            directory.mkdir(exist_ok=True)
            # The user's own path to it may go through links; nothing below it may.
            self._root = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except (OSError, ValueError) as error:
            raise UsageError("RPK005", f"cannot write {directory}: {error}") from error
        free = os.fstatvfs(self._root)
        if os.listdir(self._root):  # noqa: PTH208 - the directory that was opened, whatever its name leads to now
            self._refuse("it is not empty")
        if needed > free.f_bavail * free.f_frsize:
            self._refuse(f"{needed} bytes are needed and {free.f_bavail * free.f_frsize} are free")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave(0)
        os.close(self._root)

    def write(self, name: str, pieces: Iterable[memoryview], *, executable: bool) -> Path:
        """Writes one file below the directory; it is removed again if `pieces` raises.

        Raises:
            UsageError: RPK005, it cannot be written.
        """
        check_name(name)
        *parents, last = name_bytes(name).split(b"/")
        try:
            where = self._enter(parents)
        except OSError as error:
            raise UsageError("RPK005", f"cannot write {self._directory}: {error}") from error
        _write(where, last, pieces, executable=executable)
        return self._directory / os.fsdecode(name_bytes(name))

    def _enter(self, parents: list[bytes]) -> int:
        shared = 0
        for (known, _), wanted in zip(self._path, parents, strict=False):
            if known != wanted:
                break
            shared += 1
        self._leave(shared)
        for part in parents[shared:]:
            parent = self._path[-1][1] if self._path else self._root
            with suppress(FileExistsError):
                os.mkdir(part, dir_fd=parent)
            self._path.append((part, os.open(part, _DIRECTORY, dir_fd=parent)))
        return self._path[-1][1] if self._path else self._root

    def _leave(self, depth: int) -> None:
        while len(self._path) > depth:
            os.close(self._path.pop()[1])

    def _refuse(self, reason: str) -> None:
        os.close(self._root)
        raise UsageError("RPK005", f"cannot extract to {self._directory}: {reason}")


def _write(directory: int, name: bytes, pieces: Iterable[memoryview], *, executable: bool) -> None:
    try:
        descriptor = os.open(name, _CREATE, 0o755 if executable else 0o644, dir_fd=directory)
    except (OSError, ValueError) as error:
        raise UsageError("RPK005", f"cannot create {os.fsdecode(name)!a}: {error}") from error
    try:
        for piece in pieces:
            _write_all(descriptor, piece, name)
    except BaseException:
        os.unlink(name, dir_fd=directory)
        raise
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, piece: memoryview, name: bytes) -> None:
    try:
        while piece:
            piece = piece[os.write(descriptor, piece) :]
    except OSError as error:
        raise UsageError("RPK005", f"cannot write {os.fsdecode(name)!a}: {error}") from error
