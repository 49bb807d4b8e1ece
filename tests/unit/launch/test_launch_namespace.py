"""The view of the file system in which a replay runs: what others do meanwhile must not break it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from reprokit.launch.namespace import View, _System

if TYPE_CHECKING:
    from pathlib import Path


class _Busy(_System):
    """The real system calls, on a machine where another program deletes its temporary files at the worst moment."""

    def mount(self, source: str, target: str, flags: int) -> None:
        if source.endswith("-temporary"):
            os.rmdir(source) if os.path.isdir(source) else os.unlink(source)
        super().mount(source, target, flags)


def skeleton(tmp_path: Path, *names: str) -> list[str]:
    """The names that a skeleton of a directory with these entries has."""
    for part in ("from", "to"):
        (tmp_path / part).mkdir()
    for name in names:
        place = tmp_path / "from" / name
        place.mkdir() if name.startswith("directory") else place.touch()
    (tmp_path / "from" / "link").symlink_to("anywhere")
    view = View(str(tmp_path))
    view._system = _Busy()
    view._copy_skeleton(str(tmp_path / "from"), str(tmp_path / "to"), set())
    return sorted(os.listdir(tmp_path / "to"))


def test_what_vanishes_while_the_view_is_made_is_left_out(tmp_path: Path) -> None:
    assert skeleton(tmp_path, "directory-temporary", "file-temporary") == ["link"]


def test_what_cannot_be_mounted_and_is_still_there_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: only what is gone may be left out."""

    def refuse(_self: object, source: str, _target: str, _flags: int) -> None:
        raise PermissionError(1, "Operation not permitted", source)

    monkeypatch.setattr(_System, "mount", refuse)
    with pytest.raises(PermissionError):
        skeleton(tmp_path, "directory")
