"""The commit and branch of a checkout, read from git's own files: for machines where git is missing or refuses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_LIMIT = 1 << 24


def head_from_files(root: Path) -> tuple[Path, str | None, str | None] | None:
    """Finds the checkout that holds `root` and reads its HEAD.

    Layout: https://git-scm.com/docs/gitrepository-layout (HEAD, refs, packed-refs, `gitdir:` files, commondir).

    Returns:
        The top directory, the commit and the branch (each None if not known), or None if there is no checkout.
    """
    start = root.absolute()
    for top in (start, *start.parents):
        directory = _git_directory(top / ".git")
        if directory is not None:
            commit, branch = _head(directory)
            return top, commit, branch
    return None


def _git_directory(place: Path) -> Path | None:
    if (place / "HEAD").is_file():
        return place
    pointer = _read(place)
    if not pointer.startswith("gitdir:"):
        return None
    directory = place.parent / pointer.removeprefix("gitdir:").strip()
    return directory if (directory / "HEAD").is_file() else None


def _head(directory: Path) -> tuple[str | None, str | None]:
    content = _read(directory / "HEAD").strip()
    if not content.startswith("ref:"):
        return _hash(content), None
    name = content.removeprefix("ref:").strip()
    branch = name.removeprefix("refs/heads/") or None
    if not re.fullmatch(r"refs/[^\0]+", name) or ".." in name:
        return None, None
    common = _read(directory / "commondir").strip()
    for place in (directory, directory / common):
        if commit := _hash(_read(place / name).strip()) or _packed(place, name):
            return commit, branch
    return None, branch


def _packed(directory: Path, name: str) -> str | None:
    for line in _read(directory / "packed-refs").splitlines():
        commit, _, reference = line.partition(" ")
        if reference == name:
            return _hash(commit)
    return None


def _hash(text: str) -> str | None:
    return text if _HASH.fullmatch(text) else None


def _read(path: Path) -> str:
    try:
        with path.open("r", encoding="utf-8", errors="surrogateescape") as file:
            return file.read(_LIMIT)
    except (OSError, ValueError):
        return ""
