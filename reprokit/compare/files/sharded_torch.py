"""Sharded PyTorch checkpoints (`torch.distributed.checkpoint`): shards are put together to the tensors they stand for.

A checkpoint is a directory of ``.distcp`` files, each a row of ``torch.save`` streams, and a pickle ``.metadata`` that
says where each piece of each tensor stands (torch/distributed/checkpoint/metadata.py and filesystem.py). Nothing is
unpickled. Into how many pieces and files a tensor was split is packing; its name, type, shape and bits are content.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from reprokit.compare.files.arrays import checked_size
from reprokit.compare.files.content import Leaf, Structure, Tensor, key_part
from reprokit.compare.files.pickle_leaves import Flattener
from reprokit.compare.files.pickle_machine import Machine
from reprokit.compare.files.pickle_nodes import Object, Pairs, Sequence
from reprokit.compare.files.pieces import Piece, put_together
from reprokit.compare.files.protobuf_leaves import bytes_leaf
from reprokit.compare.files.registry import GroupComparator
from reprokit.compare.files.torch_file import TORCH_LEGACY, TORCH_ZIP
from reprokit.compare.files.unreadable import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reprokit.compare.files.content import Options
    from reprokit.compare.files.source import Source

_MODULE = "torch.distributed.checkpoint"
_METADATA = ".metadata"


def checkpoints_in(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """The directories that hold ``.metadata`` and ``.distcp`` files."""
    folders: dict[str, dict[str, str]] = {}
    for name in names:
        folder, _, base = name.rpartition("/")
        if base == _METADATA or base.endswith(".distcp"):
            folders.setdefault(folder, {})[base] = name
    return {folder or "checkpoint": files for folder, files in folders.items() if _METADATA in files and len(files) > 1}


def read_sharded(files: Mapping[str, Source], options: Options) -> dict[str, Leaf]:
    """Reads the files of one directory.

    Raises:
        UnreadableError: the metadata are not such, or a piece is missing or damaged.
    """
    metadata = _attributes(Machine(files[_METADATA].data).load(), "Metadata")
    stored = _places(metadata.get("storage_data"))
    leaves: dict[str, Leaf] = {}
    for name, entry in _pairs(metadata.get("state_dict_metadata"), "state_dict_metadata"):
        if not isinstance(name, str):
            raise UnreadableError("an entry of its metadata has no name")
        found = _entry(name, entry, stored, files, options)
        path = key_part(name)
        leaves |= {f"{path}/{inner}" if inner else path: leaf for inner, leaf in found.items()}
    flattener = Flattener(files[_METADATA].budget)
    flattener.add("<planner_data>", metadata.get("planner_data"))
    return leaves | flattener.leaves


@dataclass(frozen=True)
class _Place:
    """Where the stream of one piece stands."""

    file: str
    start: int
    size: int


def _entry(
    name: str, entry: Any, stored: Mapping[tuple[str, tuple[int, ...] | None], _Place], files: Mapping[str, Source],
    options: Options,
) -> dict[str, Leaf]:  # fmt: skip
    """The leaves of one name: a tensor put together, or whatever else was saved."""
    if not isinstance(entry, Object) or not entry.name.startswith(_MODULE):
        raise UnreadableError(f"the metadata of {name[:60]!r} are of an unknown kind")
    if entry.name.endswith(".BytesStorageMetadata"):
        return _stream(name, stored.get((name, None)), files, options)
    described = _attributes(entry, "TensorStorageMetadata")
    shape = _numbers(described.get("size"))
    chunks = described.get("chunks")
    if not isinstance(chunks, Sequence):
        raise UnreadableError(f"tensor {name[:60]!r} has no pieces")
    pieces = []
    for chunk in chunks.items:
        sizes = _attributes(chunk, "ChunkStorageMetadata")
        offset, extent = _numbers(sizes.get("offsets")), _numbers(sizes.get("sizes"))
        leaf = _stream(name, stored.get((name, offset)), files, options).get("")
        if not isinstance(leaf, Tensor) or leaf.shape != extent:
            raise UnreadableError(f"a piece of tensor {name[:60]!r} is not what its metadata say")
        pieces.append(Piece(offset, leaf))
    if not pieces and checked_size(shape, 1) == 0:
        return {"": Structure(f"empty tensor {list(shape)}")}
    return {"": put_together(name, shape, pieces)}


def _stream(name: str, place: _Place | None, files: Mapping[str, Source], options: Options) -> dict[str, Leaf]:
    """What one ``torch.save`` stream holds."""
    if place is None or place.file not in files:
        raise UnreadableError(f"a piece of {name[:60]!r} is missing")
    source = files[place.file]
    inner = replace(source, name="", data=source.part(place.start, place.size), path=None)
    for comparator in (TORCH_ZIP, TORCH_LEGACY):
        if comparator.sniff and comparator.sniff(inner):
            return dict(comparator.read(inner, options))
    inner.budget.spend(place.size)
    return {"": bytes_leaf(inner.data.tobytes())}


def _places(node: Any) -> dict[tuple[str, tuple[int, ...] | None], _Place]:
    """Where each piece stands, by name and offset."""
    found: dict[tuple[str, tuple[int, ...] | None], _Place] = {}
    for key, value in _pairs(node, "storage_data"):
        index, place = _attributes(key, "MetadataIndex"), _attributes(value, "_StorageInfo")
        name, offset = index.get("fqn"), index.get("offset")
        file, start, size = (place.get(part) for part in ("relative_path", "offset", "length"))
        if not (isinstance(name, str) and isinstance(file, str) and type(start) is int and type(size) is int):
            raise UnreadableError("a place in its metadata is not one")
        if place.get("transform_descriptors") is not None:
            raise UnreadableError("its streams are compressed")
        where = (name, None if offset is None else _numbers(offset))
        if where in found:
            raise UnreadableError("its metadata name a piece twice")
        found[where] = _Place(file, start, size)
    return found


def _attributes(node: Any, kind: str) -> dict[str, Any]:
    """The attributes of a data class, whose own code never runs."""
    if isinstance(node, Object) and node.name.startswith(_MODULE) and node.name.endswith(f".{kind}"):
        states = [state for state in node.states if isinstance(state, Pairs)]
        if len(states) == len(node.states) == 1:
            return {key: value for key, value in states[0].items if isinstance(key, str)}
    raise UnreadableError(f"it has no {kind} where there should be one")


def _pairs(node: Any, what: str) -> list[tuple[Any, Any]]:
    if not isinstance(node, Pairs):
        raise UnreadableError(f"its metadata have no {what}")
    return node.items


def _numbers(node: Any) -> tuple[int, ...]:
    """A `torch.Size`, or a tuple."""
    if isinstance(node, Object) and node.name == "torch.Size" and len(node.arguments()) == 1:
        node = node.arguments()[0]
    if isinstance(node, Sequence) and all(type(n) is int for n in node.items):
        return tuple(node.items)
    raise UnreadableError("a shape in its metadata is not one")


SHARDED = GroupComparator("torch.distributed.checkpoint", checkpoints_in, read_sharded)
