"""PyTorch's objects inside a pickle: tensors and storages, recognised by the calls that would make them.

The calls are the functions of `torch/_utils.py` and `torch/_tensor.py`. Every view is checked against its storage.
Calls that are not known here (sparse, nested and wrapped tensors, devices, layouts) stay structure, and the tensors
inside them are found on the way down.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from reprokit.compare.files.arrays import dense, strided
from reprokit.compare.files.dtypes import storage_dtype
from reprokit.compare.files.pickle_nodes import Blob, Global, Object, Pairs, Ready, Reference, Sequence
from reprokit.compare.files.unreadable import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from reprokit.compare.files.content import Leaf, Tensor
    from reprokit.compare.files.source import Bytes

Array = np.ndarray[Any, Any]
Children = list[tuple[str, Any]]

_STORAGE_TYPES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
    "QInt8Storage": "qint8",
    "QUInt8Storage": "quint8",
    "QInt32Storage": "qint32",
    "QUInt4x2Storage": "quint4x2",
    "QUInt2x4Storage": "quint2x4",
    "UntypedStorage": "uint8",
}
_PLAIN_TENSORS = {"torch._tensor.Tensor", "torch.Tensor", "torch.nn.parameter.Parameter", "torch.nn.Parameter"}


@dataclass(frozen=True)
class Storage:
    """The bytes of a storage and the type of its elements."""

    data: Bytes
    dtype: str
    order: str = "<"


class Storages(Protocol):
    """Finds the storage behind a persistent id or behind the bytes of a nested file.

    Both raise `UnreadableError` if there is none.
    """

    def behind(self, pid: Any) -> Storage: ...  # noqa: D102

    def nested(self, data: Bytes) -> Storage: ...  # noqa: D102


def storage_type(node: Any) -> str:
    """The element type of a storage class: ``torch.FloatStorage`` gives ``float32``.

    Raises:
        UnreadableError: it is not a storage class.
    """
    found = _STORAGE_TYPES.get(node.name.rpartition(".")[2]) if isinstance(node, Global) else None
    if found is None:
        raise UnreadableError("a tensor's storage has an unknown type")
    return found


def interpret(  # noqa: PLR0911 - one case for each function of PyTorch
    node: Object, storages: Storages | None
) -> Leaf | Children | None:
    """The leaf for a tensor, children where it must be read further, None for everything else.

    Raises:
        UnreadableError: a tensor leaves its storage, or has none.
    """
    module, _, function = node.name.rpartition(".")
    args = node.arguments()
    if module not in {"torch._utils", "torch._tensor", "torch.storage"} or storages is None:
        return None
    match function, args:
        case "_rebuild_tensor" | "_rebuild_tensor_v2", [storage, offset, size, stride, *rest]:
            return _tensor(storages, storage, (offset, size, stride), dtype=None, metadata=(rest + [None] * 3)[2])
        case "_rebuild_tensor_v3", [storage, offset, size, stride, _, _, Global(name=dtype), *rest]:
            return _tensor(storages, storage, (offset, size, stride), dtype=dtype, metadata=rest[0] if rest else None)
        case "_rebuild_qtensor", [storage, offset, size, stride, quantizer, *_]:
            codes = _tensor(storages, storage, (offset, size, stride), dtype=None, metadata=None)
            return [("", Ready(codes)), ("<quantizer>", quantizer)]
        case "_rebuild_parameter", [data, *_]:
            return [("", data)]
        case "_rebuild_parameter_with_state", [data, _, _, state]:
            return [("", data), ("<state>", state)]
        case "_rebuild_from_type_v2", [inner, kind, inner_args, state]:
            plain = isinstance(kind, Global) and kind.name in _PLAIN_TENSORS
            children: Children = [("", Object(inner, inner_args)), ("<state>", state)]
            return children if plain else [*children, ("<type>", kind)]
        case "_load_from_bytes", [Blob(data=data)]:
            return _storage_leaf(storages.nested(data))
    return None


def stored_leaf(node: Reference, storages: Storages | None) -> Leaf:
    """The leaf for a storage that stands alone, or for a persistent id that is none of PyTorch's.

    Raises:
        UnreadableError: the storage is missing.
    """
    if storages is None:
        raise UnreadableError("its pickle points at objects outside itself")
    return _storage_leaf(storages.behind(node.pid))


def _storage_leaf(storage: Storage) -> Tensor:
    stored = storage_dtype(storage.dtype).newbyteorder("<" if storage.order == "<" else ">")
    count = storage.data.size // stored.itemsize
    return dense(storage.data, stored, (int(count),), name=storage.dtype)


def _tensor(
    storages: Storages, storage: Any, place: tuple[Any, Any, Any], *, dtype: str | None, metadata: Any
) -> Tensor:
    """A tensor over a storage.

    Args:
        storages: finds the storage.
        storage: the node that stands for it.
        place: offset, size and stride, the latter two as sequences.
        dtype: ``torch.uint16`` where the storage does not say it.
        metadata: a mapping with ``conj`` and ``neg`` if those operations were put off.
    """
    offset, size, stride = place
    if not isinstance(size, Sequence | Object) or not isinstance(stride, Sequence):
        raise UnreadableError("a tensor in its pickle has no shape")
    found = _find(storages, storage)
    name = dtype.removeprefix("torch.") if dtype else found.dtype
    return strided(
        found.data,
        name,
        offset=offset,
        shape=tuple(_shape(size)),
        stride=tuple(stride.items),
        order=found.order,
        change=_pending(name, metadata),
    )


def _shape(size: Sequence | Object) -> list[Any]:
    if isinstance(size, Sequence):
        return size.items
    match size.name, size.arguments():
        case "torch.Size", [Sequence(items=items)]:
            return items
    raise UnreadableError("a tensor in its pickle has no shape")


def _find(storages: Storages, node: Any) -> Storage:
    match node:
        case Reference(pid=pid):
            return storages.behind(pid)
        case Object(cls=Global(name="torch.storage._load_from_bytes"), args=Sequence(items=[Blob(data=data)])):
            return storages.nested(data)
    raise UnreadableError("a tensor in its pickle has no storage")


def _pending(name: str, metadata: Any) -> Callable[[Array], Array] | None:
    """What `torch._utils.set_tensor_metadata` would leave to be done when the tensor is read."""
    flags = dict(metadata.items) if isinstance(metadata, Pairs) and _text_keys(metadata) else {}
    conj, neg = flags.get("conj") is True, flags.get("neg") is True
    if not conj and not neg:
        return None
    if name not in {"complex64", "complex128", "float32", "float64"}:
        raise UnreadableError(f"a tensor of type {name} has a pending conjugation or negation")

    def change(block: Array) -> Array:
        block = np.conj(block) if conj else block
        return np.negative(block) if neg else block

    return change


def _text_keys(metadata: Pairs) -> bool:
    return all(isinstance(key, str) for key, _ in metadata.items)
