"""From inert pickle nodes to a flat mapping of leaves.

What counts as content: values, types, class names and the order of lists. What does not: the order of dictionaries
and sets, which objects are shared, and how the pickle spelled an object. Work is linear in the pickle's size: a node
that is met again is expanded again only while a budget lasts, since a few hundred bytes of nested sharing can stand
for 2**100 values; after that it is reported as "same as", and so is a node inside itself.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any

from reprokit.compare.files import numpy_nodes, torch_nodes
from reprokit.compare.files.content import Leaf, Paths, Scalar, Structure, Tensor, key_part, scalar_of
from reprokit.compare.files.pickle_nodes import Blob, Global, Object, Pairs, Ready, Reference, Sequence, path_of
from reprokit.compare.files.unreadable import UnreadableError
from reprokit.digest import sha256_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from reprokit.compare.files.limits import Budget
    from reprokit.compare.files.torch_nodes import Storages

_MAX_DEPTH = 256
_MAX_SET_DEPTH = 8
_CONTAINERS = (Sequence, Pairs, Object)
Children = list[tuple[str, Any]]


class Flattener:
    """Turns nodes into leaves.

    Args:
        budget: pays for tensors' views.
        storages: finds the bytes behind a persistent id; None outside of PyTorch's files.
        opcodes: the size of the pickle, from which the budget for repeated expansion follows.
        text: what is made of texts, as values and as keys (`Options.text`).
    """

    def __init__(
        self, budget: Budget, storages: Storages | None = None, opcodes: int = 0, *,
        text: Callable[[str], str] = str, set_depth: int = 0,
    ) -> None:  # fmt: skip
        self.leaves: dict[str, Leaf] = {}
        self._budget = budget
        self._storages = storages
        self._opcodes = opcodes
        self._text = text
        self._set_depth = set_depth
        self._repeats = 20_000 + opcodes // 2
        self._left = 100_000 + 2 * opcodes
        self._paths = Paths()
        self._first: dict[int, str] = {}
        self._active: dict[int, str] = {}
        self._kept: list[Children] = []

    def add(self, path: str, node: Any) -> None:
        """Adds the leaves of a node under a path.

        Raises:
            UnreadableError: it is nested too deeply, or a tensor in it is not valid.
        """
        # An explicit stack: a pickle may nest more deeply than Python may recurse.
        todo: list[tuple[str, Any, int, bool]] = [(path, node, 0, False)]
        while todo:
            where, item, depth, leave = todo.pop()
            if leave:
                self._active.pop(id(item), None)
                continue
            if depth > _MAX_DEPTH:
                raise UnreadableError(f"its pickle is nested more than {_MAX_DEPTH} levels deep")
            children = self._visit(where, item)
            if children:
                self._spend(len(children))
                self._active[id(item)] = where
                todo.append((where, item, depth, True))
                todo += [
                    (self._paths.join(where, part) if part else where, child, depth + 1, False)
                    for part, child in reversed(children)
                ]

    def _spend(self, children: int) -> None:
        """Counts what was expanded: calls may share their arguments without any container being met again."""
        self._left -= children
        if self._left < 0:
            raise UnreadableError("its pickle stands for far more values than it holds")

    def _visit(self, path: str, node: Any) -> Children:
        """Writes a node's own leaf and gives its children, each with its part of the path."""
        if isinstance(node, _CONTAINERS):
            if (again := self._met_again(path, node)) is not None:
                self._put(path, again)
                return []
            if isinstance(node, Object):
                return self._object(path, node)
            return self._pairs(path, node, "dict") if isinstance(node, Pairs) else self._sequence(path, node)
        self._put(path, self._single(node))
        return []

    def _met_again(self, path: str, node: Any) -> Leaf | None:
        """What stands for a container that is inside itself, or repeated too often; None if it is to be expanded."""
        if id(node) in self._active:
            return Structure(f"same as /{self._active[id(node)]}")
        if id(node) in self._first:
            items = node.pairs if isinstance(node, Object) else node.items
            self._repeats -= 1 + len(items)
            if self._repeats < 0:
                return Structure(f"same as /{self._first[id(node)]}")
        else:
            self._first[id(node)] = path
        return None

    def _put(self, path: str, leaf: Leaf) -> None:
        if path in self.leaves:
            raise UnreadableError("two of its values have the same path")
        if isinstance(leaf, Tensor):
            # One array may be named a million times, and a stride of 0 repeats elements for nothing.
            self._budget.spend(leaf.nbytes)
        self.leaves[path] = leaf

    def _single(self, node: Any) -> Leaf:
        if isinstance(node, Ready):
            return node.leaf
        if isinstance(node, Reference):
            return torch_nodes.stored_leaf(node, self._storages)
        self._budget.spend(_weight(node))
        return _value(self._text(node) if isinstance(node, str) else node)

    def _sequence(self, path: str, node: Sequence) -> Children:
        self._put(path, Structure(f"{node.kind} of {len(node.items)}"))
        if node.kind in {"set", "frozenset"}:
            self._spend(len(node.items))
            parts = Counter(self._member(item) for item in node.items)
            for part in sorted(parts):
                self._put(self._paths.join(path, part), Scalar("member", str(parts[part])))
            return []
        return [(str(i), item) for i, item in enumerate(node.items)]

    def _pairs(self, path: str, node: Pairs, text: str) -> Children:
        children = self._keyed(node.items)
        self._put(path, Structure(text))
        return children

    def _keyed(self, items: list[tuple[Any, Any]]) -> Children:
        """The values of a dict, by key: texts and numbers in sorted order, other keys by place."""
        plain: dict[str, Any] = {}
        moved: dict[str, str] = {}
        rest: Children = []
        for key, value in items:
            part = self._part(key)
            if part is not None:
                if isinstance(key, str) and moved.setdefault(part, key) != key:
                    raise UnreadableError("two of its keys name the same path")
                plain[part] = value  # set twice: the later one holds, as in a dict
            else:
                rest += [(f"<key {len(rest) // 2}>", key), (f"<value {len(rest) // 2}>", value)]
        return sorted(plain.items()) + rest

    def _part(self, key: Any) -> str | None:
        self._budget.spend(_weight(key))
        return _plain_part(self._text(key) if isinstance(key, str) else key)

    def _member(self, node: Any) -> str:
        """A set's member as a part of a path: the member itself, or a digest of its content."""
        part = self._part(node)
        if part is not None:
            return part
        if self._set_depth >= _MAX_SET_DEPTH:
            raise UnreadableError("its pickle nests sets too deeply")
        inner = Flattener(self._budget, self._storages, self._opcodes, text=self._text, set_depth=self._set_depth + 1)
        inner._repeats = min(self._repeats, inner._repeats)
        inner.add("", node)
        self._repeats = inner._repeats - len(inner.leaves)
        if self._repeats < 0:
            raise UnreadableError("its sets repeat too much content")
        state = hashlib.blake2b(digest_size=16)
        for path, leaf in inner.leaves.items():
            state.update(repr((path, _fingerprint(leaf))).encode("utf-8", "surrogatepass"))
        return f"<member {state.hexdigest()}>"

    def _object(self, path: str, node: Object) -> Children:
        """An object's own leaf and its parts; arrays and tensors become one leaf."""
        if (place := path_of(node)) is not None:
            self._budget.spend(len(place))
            self._put(path, Scalar(node.name, self._text(place)))
            return []
        found = numpy_nodes.interpret(node)
        if found is None:
            found = torch_nodes.interpret(node, self._storages)
        if isinstance(found, list):
            self._kept.append(found)  # nodes are told apart by id, so none may be freed meanwhile
            return found
        if found is not None:
            self._put(path, found)
            return []
        return self._opaque(path, node)

    def _opaque(self, path: str, node: Object) -> Children:
        """The class's name and what was given to it, whatever the class may be."""
        given = node.args.items if isinstance(node.args, Sequence) and node.args.kind == "tuple" else None
        if given and self._met_again(path, node.args):
            given = None  # shared too often to be written out once more
        state = node.states[0] if len(node.states) == 1 else None
        # Attributes stand directly below the object where nothing else does: `args/learning_rate`.
        bare = isinstance(state, Pairs) and not node.pairs and not node.items
        tags = [
            f"{len(given)} arguments" if given else "",
            f"{len(node.items)} items" if node.items else "",
            "keys" if node.pairs else "",
            "attributes" if bare else "state" if node.states else "",
        ]
        self._put(path, Structure(" ".join([f"object {node.name or '(made by a call)'}", *filter(None, tags)])))
        children: Children = [] if node.name else [("<class>", node.cls)]
        if given is None:
            children.append(("<arguments>", node.args))
        else:
            children += [(f"<argument {i}>", item) for i, item in enumerate(given)]
        children += [(f"<item {i}>", item) for i, item in enumerate(node.items)]
        children += self._keyed(node.pairs)
        if bare and isinstance(state, Pairs):
            return children + self._keyed(state.items)
        return children + [(f"<state {i}>" if i else "<state>", item) for i, item in enumerate(node.states)]


