"""A snapshot's files: in the manifest while they are few, beside it when they are many. One at a time, either way."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import secrets
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

import zstandard

from reprokit.datasets.entries import Entry, model, of_model, of_plain, plain
from reprokit.datasets.names import written
from reprokit.digest import TreeHash
from reprokit.errors import CorruptBundleError, UsageError
from reprokit.schema.dataset import FileList

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from reprokit.schema.dataset import FileEntry, Snapshot

INLINE = 1000
"""Files that stand in the manifest itself."""
_LONGEST_LINE = 1 << 20
_LINES = 1000
_BARE = (None,) * 4
_PREFIX, _OPEN_FILES = ".reprokit-files-", "/proc/self/fd"
_PLAIN = re.compile(r"[ !#-\[\]-~]*")
SUFFIX = ".files.jsonl.zst"


class FileLog:
    """Takes entries in order, and knows their tree digest, number and size; use it in a ``with`` statement.

    Args:
        directory: where the list is written when it grows too long; None keeps no list.
        inline: how many files stand in the manifest itself.
    """

    def __init__(self, directory: Path | None, inline: int = INLINE) -> None:
        self.count = self.bytes = 0
        self._tree, self._lines = TreeHash(), hashlib.sha256()
        self._few: list[Entry] = []
        self._inline, self._directory = inline, directory
        self._temporary: Path | None = None
        self._raw: IO[bytes] | None = None
        self._file: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # a disk that is full says it once more
            self._end()
        if self._raw is not None:
            with suppress(OSError):
                self._raw.close()
        if self._temporary is not None:
            with suppress(FileNotFoundError):
                self._temporary.unlink()

    def add(self, entry: Entry) -> None:
        """Adds the next file."""
        self._tree.add(entry.path, entry.digest)
        self.count += 1
        self.bytes += entry.size
        if self._file is None and self.count <= self._inline:
            self._few.append(entry)
            return
        if self._directory is None:
            return
        if self._file is None:
            self._open()
            for earlier in self._few:
                self._write(earlier)
            self._few = []
        self._write(entry)

    def _open(self) -> None:
        assert self._directory is not None
        try:
            descriptor, self._temporary = _draft(self._directory)
        except OSError as error:
            raise UsageError("RPK003", f"{self._directory} cannot be written to: {error.strerror}") from None
        self._raw = os.fdopen(descriptor, "wb")
        self._file = io.BufferedWriter(zstandard.ZstdCompressor(3).stream_writer(self._raw, closefd=False), 1 << 20)

    def _write(self, entry: Entry) -> None:
        line = line_of(entry)
        self._lines.update(line)
        try:
            self._file.write(line)
        except OSError as error:
            raise self._refused(error) from None

    def _refused(self, error: OSError) -> UsageError:
        return UsageError("RPK003", f"the list of files in {self._directory} cannot be written: {error.strerror}")

    def _end(self) -> None:
        if self._file is not None:
            self._file.close()

    def digest(self) -> str:
        """The tree digest."""
        return self._tree.digest()

    def inline(self) -> list[FileEntry]:
        """The files, when they are few."""
        return [model(entry) for entry in self._few] if self.count <= self._inline else []

    def settled(self, manifest: Path) -> FileList | None:
        """The list, all of it on the disk and not in its place yet; None where there are few files.

        Raises:
            UsageError: RPK003, the disk is full or failing.
        """
        if self._raw is None:
            return None
        try:
            self._end()
            self._raw.flush()
            os.fchmod(self._raw.fileno(), 0o644)
            os.fsync(self._raw.fileno())
        except OSError as error:
            raise self._refused(error) from None
        return FileList(name=list_path(manifest).name, sha256="sha256:" + self._lines.hexdigest())

    def save_beside(self, manifest: Path) -> None:
        """Puts the settled list beside the manifest's path."""
        if self._raw is None:
            return
        if self._temporary is None:
            name = manifest.with_name(f"{_PREFIX}{secrets.token_hex(4)}")
            held = self._raw.fileno()  # as open(2) says of O_TMPFILE; only with a directory does Python follow the link
            try:
                os.link(f"{_OPEN_FILES}/{held}", name, src_dir_fd=held, follow_symlinks=True)
            except OSError:  # some file systems have no links
                shutil.copyfile(f"{_OPEN_FILES}/{held}", name)
                name.chmod(0o644)
            self._temporary = name
        self._temporary.replace(list_path(manifest))
        self._temporary = None


def _draft(directory: Path) -> tuple[int, Path | None]:
    """A new file, without a name where there can be one: then who is killed leaves nothing, and no walk meets it."""
    if hasattr(os, "O_TMPFILE") and os.path.isdir(_OPEN_FILES):
        with suppress(OSError):  # not on every file system
            return os.open(directory, os.O_WRONLY | os.O_TMPFILE | os.O_CLOEXEC, 0o600), None
    descriptor, name = tempfile.mkstemp(dir=directory, prefix=_PREFIX)
    return descriptor, Path(name)


