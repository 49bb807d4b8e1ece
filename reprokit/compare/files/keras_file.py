"""Keras 3's ``.keras`` archives: the configuration as JSON, the weights as HDF5, everything else byte by byte.

Source: keras/src/saving/saving_lib.py. Two things in it are no content: the date on which it was saved, and the numbers
under which the configuration names objects that are used twice. Those are addresses in memory; what counts is which
places have the same one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reprokit.compare.files import zips
from reprokit.compare.files.arrays import dense
from reprokit.compare.files.content import Leaf, Paths, key_part
from reprokit.compare.files.dtypes import storage_dtype
from reprokit.compare.files.hdf5_file import leaves_of_hdf5
from reprokit.compare.files.json_file import leaves_of_document, parsed
from reprokit.compare.files.registry import Comparator
from reprokit.compare.files.unreadable import UnreadableError

if TYPE_CHECKING:
    from reprokit.compare.files.content import Options
    from reprokit.compare.files.source import Source

_CONFIG, _METADATA = "config.json", "metadata.json"
_MAX_JSON = 64 << 20


def read_keras(source: Source, options: Options) -> dict[str, Leaf]:
    """Reads the members of an archive.

    Raises:
        MissingReaderError: h5py is not installed.
        UnreadableError: a member is damaged.
    """
    del options
    leaves: dict[str, Leaf] = {}
    paths = Paths()
    for name, member in sorted(zips.members(source).items()):
        if name.endswith("/") and not member.size:
            continue
        root = key_part(name)
        found: dict[str, Leaf]
        if name in {_CONFIG, _METADATA}:
            found = leaves_of_document(_document(name, member))
        elif name.endswith(".h5"):
            found = leaves_of_hdf5(member.data(), None)
        else:
            found = {"": dense(member.data(), storage_dtype("uint8"), (member.size,))}
        leaves |= {paths.join(root, path) if path else root: leaf for path, leaf in found.items()}
    return leaves


def _document(name: str, member: zips.Member) -> Any:
    if member.size > _MAX_JSON:
        raise UnreadableError(f"its {name} has {member.size} bytes; it is read up to {_MAX_JSON}")
    try:
        document = parsed(member.data().tobytes().decode())
    except UnicodeDecodeError as error:
        raise UnreadableError(f"its {name} is not in UTF-8") from error
    if name == _METADATA and isinstance(document, dict):
        document.pop("date_saved", None)
    return with_ranks(document) if name == _CONFIG else document


def with_ranks(document: Any) -> Any:
    """The document with each ``shared_object_id`` replaced by its rank, in the order of first use by sorted keys."""
    ranks: dict[int, int] = {}
    todo = [document]
    while todo:
        value = todo.pop()
        if isinstance(value, dict):
            number = value.get("shared_object_id")
            if type(number) is int and "class_name" in value:
                value["shared_object_id"] = ranks.setdefault(number, len(ranks))
            todo += [value[key] for key in sorted(value, reverse=True)]
        elif isinstance(value, list):
            todo += reversed(value)
    return document


def _is_keras(source: Source) -> bool:
    names = set(zips.names(source))
    return {_CONFIG, _METADATA} <= names and any(name.endswith(".weights.h5") for name in names)


KERAS = Comparator("Keras", (), read_keras, _is_keras)
