"""Finds the content behind DVC's MD5: in the workspace where it is still the same, else in the cache."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reprokit.errors import CorruptBundleError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_LIST_BYTES = 256 * 2**20
_BLOCK = 2**20
_MOST_FILES = 100_000  # of a directory


class Contents:
    """The content that a DVC project has at hand.

    Args:
        root: the directory with ``.dvc``.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._cache = root / ".dvc" / "cache" / "files" / "md5"
        self._known: dict[Path, tuple[str, str, int] | None] = {}

    def sha256(self, md5: str, path: Path) -> tuple[str, int] | None:
        """The ``sha256:HEX`` and size of the content with this MD5, looked for at ``path`` and in the cache."""
        place = self.place(md5, path)
        found = self._digests(place) if place is not None else None
        return found[1:] if found is not None else None

    def place(self, md5: str, path: Path) -> Path | None:
        """Where the content with this MD5 is: ``path``, or its copy in the cache."""
        for place in (path, self._cache / md5[:2] / md5[2:]):
            found = self._digests(place)
            if found is not None and found[0] == md5:
                return place
        return None

    def listed(self, md5: str, directory: Path) -> dict[str, str] | None:
        """Paths and MD5s of a directory's files: as the list in the cache says, else as they are in the workspace.

        DVC keeps lists of what it tracks alone, so that of a dependency which no stage made is never in the cache.

        Args:
            md5: of the list, ``HEX.dir``.
            directory: where it is in the workspace.

        Returns:
            None where neither the cache nor the workspace has what this MD5 stands for.

        Raises:
            CorruptBundleError: RPK181, the list is broken; RPK183, it is too large.
        """
        place = self._cache / md5[:2] / md5[2:]
        if not place.is_file():
            return self._found(md5, directory)
        if place.stat().st_size > _MOST_LIST_BYTES:
            raise CorruptBundleError("RPK183", f"{place} is larger than {_MOST_LIST_BYTES >> 20} MiB")
        data = place.read_bytes()
        if hashlib.md5(data, usedforsecurity=False).hexdigest() != md5.removesuffix(".dir"):
            raise CorruptBundleError("RPK181", f"{place} is not the list that its name says")
        try:
            return dict(_entries(json.loads(data)))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise CorruptBundleError("RPK181", f"{place} is no list of a directory: {error}") from None

    def _found(self, md5: str, directory: Path) -> dict[str, str] | None:
        """The list of a directory as DVC would make it now, where it is the one that is meant."""
        found: dict[str, str] = {}
        for path in _below(directory):
            known = self._digests(path)
            if known is None or len(found) >= _MOST_FILES:
                return None
            found[path.relative_to(directory).as_posix()] = known[0]
        listed = [{"md5": found[name], "relpath": name} for name in sorted(found)]
        data = json.dumps(listed, sort_keys=True).encode()
        same = hashlib.md5(data, usedforsecurity=False).hexdigest() == md5.removesuffix(".dir")
        return found if same else None

    def _digests(self, path: Path) -> tuple[str, str, int] | None:
        if path not in self._known:
            self._known[path] = _both(path)
        return self._known[path]


def _below(directory: Path) -> Iterator[Path]:
    for place, _directories, names in os.walk(directory):
        yield from (Path(place, name) for name in names)


def _entries(raw: Any) -> Iterator[tuple[str, str]]:
    for entry in raw:
        path, md5 = entry["relpath"], entry["md5"]
        if not isinstance(path, str) or not isinstance(md5, str) or len(md5) != 32:
            raise TypeError("an entry has no path or no MD5")
        yield path, md5


def _both(path: Path) -> tuple[str, str, int] | None:
    """MD5, SHA-256 and size of a regular file, read once; None where there is none."""
    if not path.is_file():
        return None
    md5, sha256, size = hashlib.md5(usedforsecurity=False), hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                md5.update(block)
                sha256.update(block)
                size += len(block)
    except OSError:
        return None
    return md5.hexdigest(), f"sha256:{sha256.hexdigest()}", size
