"""A manifest that cannot be written whole leaves the earlier one, and its list of files, as they were."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
from typing import TYPE_CHECKING

import pytest

from reprokit.datasets.entries import Entry
from reprokit.datasets.filelist import FileLog
from reprokit.datasets.manifests import read_manifest
from reprokit.errors import UsageError
from reprokit.verbs.manifest import ManifestOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Place

FEW = ManifestOptions(inline=3)  # more files than that stand in a list of their own


@contextlib.contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file of this process may have more bytes: writing fails as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def fill(place: Place, count: int) -> None:
    for number in range(count):
        place.write(f"{os.urandom(24).hex()}-{number}.txt", "x")


def state(place: Place) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in place.root.iterdir() if path.is_file()}


@pytest.fixture(params=["unnamed", "named", "without links"])
def drafts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How drafts are kept: without a name, or, on file systems that cannot do that, with one; or linked by no name."""
    if request.param == "named":
        monkeypatch.delattr(os, "O_TMPFILE")
    if request.param == "without links":

        def refused(*_arguments: object, **_options: object) -> None:
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(os, "link", refused)
    return str(request.param)


@pytest.mark.usefixtures("drafts")
def test_a_full_disk_leaves_the_earlier_manifest_with_its_list(place: Place) -> None:
    fill(place, 10)
    place.create(FEW)
    before = state(place)
    fill(place, 300)
    with room_for(2000), pytest.raises(UsageError, match="RPK003"):
        place.create(FEW)
    assert state(place) == before
    assert read_manifest(place.manifest).snapshot.file_count == 10


@pytest.mark.usefixtures("drafts")
def test_room_for_the_list_and_none_for_the_manifest(place: Place) -> None:
    """The list alone would make the earlier manifest worthless."""
    fill(place, 10)
    place.create(FEW)
    before = state(place)
    fill(place, 1)
    with room_for(900), pytest.raises(UsageError, match="RPK003"):
        place.create(FEW)
    assert state(place) == before
    assert len(before["data.manifest.json"]) > 900 > len(before["data.manifest.files.jsonl.zst"])


@pytest.mark.usefixtures("drafts")
def test_no_room_for_a_manifest_without_a_list(place: Place) -> None:
    fill(place, 10)
    place.create(FEW)
    before = state(place)
    with room_for(900), pytest.raises(UsageError, match="RPK003"):
        place.create()  # all files stand in the manifest, and the list would go
    assert state(place) == before
    place.create()
    assert set(state(place)) == {"data.manifest.json"}


def test_a_draft_is_in_nobodys_sight(place: Place, drafts: str) -> None:
    """Who is killed cannot clean up, and a walk would take the draft for data."""
    with FileLog(place.data, 0) as log:
        log.add(Entry("a", "sha256:1", 1))
        assert bool(list(place.data.iterdir())) == (drafts == "named")
        listed = log.settled(place.data / "m.json")
        log.save_beside(place.data / "m.json")
    assert listed is not None
    assert [path.name for path in place.data.iterdir()] == [listed.name]
    assert (place.data / listed.name).stat().st_mode & 0o777 == 0o644
