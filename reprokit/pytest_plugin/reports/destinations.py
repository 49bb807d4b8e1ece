"""Reads ``--repro-report FORMAT=PATH``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reprokit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

FORMATS = ("json", "md", "gitlab", "sarif", "github")
"""The formats; ``github`` takes no path, since GitHub names the file of the step summary itself."""


@dataclass(frozen=True)
class Destination:
    """One report: its format, and its file where the format has one."""

    format: str
    path: Path | None = None


def read_destinations(values: Iterable[str], directory: Path) -> list[Destination]:
    """Reads the values of ``--repro-report``; relative paths start at ``directory``.

    Raises:
        UsageError: RPK091, an unknown format, a missing or unwanted path, or the same path twice.
    """
    found: list[Destination] = []
    for value in values:
        name, equals, path = str(value).strip().partition("=")
        if name not in FORMATS:
            raise UsageError("RPK091", f"--repro-report {value}: there is no format {name!r}")
        if (name == "github") == bool(equals):
            wanted = "takes no path" if equals else f"needs a path, as in {name}=reprokit.{name}"
            raise UsageError("RPK091", f"--repro-report {value}: {name} {wanted}")
        found.append(_destination(str(value), name, path, directory))
    paths = [one.path for one in found if one.path is not None]
    twice = next((path for path in paths if paths.count(path) > 1), None)
    if twice is not None:
        raise UsageError("RPK091", f"--repro-report names {twice} for two reports")
    return list(dict.fromkeys(found))


def _destination(value: str, name: str, path: str, directory: Path) -> Destination:
    if name == "github":
        return Destination(name)
    if not path:
        raise UsageError("RPK091", f"--repro-report {value}: the path is empty")
    target = Path(os.path.normpath(directory / path))
    if target.is_dir():
        raise UsageError("RPK091", f"--repro-report {value}: {target} is a directory")
    return Destination(name, target)