def line_of(entry: Entry) -> bytes:
    """A file's line in the list: JSON without blanks, ended by a line feed."""
    path = entry.path
    if entry[3:] == _BARE and _PLAIN.fullmatch(path):  # nearly all: ten times faster than by way of a dictionary
        return f'{{"path":"{path}","digest":"{entry.digest}","size":{entry.size}}}\n'.encode()
    return json.dumps(plain(entry), separators=(",", ":")).encode() + b"\n"


class Lines:
    """The digest that the list of some files has, without the list."""

    def __init__(self) -> None:
        self._state, self._held = hashlib.sha256(), list[bytes]()

    def add(self, entry: Entry) -> None:
        """Adds the next file."""
        self._held.append(line_of(entry))
        if len(self._held) >= _LINES:
            self._settle()

    def _settle(self) -> None:
        self._state.update(b"".join(self._held))
        self._held.clear()

    def digest(self) -> str:
        """``sha256:HEX``."""
        self._settle()
        return "sha256:" + self._state.hexdigest()


def list_path(manifest: Path) -> Path:
    """Where a manifest's list of files is kept."""
    return manifest.with_name(manifest.name.removesuffix(".json") + SUFFIX)


def entries_of(snapshot: Snapshot, manifest: Path) -> Iterator[Entry]:
    """The files of a manifest, in order, checked as they come: their list's digest, pointers and the tree digest.

    Raises:
        CorruptBundleError: RPK155, the list is missing, damaged or another one. It may come after the last entry.
    """
    tree, count, size = TreeHash(), 0, 0
    pointers = {one.path: (one.digest, one.size) for one in snapshot.pointers if one.kind == "git-lfs"}
    try:
        for entry in _listed(snapshot, manifest):
            # The id does not cover what stands with a file, and covers the pointers.
            named = pointers.pop(written(entry.path), None) if pointers else None
            if named != (None if entry.pointer is None else (entry.digest, entry.size)):
                said = f"disagree on {written(entry.path)}"
                raise CorruptBundleError("RPK155", f"the list of files of {manifest} and its pointers {said}")
            tree.add(entry.path, entry.digest)
            count += 1
            size += entry.size
            yield entry
    except (OSError, EOFError, zstandard.ZstdError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise CorruptBundleError("RPK155", f"the list of files of {manifest} cannot be read: {error}") from None
    if tree.digest() != snapshot.digest:
        raise CorruptBundleError("RPK155", f"the files of {manifest} are not those of its tree digest")
    if pointers:
        raise CorruptBundleError("RPK155", f"the files of {manifest} are not all that it names as pointers")
    if (count, size) != (snapshot.file_count, snapshot.bytes):
        said = f"{count} files of {size} bytes, and not {snapshot.file_count} of {snapshot.bytes}"
        raise CorruptBundleError("RPK155", f"the list of files of {manifest} holds {said}")


def lines_digest(snapshot: Snapshot, manifest: Path) -> str:
    """The digest of a manifest's list of files, as `Lines` computes it, and as cheaply as can be.

    Where it is that of the files at hand, the list need not be looked into.

    Raises:
        CorruptBundleError: RPK155, it is missing, damaged, or not the one that the manifest names.
    """
    if snapshot.file_list is None:
        lines = Lines()
        for entry in entries_of(snapshot, manifest):
            lines.add(entry)
        return lines.digest()
    state = hashlib.sha256()
    try:
        with _beside(manifest, snapshot.file_list.name).open("rb") as raw:
            for piece in zstandard.ZstdDecompressor().read_to_iter(raw, write_size=1 << 20):
                state.update(piece)
    except (OSError, zstandard.ZstdError, ValueError) as error:
        raise CorruptBundleError("RPK155", f"the list of files of {manifest} cannot be read: {error}") from None
    if "sha256:" + state.hexdigest() != snapshot.file_list.sha256:
        raise CorruptBundleError("RPK155", f"the list of files of {manifest} has another digest")
    return snapshot.file_list.sha256


def _beside(manifest: Path, name: str) -> Path:
    """The list of a manifest's files; where only the manifest is linked here, it lies beside what the link leads to."""
    found = manifest.with_name(_plain_name(name))
    return manifest.resolve().with_name(name) if manifest.is_symlink() and not found.exists() else found


def _plain_name(name: str) -> str:
    if "/" in name or name in {"", ".", ".."} or "\0" in name:
        raise ValueError(f"{name!r} is no name of a file")
    return name


def _listed(snapshot: Snapshot, manifest: Path) -> Iterator[Entry]:
    if snapshot.file_list is None:
        yield from map(of_model, snapshot.files)
        return
    state, decode = hashlib.sha256(), json.JSONDecoder().decode
    with _beside(manifest, snapshot.file_list.name).open("rb") as raw:
        lines: IO[bytes] = io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(raw), 1 << 20)
        while line := lines.readline(_LONGEST_LINE):
            state.update(line)
            yield of_plain(decode(line.decode()))
    if "sha256:" + state.hexdigest() != snapshot.file_list.sha256:
        raise ValueError("its digest is another one")
