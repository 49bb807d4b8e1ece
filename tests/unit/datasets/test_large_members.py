"""Members of WebDataset shards that are larger than memory should have to be."""

from __future__ import annotations

import io
import tarfile
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from reprokit.datasets.rowpass import RowPass
from reprokit.datasets.sources import Options, webdataset
from reprokit.errors import UnverifiedError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Place

MEMBERS = {
    "a.user": b"ann", "a.film": b"\x00\xff" * 50, "a.cls": b"1", "b.cls": b"2", "b.user": b"bob", "b.text": b"t" * 30,
    "c.user": b"cid", "c.film": b"", "c.split": b"x" * 20,
}  # fmt: skip


def shard(path: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


@pytest.mark.parametrize("limit", [0, 3, 5, 30, 1 << 20])
@pytest.mark.parametrize("splits", [{"parts": {"train": ["train*"], "test": ["test*"]}}, {"column": "split"}])
def test_where_a_member_is_kept_does_not_matter(
    place: Place, monkeypatch: pytest.MonkeyPatch, limit: int, splits: dict[str, Any]
) -> None:
    (place.root / "out.txt").write_text("bob\n")
    settings: dict[str, Any] = {"splits": splits, "opt-out": [{"list": "out.txt", "key": "user", "version": "1"}]}
    shard(place.data / "train.tar", MEMBERS)
    shard(place.data / "test.tar", {**MEMBERS, "a.film": b"other"})
    whole = place.create(**settings).manifest
    monkeypatch.setattr(webdataset, "_BATCH_BYTES", limit)
    found = place.create(**settings).manifest
    assert (found.id, found.statistics, found.sampling) == (whole.id, whole.statistics, whole.sampling)
    assert (found.filters.opt_out[0].rows_read, found.filters.opt_out[0].found) == (6, 2)
    if "parts" in splits:
        assert (found.sampling.disjoint, found.sampling.overlaps[0].rows) == (False, 2)


def test_an_object_is_no_key_however_large(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webdataset, "_BATCH_BYTES", 0)
    (place.root / "out.txt").write_text("bob\n")
    shard(place.data / "a.tar", {"a.user": b'{"id": "bob"}', "a.txt": b""})
    with pytest.raises(UsageError, match="holds objects"):
        place.create(**{"opt-out": [{"list": "out.txt", "key": "user", "version": "1"}]})


def test_a_shard_that_was_cut_in_a_large_member(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webdataset, "_BATCH_BYTES", 0)
    shard(path := place.data / "a.tar", {"a.user": b"ann", "a.film": b"x" * 5000})
    path.write_bytes(path.read_bytes()[:3000] + bytes(512))
    with pytest.raises(UnverifiedError, match="RPK156"):
        place.create(format="webdataset")


@pytest.mark.slow
def test_memory_does_not_grow_with_a_member(tmp_path: Path) -> None:
    shard(path := tmp_path / "a.tar", {"a.cls": b"1", "a.film": bytes(128 << 20), "b.cls": b"2"})
    tracemalloc.start()
    with RowPass(lambda _path: "train") as rows:
        rows.take(webdataset.open_table(str(path), "a.tar", "webdataset", Options()), "a.tar")
        [split] = rows.sampling(None, "").splits
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert split.rows == 2
    assert peak < 32 << 20
