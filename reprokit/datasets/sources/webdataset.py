"""WebDataset shards: a tar whose members with one name and several extensions are one sample.

A name ends at the first dot of its last part, and a sample's members stand together
(https://github.com/webdataset/webdataset, "The WebDataset Format"). What a sample holds beyond a few megabytes, such as
a film, goes to a temporary file: it is digested from there, and memory is bounded.
"""

from __future__ import annotations

import mmap
import shutil
import tarfile
import tempfile
from typing import IO, TYPE_CHECKING, Any

from reprokit.datasets.shapes import Shape
from reprokit.datasets.sources import Options, damaged
from reprokit.datasets.sources.archives import tar_members
from reprokit.datasets.sources.lines import ERRORS
from reprokit.schema.dataset import Column

if TYPE_CHECKING:
    from collections.abc import Iterator

_BATCH_BYTES, _BATCH_SAMPLES = 16 << 20, 1024
_PIECE = 1 << 20


class Shard:
    """One shard. Its columns are ``__key__`` and the extensions; the order of members in a sample does not matter."""

    format = "webdataset"
    texts = False
    grows = True  # a later row may have a column that none before it has
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
        sample = _Sample()
        try:
            for tar, member in tar_members(self._full, self._path):
                folder, _, base = member.name.rpartition("/")
                name, dot, extension = base.partition(".")
                if not member.isreg() or not dot or member.name.startswith("__"):
                    continue
                key = f"{folder}/{name}" if folder else name
                if sample.values and (sample.values["__key__"] != key or extension.lower() in sample.values):
                    yield sample.settled()
                    sample = _Sample()
                sample.values.setdefault("__key__", key)
                sample.add(extension.lower(), tar.extractfile(member), member.size)
            if sample.values:
                yield sample.settled()
        finally:
            sample.close()

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


class _Sample:
    """The members of one sample: in memory while they are small, together, and else mapped from one file."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self._held = 0
        self._file: IO[bytes] | None = None
        self._places: dict[str, tuple[int, int]] = {}

    def add(self, name: str, content: IO[bytes] | None, size: int) -> None:
        """Takes a member."""
        if content is None or self._held + size <= _BATCH_BYTES:
            self.values[name] = content.read() if content is not None else b""
            self._held += size
            return
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="reprokit-sample-")  # noqa: SIM115 - see `close`
        start = self._file.tell()
        shutil.copyfileobj(content, self._file, _PIECE)
        self.values[name], self._places[name] = None, (start, self._file.tell())

    def settled(self) -> dict[str, Any]:
        """The values by name; pages of those that are mapped come and go, and the file goes with the last of them."""
        if self._file is not None:
            self._file.flush()
            mapped = memoryview(mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ))
            self.values |= {name: mapped[start:end] for name, (start, end) in self._places.items()}
            self.close()
        return self.values

    def close(self) -> None:
        """Closes the file; what is mapped stays."""
        if self._file is not None:
            self._file.close()


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
