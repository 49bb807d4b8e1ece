"""Manifests as files: written whole or not at all, and believed only when they are what their id says."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from reprokit.datasets.consistency import contradictions
from reprokit.datasets.filelist import entries_of, list_path
from reprokit.datasets.names import unwritten
from reprokit.errors import CorruptBundleError, UsageError
from reprokit.schema.dataset import DatasetManifest
from reprokit.schema.dataset_identity import manifest_id
from reprokit.schema.versions import load_document

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reprokit.datasets.filelist import FileLog

_LARGEST = 1 << 30
_LONGEST_NAME = 255
_ELSEWHERE = ("sql", "object-store")  # of which no file lies anywhere here
_SCHEMA_KEY, _ZSTD = b'"reprokit.dataset-manifest/', b"\x28\xb5\x2f\xfd"


def target_of(path: Path) -> Path:
    """Where a manifest may be written: in an empty place, or in that of an earlier one; a link is followed.

    Raises:
        UsageError: RPK003, there is no such directory; RPK195, something else stands there.
    """
    if "\0" in str(path) or len(os.fsencode(list_path(path).name)) > _LONGEST_NAME:
        raise UsageError("RPK003", f"{str(path)!r} is no name that a file can have")
    path = path.resolve() if path.is_symlink() else path
    if not path.parent.is_dir():
        raise UsageError("RPK003", f"{path.parent} is not a directory")
    if os.path.lexists(path) and not _starts(path, _SCHEMA_KEY, 4096):
        raise UsageError("RPK195", f"{path} is no manifest, and is not overwritten")
    beside = list_path(path)
    if os.path.lexists(beside) and not _starts(beside, _ZSTD, 4):
        raise UsageError("RPK195", f"{beside} is no list of a manifest's files, and is not overwritten")
    return path


def _starts(path: Path, mark: bytes, length: int) -> bool:
    """Whether a regular file is empty, or has a mark among its first bytes."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            start = file.read(length)
    except OSError as error:
        raise UsageError("RPK003", f"{path} cannot be read: {error.strerror}") from None
    return not start or mark in start


def write_manifest(manifest: DatasetManifest, path: Path, log: FileLog) -> None:
    """Writes a manifest in the place of what was there, with its list of files where it has one.

    Nothing that was there is touched before both are on the disk: an earlier manifest is no use without its list.

    Args:
        manifest: what is written.
        path: where.
        log: its files, `settled`.

    Raises:
        UsageError: RPK003, it cannot be written there.
    """
    try:
        _write(manifest, path, log)
    except OSError as error:
        raise UsageError("RPK003", f"{path} cannot be written: {error.strerror or error}") from None


def _write(manifest: DatasetManifest, path: Path, log: FileLog) -> None:
    data = json.dumps(manifest.to_json(), indent=2, ensure_ascii=False).encode() + b"\n"
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".reprokit-manifest-")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        log.save_beside(path)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if manifest.snapshot.file_list is None:
        with contextlib.suppress(OSError):  # an earlier one's: it is in nobody's way
            list_path(path).unlink(missing_ok=True)


def read_manifest(path: Path) -> DatasetManifest:
    """Reads a manifest that may come from anyone.

    Raises:
        UsageError: RPK003, there is none.
        CorruptBundleError: RPK025, it is newer; RPK027, it is none; RPK155, it was changed, or contradicts itself.
    """
    try:
        if "\0" in str(path):
            raise UsageError("RPK003", f"{str(path)!r} is no name that a file can have")
        if path.stat().st_size > _LARGEST:
            raise CorruptBundleError("RPK027", f"{path} is larger than any manifest")
        data = path.read_bytes()
    except OSError as error:
        raise UsageError("RPK003", f"{path} cannot be read: {error.strerror}") from None
    manifest = DatasetManifest.parse(data, str(path))
    try:
        plain = load_document(data, manifest.schema_id, str(path))
        computed = manifest_id(plain)
        if b"\\ud" in data.lower():  # half a character: the id does not cover names of files, and no name has it
            json.dumps(plain, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise CorruptBundleError("RPK027", f"{path}: {error}") from None
    if manifest.id != computed:
        raise CorruptBundleError("RPK155", f"{path} says that it is {manifest.id}, and its content is {computed}")
    for said in contradictions(manifest):
        raise CorruptBundleError("RPK155", f"{path} contradicts itself: {said}")
    return manifest


class Match(NamedTuple):
    """A file of a manifest that a run's input is.

    Attributes:
        manifest: its id.
        name: the dataset's.
        path: of the file in it.
        by: ``digest``, or ``path and size`` where the manifest has no plain sha256 of so large a file.
    """

    manifest: str
    name: str
    path: str
    by: str


class ManifestIndex:
    """Manifests in which the inputs of a run are looked for. Their lists are read one file at a time."""

    def __init__(self, manifests: dict[Path, DatasetManifest]) -> None:
        self.manifests = manifests

    def match(self, inputs: Iterable[tuple[str, str, int]]) -> tuple[dict[str, list[Match]], list[str]]:
        """Looks for files that a run read.

        Args:
            inputs: path, ``sha256:HEX`` and size in bytes of each.

        Returns:
            By path the manifests that hold it; and the paths of those that are in no manifest.

        Raises:
            CorruptBundleError: RPK155, a list of files is not the one of its manifest.
        """
        wanted = list(inputs)
        by_digest: dict[str, list[str]] = {}
        by_size: dict[int, list[str]] = {}
        for path, digest, size in wanted:
            by_digest.setdefault(digest, []).append(path)
            by_size.setdefault(size, []).append(path)
        found: dict[str, list[Match]] = {}
        for place, manifest in self.manifests.items():
            for entry in entries_of(manifest.snapshot, place):
                if entry.digest in by_digest:
                    for path in by_digest[entry.digest]:
                        found.setdefault(path, []).append(Match(manifest.id, manifest.name, entry.path, "digest"))
                elif entry.digest.startswith("sha256-chunks-"):
                    for path in by_size.get(entry.size, ()):
                        if path.endswith("/" + entry.path):
                            match = Match(manifest.id, manifest.name, entry.path, "path and size")
                            found.setdefault(path, []).append(match)
        return found, [path for path, _, _ in wanted if path not in found]

    def places(self, paths: Iterable[str]) -> set[str]:
        """Those of some absolute paths at which a manifest lists a file, whatever lies there now.

        Raises:
            CorruptBundleError: RPK155, a list of files is not the one of its manifest.
        """
        real = [(path, os.path.realpath(path)) for path in paths]
        found: set[str] = set()
        for place, manifest in self.manifests.items():
            root = unwritten(manifest.made.root)
            if manifest.snapshot.kind in _ELSEWHERE or "\0" in root:
                continue
            homes = {place.parent, place.resolve().parent}  # data may lie beside a link, or beside what it leads to
            tops = [os.path.join(os.path.realpath(home / root), "") for home in homes]
            below = [(path, one.removeprefix(top)) for path, one in real for top in tops if one.startswith(top)]
            wanted = {name for _, name in below}
            if below:
                listed = {entry.path for entry in entries_of(manifest.snapshot, place) if entry.path in wanted}
                found |= {path for path, name in below if name in listed}
        return found
