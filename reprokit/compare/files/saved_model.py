"""SavedModel directories: the graph as what it says, the variables as a checkpoint, assets byte by byte.

A function's name ends in a number that counts all functions made before it in the process, so it moves when something
else was traced meanwhile. Within one file these numbers are replaced by their rank; the order of nodes and functions,
and where in a source file a node came from, are no content. Nothing of the graph is run.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reprokit.compare.files.arrays import dense
from reprokit.compare.files.content import Leaf, key_part
from reprokit.compare.files.dtypes import storage_dtype
from reprokit.compare.files.keras_export import (
    SavedNode,
    listed_in_order,
    order_of,
    ordered_variables,
    saved_nodes,
    summarised,
)
from reprokit.compare.files.protobuf import grouped
from reprokit.compare.files.protobuf_leaves import ProtobufLeaves, entry_name
from reprokit.compare.files.registry import GroupComparator
from reprokit.compare.files.tensorflow_checkpoint import object_graph, read_checkpoint
from reprokit.compare.files.tensorflow_protos import TABLES
from reprokit.compare.files.tensorflow_tensors import tensor_leaves
from reprokit.compare.files.unreadable import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from reprokit.compare.files.content import Options
    from reprokit.compare.files.source import Source

_MAX_GRAPH = 256 << 20
_PARTS = re.compile(r"(?:variables|assets|assets\.extra)/.*|fingerprint\.pb|keras_metadata\.pb|saved_model\.pb")
_GIVEN = b"_user_specified_name"
_NUMBERED = re.compile(r"(.*?)([-_])(\d+)$", re.DOTALL)
SPECIAL = {"TensorProto": tensor_leaves}


def models_in(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """The SavedModel directories among files."""
    names = sorted(names)
    found: dict[str, dict[str, str]] = {
        name.removesuffix("saved_model.pb"): {} for name in names if name.rpartition("/")[2] == "saved_model.pb"
    }
    for name in names:
        for end in (at for at in range(len(name) + 1) if at == 0 or name[at - 1] == "/"):
            if name[:end] in found and _PARTS.fullmatch(name[end:]):
                found[name[:end]][name[end:]] = name
                break
    return {root.rstrip("/") or "saved_model": files for root, files in found.items()}


def read_saved_model(files: Mapping[str, Source], options: Options) -> dict[str, Leaf]:
    """Reads the files of one directory.

    Raises:
        UnreadableError: the graph or the variables are damaged or incomplete.
    """
    leaves: dict[str, Leaf] = {}
    variables = {name.removeprefix("variables/variables."): source for name, source in files.items() if _kept(name)}
    if variables and "index" not in variables:
        raise UnreadableError("the index of its variables is missing")
    if variables:
        found = ordered_variables(read_checkpoint(variables, options), object_graph(variables))
        leaves |= {f"variables/{path}": leaf for path, leaf in found.items()}
    for name, source in sorted(files.items()):
        if not _kept(name) and name not in {"saved_model.pb", "fingerprint.pb"}:
            leaves[f"files/{key_part(name)}"] = dense(source.data, storage_dtype("uint8"), (source.size,))
    return leaves | graph_leaves(files["saved_model.pb"])


def _kept(name: str) -> bool:
    return name.startswith("variables/variables.")


def graph_leaves(source: Source) -> dict[str, Leaf]:
    """The leaves of ``saved_model.pb``.

    Raises:
        UnreadableError: it is not one.
    """
    if source.size > _MAX_GRAPH:
        raise UnreadableError(f"its graph has {source.size} bytes; one is read up to {_MAX_GRAPH}")
    data = memoryview(source.data.tobytes())
    objects = _objects(data)
    nodes = order_of(objects)
    into = ProtobufLeaves(TABLES, SPECIAL, rename=ranked(_numbered_names(data)), nodes=nodes or {})
    into.summarised = _numbered if nodes is None else _numbered_or_made
    into.add("", "SavedModel", data)
    return into.leaves if nodes is None else listed_in_order(into.leaves, "meta_graphs/0/objects", objects, nodes)


def _numbered(kind: str, data: memoryview) -> str | None:
    """What stands for the name that an argument got from a count of all that was made before; None for the rest."""
    if kind != "AttrValue entry" or _GIVEN not in bytes(data[:40]):
        return None
    texts = [text for _, value in grouped(data).get(2, []) for _, text in grouped(value).get(2, [])]
    return "a name that is a count" if len(texts) == 1 and bytes(texts[0]).isdigit() else None


def _numbered_or_made(kind: str, data: memoryview) -> str | None:
    return _numbered(kind, data) or summarised(kind, data)


def _objects(data: memoryview) -> list[SavedNode]:
    """The objects of a SavedModel, as `order_of` takes them."""
    graphs = [graph for form, meta in grouped(data).get(2, []) if form == 2 for graph in grouped(meta).get(7, [])]
    return saved_nodes(graphs[0][1]) if len(graphs) == 1 and graphs[0][0] == 2 else []


def ranked(names: Iterable[str]) -> dict[str, str]:
    """Names that end in a count, each with its rank among those of the same stem in the count's place."""
    stems: dict[str, list[tuple[int, str]]] = {}
    for name in set(names):
        if (found := _NUMBERED.fullmatch(name)) and len(found[3]) < 20:
            stems.setdefault(found[1] + found[2], []).append((int(found[3]), name))
    return {name: f"{stem}#{rank}" for stem, same in stems.items() for rank, (_, name) in enumerate(sorted(same))}


def _numbered_names(data: memoryview) -> Iterator[str]:
    """The functions that a SavedModel defines, and the types under which their gradients are registered."""
    for form, meta in grouped(data).get(2, []):
        graphs = grouped(meta).get(2, []) if form == 2 else []
        for graph in (value for kind, value in graphs if kind == 2):
            yield from library_names(graph)


def library_names(graph: memoryview) -> Iterator[str]:
    """The names in a graph's library that end in a count."""
    for form, library in grouped(graph).get(2, []):
        fields = grouped(library) if form == 2 else {}
        for value in fields.get(1, []):
            yield entry_name(value, 101)
        for value in fields.get(3, []):
            yield entry_name(value, 1)
            yield entry_name(value, 2)


SAVED_MODEL = GroupComparator("SavedModel", models_in, read_saved_model, noise=frozenset({"fingerprint.pb"}))
