"""Files of ``torch.save``: the zip format (since 1.6), the older one, and TorchScript archives.

Both formats hold a pickle whose persistent ids point at storages; `torch/serialization.py` describes them. The two give
the same leaves for the same object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reprokit.compare.files import zips
from reprokit.compare.files.arrays import dense
from reprokit.compare.files.content import Leaf, Paths, key_part
from reprokit.compare.files.dtypes import storage_dtype
from reprokit.compare.files.pickle_leaves import Flattener
from reprokit.compare.files.pickle_machine import Machine
from reprokit.compare.files.pickle_nodes import Pairs, Reference, Sequence
from reprokit.compare.files.registry import Comparator
from reprokit.compare.files.source import part
from reprokit.compare.files.torch_nodes import Storage, storage_type
from reprokit.compare.files.unreadable import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reprokit.compare.files.content import Options
    from reprokit.compare.files.limits import Budget
    from reprokit.compare.files.source import Bytes, Source

_MAGIC = (0x1950A86A20F9469CFC6C).to_bytes(10, "little")
_MAX_NESTED = 4
_NOISE = {"version", "byteorder", ".format_version", ".storage_alignment", ".data/serialization_id"}
_PICKLES = {"data", "constants"}


class NestedStorages:
    """Storages of a plain pickle: each tensor carries a whole older file (`torch.storage._load_from_bytes`).

    Args:
        depth: how many files this one is nested in.
    """

    def __init__(self, depth: int = 0) -> None:
        self._depth = depth
        self._known: dict[int, Storage] = {}

    def behind(self, pid: Any) -> Storage:
        """Raises `UnreadableError`: a plain pickle has nothing outside itself."""
        del pid
        raise UnreadableError("its pickle points at objects outside itself")

    def nested(self, data: Bytes) -> Storage:
        """The storage that a nested file holds.

        Raises:
            UnreadableError: it holds something else, or files are nested too deeply.
        """
        place = data.__array_interface__["data"][0]
        if place not in self._known:
            if self._depth >= _MAX_NESTED:
                raise UnreadableError("its tensors are nested too deeply")
            node, _, storages = _legacy(data, self._depth + 1)
            if not isinstance(node, Reference):
                raise UnreadableError("a tensor in its pickle has no storage")
            self._known[place] = storages.behind(node.pid)
        return self._known[place]


class StoredTensors(NestedStorages):
    """Storages by key.

    Args:
        found: the bytes of each storage.
        order: ``<`` or ``>``.
        depth: how many files this one is nested in.
    """

    def __init__(self, found: Mapping[str, Bytes], order: str = "<", depth: int = 0) -> None:
        super().__init__(depth)
        self._found = found
        self._order = order

    def behind(self, pid: Any) -> Storage:
        """The storage for ``('storage', type, key, location, elements[, view])``.

        Raises:
            UnreadableError: there is no such storage, or it has another size.
        """
        match pid:
            case Sequence(items=["storage", kind, str(key), str(), int(count), *view]):
                data = self._found.get(key)
            case _:
                raise UnreadableError("its pickle points at something that is not a storage")
        if data is None:
            raise UnreadableError(f"storage {key[:40]!r} is missing")
        dtype = storage_type(kind)
        itemsize = storage_dtype(dtype).itemsize
        match view:
            case [Sequence(items=[_, int(offset), int(size)])]:
                data = part(data, offset * itemsize, size * itemsize)
            case _:
                data = part(data, 0, count * itemsize)
        return Storage(data, dtype, self._order)


def read_zip(source: Source, options: Options) -> dict[str, Leaf]:
    """Reads the zip format.

    Each pickle in the archive (``data.pkl``; in TorchScript also ``constants.pkl``) is read with the storages of the
    folder of its name. Other members are content too (TorchScript's code), but for those that only describe packing.

    Raises:
        UnreadableError: the archive or a pickle in it is damaged, or a tensor leaves its storage.
    """
    members = _rooted(zips.members(source))
    order = ">" if (mark := members.get("byteorder")) and mark.data().tobytes() == b"big" else "<"
    leaves: dict[str, Leaf] = {}
    for stem in _PICKLES & {name.removesuffix(".pkl") for name in members}:
        found = {name.removeprefix(f"{stem}/"): m.data() for name, m in members.items() if name.startswith(f"{stem}/")}
        storages = StoredTensors(found, order)
        prefix = "" if stem == "data" else f"<{stem}>"
        leaves |= _leaves(members[f"{stem}.pkl"].data(), storages, source.budget, prefix, options)
    paths = Paths()
    for name, member in sorted(members.items()):
        # TorchScript's .debug_pkl members hold the paths of source files.
        noise = name in _NOISE or name.endswith(".debug_pkl")
        if not noise and name.partition("/")[0].removesuffix(".pkl") not in _PICKLES:
            leaves[paths.join("<members>", key_part(name))] = dense(
                member.data(), storage_dtype("uint8"), (member.size,)
            )
    return leaves


def _rooted(members: dict[str, zips.Member]) -> dict[str, zips.Member]:
    """Members by their names below the archive's root folder, whose name is the file's and no content."""
    root = next((name.removesuffix("data.pkl") for name in members if _is_data(name)), None)
    if root is None or not all(name.startswith(root) for name in members):
        raise UnreadableError("it is not an archive of torch.save")
    return {name.removeprefix(root): member for name, member in members.items()}


def _is_data(name: str) -> bool:
    return name == "data.pkl" or (name.endswith("/data.pkl") and name.count("/") == 1)


def _leaves(data: Bytes, storages: StoredTensors, budget: Budget, prefix: str, options: Options) -> dict[str, Leaf]:
    machine = Machine(data)
    node = machine.load()
    return _flat(node, machine, storages, budget, prefix, options)


def _flat(
    node: Any, machine: Machine, storages: StoredTensors, budget: Budget, prefix: str, options: Options
) -> dict[str, Leaf]:
    flattener = Flattener(budget, storages, machine.opcodes, text=options.text)
    flattener.add(prefix, node)
    if machine.dropped:
        flattener.add(f"{prefix}/<dropped>".lstrip("/"), Sequence("list", machine.dropped))
    return flattener.leaves


def read_legacy(source: Source, options: Options) -> dict[str, Leaf]:
    """Reads the older format: pickles in a row, then the storages.

    Raises:
        UnreadableError: a pickle is damaged, or a tensor leaves its storage.
    """
    node, machine, storages = _legacy(source.data, 0)
    return _flat(node, machine, storages, source.budget, "", options)


def _legacy(data: Bytes, depth: int) -> tuple[Any, Machine, StoredTensors]:
    """Reads magic number, version, system, the object, the keys of its storages, and the storages."""
    at = 0
    parts: list[Any] = []
    machines: list[Machine] = []
    for _ in range(5):
        machines.append(Machine(data, at))
        parts.append(machines[-1].load())
        at = machines[-1].input.at
    magic, version, system, node, keys = parts
    if magic != int.from_bytes(_MAGIC, "little") or version != 1001 or not isinstance(keys, Sequence):
        raise UnreadableError("it is not a file of torch.save")
    order = "<"
    if isinstance(system, Pairs):
        order = next((">" for key, value in system.items if key == "little_endian" and value is False), "<")
    sizes = _element_sizes(machines[3])
    found: dict[str, Bytes] = {}
    for key in keys.items:
        if not isinstance(key, str) or key not in sizes:
            raise UnreadableError("one of its storages is not used by its pickle")
        count = int.from_bytes(part(data, at, 8).tobytes(), "little" if order == "<" else "big")
        found[key] = part(data, at + 8, count * sizes[key])
        at += 8 + int(found[key].size)
    if at != data.size:
        raise UnreadableError("bytes follow its last storage")
    return node, machines[3], StoredTensors(found, order, depth)


def _element_sizes(machine: Machine) -> dict[str, int]:
    """The element size of each storage that a pickle points at; the storages themselves do not say it."""
    sizes: dict[str, int] = {}
    for reference in machine.references:
        match reference.pid:
            case Sequence(items=["storage", kind, str(key), *_]):
                sizes[key] = storage_dtype(storage_type(kind)).itemsize
    return sizes


def _is_zip(source: Source) -> bool:
    return any(_is_data(name) for name in zips.names(source))


def _is_legacy(source: Source) -> bool:
    head = source.head(32)
    return head[:1] == b"\x80" and _MAGIC in head


# No suffixes: .pt, .pth, .ckpt, .bin and .model say nothing about the content.
TORCH_ZIP = Comparator("torch.save", (), read_zip, _is_zip)
TORCH_LEGACY = Comparator("torch.save", (), read_legacy, _is_legacy)
