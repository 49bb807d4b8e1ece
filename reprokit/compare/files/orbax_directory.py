"""Orbax checkpoints: directories whose files have random names and hold arrays that only tensorstore reads.

Source: orbax/checkpoint/_src/serialization and metadata. How arrays are cut into chunks and over which devices they
were spread is packing; times of writing are no content. The tree of names and every array are.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reprokit.compare.files.arrays import dense
from reprokit.compare.files.content import Leaf, Scalar, key_part
from reprokit.compare.files.dtypes import storage_dtype
from reprokit.compare.files.isolated import read_isolated
from reprokit.compare.files.json_file import leaves_of_document, parsed
from reprokit.compare.files.registry import Comparator, GroupComparator
from reprokit.compare.files.unreadable import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reprokit.compare.files.content import Options
    from reprokit.compare.files.source import Source

_TREE, _MANIFEST, _STATE, _DONE = "_METADATA", "manifest.ocdbt", "_CHECKPOINT_METADATA", "commit_success.txt"
_ANNOUNCED = b"Checkpoint commit was successful to "
_ZARR = (".zarray", "zarr.json", ".zattrs", ".zgroup")
_PACKING = {"use_ocdbt", "use_zarr3", "store_array_data_equal_to_fill_value"}
_TIMES = {"init_timestamp_nsecs", "commit_timestamp_nsecs"}
_MAX_JSON = 64 << 20
_MEMORY = 512 << 20  # tensorstore starts threads


def checkpoints_in(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """The directories that hold a tree's metadata beside its arrays; the outermost of each."""
    names = sorted(names)
    folders = {name.rpartition("/")[0] for name in names if name.rpartition("/")[2] == _TREE}
    roots = {folder for folder in folders if _above(folder).isdisjoint(folders - {folder})}
    found: dict[str, dict[str, str]] = {root: {} for root in roots}
    for name in names:
        for root in _above(name) & roots:
            found[root][name.removeprefix(f"{root}/")] = name
    return {root or "checkpoint": files for root, files in found.items()}


def _above(name: str) -> set[str]:
    return {""} | {name[:at] for at, character in enumerate(name) if character == "/"} | {name}


def read_orbax(files: Mapping[str, Source], options: Options) -> dict[str, Leaf]:
    """Reads the files of one directory.

    Raises:
        MissingReaderError: tensorstore is not installed.
        UnreadableError: a file is missing or damaged.
    """
    leaves: dict[str, Leaf] = {}
    arrays = [name for name in files if _is_of_arrays(name, files)]
    for name in sorted(files.keys() - set(arrays)):
        source, path = files[name], f"<files>/{key_part(name)}"
        if name == _TREE:
            found = leaves_of_document(_tree(source))
            leaves |= {f"<tree>/{inner}" if inner else "<tree>": leaf for inner, leaf in found.items()}
        elif name.rpartition("/")[2] == _STATE:
            leaves |= {
                f"{path}/{inner}" if inner else path: leaf for inner, leaf in read_state(source, options).items()
            }
        elif name.rpartition("/")[2] != _DONE:
            leaves[path] = dense(source.data, storage_dtype("uint8"), (source.size,))
    with tempfile.TemporaryDirectory(prefix="reprokit-") as room:
        for name in arrays:
            # Outputs may lie in other places than the run left them in.
            link = Path(room, name)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(_path(files[name]))
        size = sum(files[name].size for name in arrays)
        found = read_isolated(
            "zarr_child", Path(room), size, package="tensorstore", extra="tensorstore", memory=_MEMORY
        )
    _check_complete(leaves, found)
    return leaves | found


def _path(source: Source) -> Path:
    if source.path is None:
        raise UnreadableError("its files have no place of their own")
    return source.path.absolute()


def _is_of_arrays(name: str, files: Mapping[str, Source]) -> bool:
    """Whether a file belongs to the store of arrays, or only says how they were spread over devices and chunks."""
    top = name.partition("/")[0]
    if name in {_TREE, _STATE, _DONE} or ".." in name.split("/"):
        return False
    if name == "_sharding" or top == "array_metadatas":
        return True
    if _MANIFEST in files:
        return name == _MANIFEST or top == "d" or top.startswith("ocdbt.process_")
    return name.endswith(_ZARR) or any(f"{folder}/{head}" in files for folder in _above(name) for head in _ZARR)


def _tree(source: Source) -> Any:
    """The tree of names, without how its arrays are cut."""
    document = _document(source)
    for key in _PACKING:
        document.pop(key, None)
    entries = document.get("tree_metadata")
    for entry in entries.values() if isinstance(entries, dict) else ():
        if isinstance(entry, dict) and isinstance(entry.get("value_metadata"), dict):
            entry["value_metadata"].pop("write_shape", None)
    return document


def _document(source: Source) -> dict[str, Any]:
    if source.size > _MAX_JSON:
        raise UnreadableError(f"its metadata have {source.size} bytes; they are read up to {_MAX_JSON}")
    document = parsed(source.data.tobytes().decode())
    if not isinstance(document, dict):
        raise UnreadableError("its metadata are not an object")
    return document


def _check_complete(leaves: Mapping[str, Leaf], arrays: Mapping[str, Leaf]) -> None:
    """The tree names each array; a store that has lost some must not be equal to another that has lost the same."""
    named = [path for path, leaf in leaves.items() if path.endswith("/value_metadata/value_type") and _is_array(leaf)]
    if len(named) > len(arrays):
        raise UnreadableError(f"its tree names {len(named)} arrays, but it holds {len(arrays)}")


def _is_array(leaf: Leaf) -> bool:
    return isinstance(leaf, Scalar) and leaf.text in {"jax.Array", "np.ndarray", "scalar"}


def read_state(source: Source, options: Options) -> dict[str, Leaf]:
    """Reads what Orbax says of a checkpoint as a whole, without the times at which it was begun and ended.

    Raises:
        UnreadableError: it is not JSON.
    """
    del options
    document = _document(source)
    for key in _TIMES:
        document.pop(key, None)
    return leaves_of_document(document)


def _is_state(source: Source) -> bool:
    return source.name.rpartition("/")[2] == _STATE and source.head(1) == b"{"


def _read_done(source: Source, options: Options) -> dict[str, Leaf]:
    """The mark of a complete checkpoint, without the place where it was written."""
    del source, options
    return {"": Scalar("str", "Checkpoint commit was successful")}


def _is_done(source: Source) -> bool:
    return source.size < 1 << 16 and source.head(len(_ANNOUNCED)) == _ANNOUNCED


ORBAX = GroupComparator("Orbax checkpoint", checkpoints_in, read_orbax)
STATE = Comparator("Orbax state", (), read_state, _is_state, fallback="text")
DONE = Comparator("Orbax mark", (), _read_done, _is_done, fallback="text")
