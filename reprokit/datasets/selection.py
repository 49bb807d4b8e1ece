"""Which files are meant by the paths and globs that someone wrote."""

from __future__ import annotations

import glob
import os
from typing import TYPE_CHECKING, NamedTuple

from reprokit.datasets.walking import Found, Trouble, look, matcher, walk
from reprokit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path


class Selection(NamedTuple):
    """The files of a dataset: those below ``root`` that are wanted. A root that is a file stands for itself."""

    root: str
    single: str | None
    wanted: Callable[[str], bool]
    patterns: tuple[str, ...] = (".",)
    exclude: tuple[str, ...] = ()

    def files(self, trouble: Trouble) -> Iterator[Found]:
        """Lists them, sorted by path."""
        if self.single is None:
            return walk(self.root, trouble, self.wanted)
        found = look(os.path.join(self.root, self.single), self.single, trouble)
        return iter([found] if found is not None else [])


def select(paths: Sequence[str], base: Path, exclude: Sequence[str] = (), but: Sequence[Path] = ()) -> Selection:
    """What some paths mean.

    Args:
        paths: files, directories and globs.
        base: what they are relative to.
        exclude: globs, relative to the root, of what is left out.
        but: files that are left out, such as the manifest itself.

    Raises:
        UsageError: RPK003, a path that is no glob does not exist.
    """
    full = [os.path.abspath(os.path.join(base, path)) for path in paths]
    globs = [not os.path.lexists(path) and glob.has_magic(path) for path in full]
    for path, text, is_glob in zip(full, paths, globs, strict=True):
        if not is_glob and not os.path.lexists(path):
            raise UsageError("RPK003", f"{text} does not exist")
    if len(full) == 1 and not globs[0] and not os.path.isdir(full[0]):
        name = os.path.basename(full[0])
        return Selection(os.path.dirname(full[0]), name, lambda _path: True, (f"./{glob.escape(name)}",))
    fixed = [_fixed(path) if is_glob else path for path, is_glob in zip(full, globs, strict=True)]
    root = os.path.commonpath(fixed)
    root = root if os.path.isdir(root) else os.path.dirname(root)
    patterns = [
        os.path.relpath(path if is_glob else glob.escape(path), root) for path, is_glob in zip(full, globs, strict=True)
    ]
    return selected(root, ["."] if "." in patterns else [_below(one) for one in patterns], exclude, but)


def selected(root: str, patterns: Sequence[str], exclude: Sequence[str] = (), but: Sequence[Path] = ()) -> Selection:
    """The files below a root that globs name; ``.`` is all of them. So a manifest keeps what it was made of."""
    included = (lambda _path: True) if "." in patterns else matcher(list(patterns))
    excluded = matcher(list(exclude))
    hidden = {os.path.relpath(os.path.abspath(path), root) for path in but}
    names = _literal(patterns[0]) if len(patterns) == 1 else None
    single = names if names is not None and os.path.isfile(os.path.join(root, names)) else None

    def wanted(path: str) -> bool:
        return path not in hidden and included(path) and not excluded(path)

    plain = "." in patterns and not exclude  # the usual case, a hundred thousand times
    return Selection(
        root, single, (lambda path: path not in hidden) if plain else wanted, tuple(patterns), tuple(exclude)
    )


def _literal(pattern: str) -> str | None:
    """The name of one file in the root, where a pattern is nothing else."""
    name = pattern.removeprefix("./")
    plain = name.replace("[*]", "*").replace("[?]", "?").replace("[[]", "[")
    return plain if pattern.startswith("./") and "/" not in name and glob.escape(plain) == name else None


def _below(pattern: str) -> str:
    """A glob that counts from the root, though it has no ``/``."""
    return pattern if "/" in pattern else "./" + pattern


def _fixed(pattern: str) -> str:
    """The directory before the first wildcard."""
    parts = pattern.split("/")
    at = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    return "/".join(parts[:at]) or "/"