def _weight(node: Any) -> int:
    """What writing a value out costs; the same long text may be named a million times."""
    if isinstance(node, str):
        return len(node)
    if isinstance(node, Blob):
        return int(node.data.size)
    if isinstance(node, Sequence):
        return sum(_weight(item) for item in node.items[:17] if not isinstance(item, Sequence))
    return node.bit_length() // 4 if isinstance(node, int) else 0  # a hexadecimal digit for four bits


def _value(node: Any) -> Scalar:
    """The leaf of something that has no parts."""
    match node:
        case Global(name=name):
            return Scalar("global", name)
        case Blob(kind=kind, data=data) if data.size <= 64:
            return Scalar(kind, repr(data.tobytes()))
        case Blob(kind=kind, data=data):
            return Scalar(kind, f"{data.size} bytes {sha256_bytes(data.data)}")
    return scalar_of(node)


def _plain_part(key: Any) -> str | None:
    """A key or member as a part of a path, if it is a text, a number, None, or a short tuple of such."""
    if isinstance(key, str):
        return key_part(key)
    if type(key) is int and key.bit_length() < 256:
        return str(key)
    if key is None or isinstance(key, bool | int | float | complex | Blob | Global):
        leaf = _value(key)
        return "<" + key_part(f"{leaf.type} {leaf.text}") + ">"
    if isinstance(key, Sequence) and key.kind == "tuple" and len(key.items) <= 16:
        parts = [part for item in key.items if not isinstance(item, Sequence) and (part := _plain_part(item))]
        if len(parts) == len(key.items):
            return "<tuple " + key_part(",".join(part.replace("~", "~0").replace(",", "~2") for part in parts)) + ">"
    return None


def _fingerprint(leaf: Leaf) -> object:
    """What of a leaf goes into a set member's digest."""
    if not isinstance(leaf, Tensor):
        return leaf
    state = hashlib.blake2b(digest_size=16)
    for block in leaf.blocks(1 << 20):
        state.update(block.tobytes())
    return (leaf.dtype, leaf.shape, state.hexdigest())
