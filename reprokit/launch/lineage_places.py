"""Where the graph is kept, and where its parts wait until somebody opens it."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from reprokit.errors import UsageError
from reprokit.launch.workplace import state_directory
from reprokit.schema.config import find_pyproject

if TYPE_CHECKING:
    from reprokit.schema.config import Config

VARIABLE = "REPROKIT_LINEAGE"
_FILE_URL = "sqlite:///"
_PASSWORD = re.compile(r"(?<=://)([^/@:]*):[^/]*@|(?<=[?&]password=)[^&]*")


def store_place(config: Config, start: Path) -> str:
    """Path or URL of the store: ``$REPROKIT_LINEAGE``, else the project's setting, else one for all of a user's work.

    Args:
        config: the project's settings.
        start: a directory of the project: a path in its settings starts from the directory of its `pyproject.toml`.

    Raises:
        UsageError: RPK143, it begins with the home directory of a user whom this machine does not know.
    """
    explicit = os.environ.get(VARIABLE)
    if explicit:
        return _absolute(explicit, Path.cwd())
    if config.lineage.store:
        found = find_pyproject(start)
        return _absolute(config.lineage.store, found.parent if found else start)
    return str(state_directory().absolute() / "lineage.sqlite")


def _absolute(place: str, start: Path) -> str:
    if place.startswith(_FILE_URL) and len(place) > len(_FILE_URL) and "?" not in place:
        place = place.removeprefix(_FILE_URL)  # one file has one name, under which its parts wait
    if "://" in place:
        return place
    try:
        return os.path.normpath(start / Path(place).expanduser())
    except RuntimeError:
        raise UsageError("RPK143", f"the lineage store {place}: no such home directory") from None


def pending_directory(place: str) -> Path:
    """Where the parts wait that are for the store in ``place``.

    They wait for each store by itself, since a project may keep its graph apart from all others. A database stays the
    same when its password changes.
    """
    own = state_directory().absolute() / "lineage" / "pending"
    if place == str(state_directory().absolute() / "lineage.sqlite"):
        return own
    key = _PASSWORD.sub(lambda found: f"{found[1]}@" if found[1] is not None else "", place)
    return own / hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:16]
