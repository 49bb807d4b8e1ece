"""TensorFlow's checkpoints: an index (`sstable`) of tensors, and files of their bytes. TensorFlow is not needed.

Sources: tensorflow/core/util/tensor_bundle/tensor_bundle.cc and tensorflow/core/protobuf/tensor_bundle.proto. Into how
many files the tensors are split is packing; the checkpoint's own graph of objects is content.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from reprokit.compare.files import sstable
from reprokit.compare.files.content import Leaf, Structure, key_part
from reprokit.compare.files.protobuf import grouped, scalar, varint
from reprokit.compare.files.protobuf_leaves import ProtobufLeaves, bytes_leaf
from reprokit.compare.files.registry import Comparator, GroupComparator
from reprokit.compare.files.tensorflow_tensors import STRING, shape_of, stored_tensor, text_leaves
from reprokit.compare.files.text_file import read_text
from reprokit.compare.files.unreadable import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reprokit.compare.files.content import Options
    from reprokit.compare.files.protobuf import Wire
    from reprokit.compare.files.source import Bytes, Source

_DATA = re.compile(r"(.*)\.data-(\d{5})-of-(\d{5})")
_MAX_TEXTS = 1_000_000


def checkpoints_in(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """The checkpoints among files: ``ckpt`` for ``ckpt.index`` and ``ckpt.data-00000-of-00001``."""
    names = set(names)
    found: dict[str, dict[str, str]] = {}
    for name in sorted(names):
        part = _DATA.fullmatch(name)
        if part and f"{part[1]}.index" in names:
            files = found.setdefault(part[1], {"index": f"{part[1]}.index"})
            files[f"data-{part[2]}-of-{part[3]}"] = name
    return found


def read_checkpoint(files: Mapping[str, Source], options: Options) -> dict[str, Leaf]:
    """Reads ``index`` and ``data-...``.

    Raises:
        UnreadableError: the index is damaged, or a tensor does not lie in its file.
    """
    del options
    into = ProtobufLeaves({})
    header: Wire | None = None
    for key, value in sstable.rows(files["index"]):
        fields = grouped(value)
        if header is None:
            if key:
                raise UnreadableError("its index has no header")
            header = fields
            continue
        path = "/".join(key_part(part) for part in key.decode("utf-8", "backslashreplace").split("/"))
        for where, leaf in _tensor(path, fields, files, header, into).items():
            into.put(where, leaf)
    if header is None:
        raise UnreadableError("its index is empty")
    return into.leaves


def object_graph(files: Mapping[str, Source]) -> bytes:
    """The checkpoint's own graph of objects (``TrackableObjectGraph``); empty if it has none."""
    for key, value in sstable.rows(files["index"]):
        if key == b"_CHECKPOINTABLE_OBJECT_GRAPH":
            fields = grouped(value)
            shard, offset, size = (_number(fields, number) for number in (3, 4, 5))
            for name, source in files.items():
                if name.startswith(f"data-{shard:05d}-"):
                    texts = _texts(source.part(offset, size), ())
                    return texts[0]
    return b""


def _tensor(
    path: str, fields: Wire, files: Mapping[str, Source], header: Wire, into: ProtobufLeaves
) -> dict[str, Leaf]:
    """The leaves of one entry (``BundleEntryProto``)."""
    code, shard, offset, size = (_number(fields, number) for number in (1, 3, 4, 5))
    shape = shape_of(fields[2][-1][1] if 2 in fields else None)
    if 7 in fields:  # a partitioned variable: its slices are entries of their own
        parts = [bytes(value) for _, value in fields[7]]
        return {path: Structure(f"{len(parts)} slices of {list(shape)}: {bytes_leaf(b''.join(parts)).text}")}
    shards = _number(header, 1)
    source = files.get(f"data-{shard:05d}-of-{shards:05d}")
    if source is None:
        raise UnreadableError(f"its file {shard + 1} of {shards} is missing")
    source.budget.spend(size)
    data = source.part(offset, size)
    if code == STRING:
        return text_leaves(path, _texts(data, shape), shape, into)
    order = ">" if _number(header, 2) else "<"
    try:
        return {path: stored_tensor(data, code, shape, order)}
    except UnreadableError:
        if code not in {20, 21}:  # resources and variants have no fixed size
            raise
    return {path: bytes_leaf(data.tobytes())}


def _texts(data: Bytes, shape: tuple[int, ...]) -> list[bytes]:
    """The elements of a tensor of texts: all lengths, a checksum of them, all bytes."""
    count = int(np.prod(shape, dtype=object)) if shape else 1
    if count > min(_MAX_TEXTS, data.size):
        raise UnreadableError(f"a tensor of texts claims {count} elements in {data.size} bytes")
    view, at, lengths = memoryview(data.tobytes()), 0, []
    for _ in range(count):
        length, at = varint(view, at)
        lengths.append(length)
    at += 4
    if at + sum(lengths) != len(view):
        raise UnreadableError("a tensor of texts has another size than its texts")
    texts = []
    for length in lengths:
        texts.append(bytes(view[at : at + length]))
        at += length
    return texts


def _number(fields: Wire, number: int) -> int:
    return int(scalar("int", *fields[number][-1])) if number in fields else 0


def _read_state(source: Source, options: Options) -> dict[str, Leaf]:
    """The text that names the newest checkpoint, without the times at which they were written."""
    from dataclasses import replace

    times = (*options.ignore_patterns, r"^\s*(all_model_checkpoint_timestamps|last_preserved_timestamp):")
    return read_text(source, replace(options, ignore_patterns=times))


def _is_state(source: Source) -> bool:
    return source.head(24).startswith(b'model_checkpoint_path: "')


CHECKPOINT = GroupComparator("TensorFlow checkpoint", checkpoints_in, read_checkpoint)
STATE = Comparator("TensorFlow checkpoint state", (), _read_state, _is_state, fallback="text")
