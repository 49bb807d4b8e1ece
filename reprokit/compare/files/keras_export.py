"""What Keras's ``model.export`` leaves to chance: the order in which it lists the variables of its endpoints.

It gathers them in a set of objects (`keras/src/export/saved_model_export_archive.py`, ``_all_variables``), whose order
follows addresses in memory. The list's places, the numbers of its nodes and the checkpoint's keys are brought into the
order of the variables' names; every reference goes along, so that two graphs are equal exactly if they are the same
but for these numbers. The functions that save and restore the variables are made from that list by TensorFlow; in such
a file their size is compared, not their text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reprokit.compare.files.content import Leaf, Scalar, key_part
from reprokit.compare.files.protobuf import grouped, scalar
from reprokit.compare.files.protobuf_leaves import ProtobufLeaves
from reprokit.compare.files.tensorflow_protos import TABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

_LIST = "_all_variables"
_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_PLUMBING = (b"__inference__traced_save_", b"__inference__traced_restore_")


@dataclass
class SavedNode:
    """One object: its children by name, and the name of its variable, or empty."""

    children: dict[str, int] = field(default_factory=dict)
    variable: str = ""


def saved_nodes(graph: memoryview) -> list[SavedNode]:
    """The objects of a ``SavedObjectGraph``."""
    return [_node(node, _variable_name(node)) for node in _messages(graph, 1)]


def _tracked_nodes(graph: memoryview) -> list[SavedNode]:
    """The objects of a ``TrackableObjectGraph``."""
    found = []
    for node in _messages(graph, 1):
        attributes = [_text(attribute, 2) for attribute in _messages(node, 2)]
        found.append(_node(node, attributes[0] if len(attributes) == 1 else ""))
    return found


def _node(node: memoryview, variable: str) -> SavedNode:
    children = {}
    for child in _messages(node, 1):
        number = grouped(child).get(1)
        children[_text(child, 2)] = int(scalar("int", *number[-1])) if number else 0
    return SavedNode(children, variable)


def _variable_name(node: memoryview) -> str:
    return next((_text(variable, 6) for variable in _messages(node, 7)), "")


def _messages(data: memoryview, number: int) -> list[memoryview]:
    return [value for form, value in grouped(data).get(number, []) if form == 2]


def _text(data: memoryview, number: int) -> str:
    return next((bytes(value).decode("utf-8", "surrogateescape") for value in _messages(data, number)[-1:]), "")


def order_of(nodes: list[SavedNode]) -> dict[int, int] | None:
    """The number that each variable of Keras's list has if the list is sorted by name.

    Returns:
        None where there is no such list, or names or numbers in it are not distinct.
    """
    place = nodes[0].children.get(_LIST, -1) if nodes else -1
    if not 0 <= place < len(nodes):
        return None
    listed = nodes[place].children
    if sorted(listed) != sorted(map(str, range(len(listed)))):
        return None
    numbers = [listed[str(index)] for index in range(len(listed))]
    if len(set(numbers)) != len(numbers) or any(not 0 <= number < len(nodes) for number in numbers):
        return None
    names = [nodes[number].variable for number in numbers]
    if len(set(names)) != len(names) or "" in names or any(nodes[number].children for number in numbers):
        return None
    by_name = sorted(zip(names, numbers, strict=True))
    return {number: there for (_, number), there in zip(by_name, numbers, strict=True)}


def ordered_variables(leaves: dict[str, Leaf], graph: bytes) -> dict[str, Leaf]:
    """The leaves of the variables' checkpoint, Keras's list in the order of names; unchanged if there is none."""
    nodes = _tracked_nodes(memoryview(graph))
    order = order_of(nodes)
    if order is None:
        return leaves
    listed = nodes[nodes[0].children[_LIST]].children
    places = {number: index for index, number in listed.items()}
    moved = {index: places[order[number]] for index, number in listed.items()}
    found = {_moved(path, moved): leaf for path, leaf in leaves.items() if path != _GRAPH}
    keys = [_text(attribute, 3) for node in _messages(memoryview(graph), 1) for attribute in _messages(node, 2)]
    into = ProtobufLeaves(TABLES, rename={key: _moved(key, moved) for key in keys}, nodes=order)
    into.add("<objects>", "TrackableObjectGraph", memoryview(graph))
    return dict(sorted(found.items())) | listed_in_order(into.leaves, "<objects>", nodes, order)


def listed_in_order(
    leaves: dict[str, Leaf], path: str, nodes: list[SavedNode], order: Mapping[int, int]
) -> dict[str, Leaf]:
    """The leaves of a graph of objects in which the list itself names its nodes in order, as it did before.

    Its variables have moved: where the first one's number went to the second, the second place now holds it.
    """
    head = f"{path}/nodes/{nodes[0].children[_LIST]}/children/"
    before = {there: number for number, there in order.items()}
    for where, leaf in leaves.items():
        if where.startswith(head) and where.endswith("/node") and isinstance(leaf, Scalar):
            leaves[where] = Scalar(leaf.type, str(before[int(leaf.text)]))
    return leaves


def _moved(path: str, places: Mapping[str, str]) -> str:
    """A key of the checkpoint, or its path, under the place that its variable has in the sorted list."""
    head, _, rest = path.partition("/")
    index, _, tail = rest.partition("/")
    index = index.strip('"')
    if head != _LIST or index not in places:
        return path
    quoted = rest.startswith('"')
    return f"{head}/{key_part(places[index]) if quoted else places[index]}/{tail}"


def summarised(kind: str, data: memoryview) -> str | None:
    """What stands for the functions that save and restore, and for what calls them; None for everything else."""
    held = bytes(data)
    if kind == "FunctionDef" and any(name in held[:80] for name in _PLUMBING):
        return f"made from the list of variables: {len(_messages(data, 3))} nodes"
    called = any(name in held for name in _PLUMBING)
    if kind == "NodeDef" and (called or (_text(data, 2) == "Const" and b"/.ATTRIBUTES/VARIABLE_VALUE" in held)):
        return f"made from the list of variables: {len(_messages(data, 3))} inputs"
    return None
