"""WebDataset shards: a tar whose members with one name and several extensions are one sample.

A name ends at the first dot of its last part, and a sample's members stand together
(https://github.com/webdataset/webdataset, "The WebDataset Format").
"""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING, Any

from reprokit.datasets.shapes import Shape
from reprokit.datasets.sources import Options, damaged
from reprokit.datasets.sources.archives import tar_members
from reprokit.datasets.sources.lines import ERRORS
from reprokit.schema.dataset import Column

if TYPE_CHECKING:
    from collections.abc import Iterator

_BATCH_BYTES, _BATCH_SAMPLES = 16 << 20, 1024


class Shard:
    """One shard. Its columns are ``__key__`` and the extensions; the order of members in a sample does not matter."""

    format = "webdataset"
    texts = False
    tokens: int | None = None

    def __init__(self, full: str, path: str) -> None:
        self._full, self._path = full, path
        self.shapes: dict[str, Shape] = {"__key__": Shape()}
        self._rows = 0

    def batches(self) -> Iterator[dict[str, list[Any]]]:
        """The samples."""
        held: list[dict[str, Any]] = []
        size = 0
        try:
            for sample in self._samples():
                held.append(sample)
                size += sum(len(value) for value in sample.values())
                if size >= _BATCH_BYTES or len(held) >= _BATCH_SAMPLES:
                    yield self._batch(held)
                    held, size = [], 0
            if held:
                yield self._batch(held)
        except (*ERRORS, tarfile.TarError) as error:
            raise damaged(self._path, error) from None

    def _samples(self) -> Iterator[dict[str, Any]]:
        sample: dict[str, Any] = {}
        for tar, member in tar_members(self._full, self._path):
            folder, _, base = member.name.rpartition("/")
            name, dot, extension = base.partition(".")
            if not member.isreg() or not dot or member.name.startswith("__"):
                continue
            key = f"{folder}/{name}" if folder else name
            if sample and (sample["__key__"] != key or extension.lower() in sample):
                yield sample
                sample = {}
            content = tar.extractfile(member)
            sample.setdefault("__key__", key)
            sample[extension.lower()] = content.read() if content is not None else b""
        if sample:
            yield sample

    def _batch(self, samples: list[dict[str, Any]]) -> dict[str, list[Any]]:
        for name in (name for sample in samples for name in sample):
            if name not in self.shapes:
                self.shapes[name] = Shape()
                self.shapes[name].nullable = self._rows > 0
        self._rows += len(samples)
        columns = {name: [sample.get(name) for sample in samples] for name in self.shapes}
        for name, values in columns.items():
            self.shapes[name].see(values)
        return columns

    def columns(self) -> list[Column]:
        """The key and the extensions, sorted."""
        return [
            Column(name=name, type=shape.type(), nullable=shape.nullable) for name, shape in sorted(self.shapes.items())
        ]


def is_shard(full: str) -> bool:
    """Whether a tar looks like a shard: its first members pair up by name, with an extension each."""
    try:
        names: list[str] = []
        for _, member in tar_members(full, ""):
            if member.isreg():
                names.append(member.name)
            if len(names) == 4:
                break
    except (*ERRORS, tarfile.TarError):
        return False
    keys = [name.rpartition("/")[0] + "/" + name.rpartition("/")[2].partition(".")[0] for name in names]
    return len(names) >= 2 and keys[0] == keys[1] and all("." in name.rpartition("/")[2] for name in names)


def open_table(full: str, path: str, _kind: str, _options: Options) -> Shard:
    """Opens a shard."""
    return Shard(full, path)
