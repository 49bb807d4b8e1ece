"""HDF5: groups, datasets and attributes, read by h5py in a process of its own.

Chunks, compression, times of change and the order of names are packing; names, attributes, element types, shapes and
every bit of arrays are content. Arrays that are stored in one piece are compared in place.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from reprokit.compare.files.isolated import read_isolated
from reprokit.compare.files.registry import Comparator

if TYPE_CHECKING:
    from reprokit.compare.files.content import Leaf, Options
    from reprokit.compare.files.source import Bytes, Source

MAGIC = b"\x89HDF\r\n\x1a\n"
_EXTRA = "'reprokit-harness[hdf5]'"


def leaves_of_hdf5(data: Bytes, path: Path | None) -> dict[str, Leaf]:
    """The leaves of an HDF5 file.

    Args:
        data: its bytes.
        path: a file of exactly these bytes; one is written if there is none.

    Raises:
        MissingReaderError: h5py is not installed.
        UnreadableError: the file is damaged, or keeps values outside itself.
    """
    if path is not None:
        return _read(path.absolute(), data)
    with tempfile.NamedTemporaryFile(suffix=".h5") as copy:
        copy.write(data.data)
        copy.flush()
        return _read(Path(copy.name), data)


def _read(path: Path, data: Bytes) -> dict[str, Leaf]:
    return read_isolated("hdf5_child", path, int(data.size), data=data, package="h5py", extra=_EXTRA)


def read_hdf5(source: Source, options: Options) -> dict[str, Leaf]:
    """Reads an HDF5 file; see `leaves_of_hdf5`."""
    del options
    return leaves_of_hdf5(source.data, source.path)


def _is_hdf5(source: Source) -> bool:
    # The superblock stands at 0 or behind a user's block of 512, 1024, 2048 ... bytes.
    at = 0
    while at + len(MAGIC) <= min(source.size, 1 << 20):
        if source.head(len(MAGIC), at) == MAGIC:
            return True
        at = at * 2 or 512
    return False


HDF5 = Comparator("HDF5", (), read_hdf5, _is_hdf5)
