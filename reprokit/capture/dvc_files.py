"""What DVC and git keep of a project beside its data. A run of DVC reads and writes it, and no result comes of it.

`dvc repro` reads its own settings and lock, adds its outputs to `.gitignore`, and writes `dvc.lock` anew after each
stage, so that the lock of one stage is gone when the next one has run. The data are known by themselves.
"""

from __future__ import annotations

from glob import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_SETTINGS = "/.dvc/config"
_BOOKS = frozenset({"dvc.lock", ".dvcignore", ".gitignore", ".gitattributes"})
_OWN = frozenset({"config", "config.local"})
_PERSONAL = ".gitconfig"


def dvc_projects(read: Iterable[str]) -> list[str]:
    """The directories of the DVC projects in which a run worked: DVC reads its settings whatever it does.

    Args:
        read: absolute paths of the files that the run read.
    """
    return sorted({path.removesuffix(_SETTINGS) for path in read if path.endswith(_SETTINGS)})


def is_dvc_book(path: str, projects: Iterable[str]) -> bool:
    """Whether a file is DVC's or git's own, in one of these projects; the user's settings of git count, too."""
    folder, _, name = path.rpartition("/")
    for project in projects:
        if name == _PERSONAL:
            return True
        if path.startswith(f"{project}/") and (name in _BOOKS or name.endswith(".dvc")):
            return True
        if folder == f"{project}/.dvc" and name in _OWN:
            return True
    return False


def unreplayed_globs(read: Iterable[str]) -> list[str]:
    """Globs of what DVC writes for git alone: a replay, which has no repository, does not write it."""
    return [f"{escape(one)}/{place}" for one in dvc_projects(read) for place in (".gitignore", "*/.gitignore")]
