"""From a protocol buffer and the table of its fields to a flat mapping of leaves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from reprokit.compare.files.arrays import dense
from reprokit.compare.files.content import Leaf, Paths, Scalar, Structure, key_part, scalar_of
from reprokit.compare.files.protobuf import Field, Message, deeper, grouped, numbers, scalar
from reprokit.compare.files.unreadable import UnreadableError
from reprokit.digest import sha256_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_NUMBERS = {"int", "uint", "bool", "float", "double", "node"}
_PLAIN = _NUMBERS | {"str", "bytes"}
_MAX_LEAVES = 2_000_000


@dataclass
class ProtobufLeaves:
    """Collects the leaves of messages.

    Attributes:
        tables: the fields of each message, by its name.
        special: for a message's name, what gives its leaves instead: called with path, bytes and this object.
        rename: what a text stands for; names that only count how many were made before are made alike with it.
        nodes: the numbers of nodes that have another one here.
        summarised: told the message's name and bytes, what stands for an entry whose parts are not compared, or None.
        leaves: what was found.
    """

    tables: Mapping[str, Message]
    special: Mapping[str, Callable[[str, memoryview, ProtobufLeaves], Mapping[str, Leaf]]] = field(default_factory=dict)
    rename: Mapping[str, str] = field(default_factory=dict)
    nodes: Mapping[int, int] = field(default_factory=dict)
    summarised: Callable[[str, memoryview], str | None] = lambda _, __: None
    leaves: dict[str, Leaf] = field(default_factory=dict)
    paths: Paths = field(default_factory=Paths)

    def add(self, path: str, name: str, data: memoryview, depth: int = 0) -> None:
        """Adds the leaves of one message.

        Raises:
            UnreadableError: it is no message, or names an entry twice.
        """
        depth = deeper(depth)
        if name in self.special:
            for key, leaf in self.special[name](path, data, self).items():
                self.put(key, leaf)
            return
        self.put(path, Structure(name))
        for number, values in sorted(grouped(data).items()):
            found = self.tables[name].get(number)
            if found is None:
                for index, (form, value) in enumerate(values):
                    part = f"<field {number}>" if not index else f"<field {number} {index}>"
                    self.put(self.paths.join(path, part), _raw(form, value))
            elif not found.noise:
                self._field(self.paths.join(path, found.name), found, values, depth)

    def put(self, path: str, leaf: Leaf) -> None:
        """Adds one leaf.

        Raises:
            UnreadableError: there is one already, or there are too many.
        """
        if path in self.leaves or len(self.leaves) > _MAX_LEAVES:
            raise UnreadableError("two of its values have the same path, or there are too many")
        self.leaves[path] = leaf

    def _field(self, path: str, found: Field, values: list[tuple[int, Any]], depth: int) -> None:
        if found.many and found.type in _NUMBERS:
            self.put(path, array_leaf(self._numbers(found.type, values)))
        elif found.key:
            self._entries(path, found, values, depth)
        elif found.many:
            self.put(path, Structure(f"list of {len(values)}"))
            for index, value in enumerate(values):
                place = self.nodes.get(index, index) if found.nodes else index
                self._one(self.paths.join(path, str(place)), found.type, value, depth)
        else:
            # A plain field that comes twice has its last value; a message would have to be merged.
            if len(values) > 1 and found.type not in _PLAIN:
                raise UnreadableError("a part of its protocol buffers comes twice")
            self._one(path, found.type, values[-1], depth)

    def _entries(self, path: str, found: Field, values: list[tuple[int, Any]], depth: int) -> None:
        """Entries by name; their order is no content."""
        for value in values:
            name = entry_name(value, found.key)
            where = self.paths.join(path, key_part(self.rename.get(name, name)))
            if where in self.leaves:
                raise UnreadableError("an entry of its protocol buffers comes twice")
            if (said := self.summarised(found.type, value[1])) is not None:
                self.put(where, Structure(said))
                continue
            self._one(where, found.type, value, depth)

    def _numbers(self, kind: str, values: list[tuple[int, Any]]) -> np.ndarray[Any, Any]:
        if kind != "node":
            return numbers(kind, values)
        return np.array([self.nodes.get(int(n), int(n)) for n in numbers("int", values)], np.int64)

    def _one(self, path: str, kind: str, value: tuple[int, Any], depth: int) -> None:
        form, data = value
        if kind not in _PLAIN:
            if form != 2:
                raise UnreadableError("a part of its protocol buffers is no message")
            self.add(path, kind, data, depth)
            return
        plain = scalar("int" if kind == "node" else kind, form, data)
        if kind == "node":
            plain = self.nodes.get(plain, plain)
        if kind == "str" or kind == "bytes":  # noqa: PLR1714 - narrows the type
            text = plain if isinstance(plain, str) else plain.decode("utf-8", "surrogateescape")
            if text in self.rename:
                self.put(path, Scalar(kind, self.rename[text]))
                return
        self.put(path, bytes_leaf(plain) if isinstance(plain, bytes) else scalar_of(plain))


def entry_name(value: tuple[int, Any], key: int) -> str:
    """What names an entry: its sub-field `key` (of a sub-field, where it is 100 times that and more)."""
    form, data = value
    if form != 2:
        raise UnreadableError("an entry of its protocol buffers is no message")
    if key >= 100:
        inner = grouped(data).get(key // 100)
        return entry_name(inner[-1], key % 100) if inner else ""
    named = grouped(data).get(key)
    if not named:
        return ""
    form, data = named[-1]
    return bytes(data).decode("utf-8", "surrogateescape") if form == 2 else str(data)


def bytes_leaf(data: bytes) -> Scalar:
    """The leaf for bytes: themselves, or their digest."""
    if len(data) <= 256:
        return Scalar("bytes", repr(data))
    return Scalar("bytes", f"{len(data)} bytes {sha256_bytes(data)}")


def array_leaf(values: np.ndarray[Any, Any]) -> Leaf:
    """The leaf for an array in memory."""
    flat = np.ascontiguousarray(values).reshape(-1)
    return dense(flat.view(np.uint8), flat.dtype, values.shape)


def _raw(form: int, value: Any) -> Scalar:
    return bytes_leaf(bytes(value)) if isinstance(value, memoryview) else Scalar(f"wire type {form}", str(value))
