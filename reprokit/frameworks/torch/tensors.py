"""Digests of torch tensors, without changing anything about them.

CPU tensors are read through their data pointer: ``tensor.numpy()`` would mark the storage as not resizable, and a
later ``resize_`` in the script would raise. Tensors on an accelerator are hashed there (see `device_hash`).
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

from reprokit.digest import array_header

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reprokit.digest import TensorHash

NOT_DIGESTED = bytes(16)
ABSENT = b"absent".ljust(16, b"\0")
"""Stands for a tensor that is not there, such as the gradient of a parameter that took no part in the loss."""

_ARRAYS: dict[int, Any] = {}


def _buffer(pointer: int, size: int) -> Any:
    array = _ARRAYS.get(size)
    if array is None:
        if len(_ARRAYS) > 4096:
            _ARRAYS.clear()
        array = _ARRAYS[size] = ctypes.c_char * size
    return array.from_address(pointer)


def _pointer(tensor: Any) -> int:
    """Where the bytes of a contiguous CPU tensor lie; 0 when it has none: wrappers, and storages that were released."""
    if getattr(tensor, "fake_mode", None) is not None:  # it would warn
        return 0
    try:
        end = (tensor.storage_offset() + tensor.numel()) * tensor.element_size()
        return int(tensor.data_ptr()) if end <= tensor.untyped_storage().nbytes() else 0
    except (RuntimeError, NotImplementedError):
        return 0


def lazy(tensor: Any) -> bool:
    """Whether a tensor of a lazy module has no shape yet; its first call turns the same object into a plain one."""
    return hasattr(type(tensor), "materialize")


class Slot:
    """What is remembered of the tensor that stood at one place of a block the last time.

    The buffer is used again only when pointer, size in bytes and dtype are the same and the tensor is contiguous.
    """

    __slots__ = ("buffer", "dtype", "pointer", "seed", "size")

    def __init__(self) -> None:
        self.pointer = -1
        self.size = -1
        self.dtype: Any = None
        self.buffer: Any = None
        self.seed: Any = None


class TensorDigester:
    """Digests tensors with the recorder's hash."""

    def __init__(self, torch: Any, hasher: TensorHash) -> None:
        self._torch = torch
        self._prepare = hasher.prepare
        self._digest = hasher.digest
        self.device_tensors = 0

    def slots(self, count: int) -> list[Slot]:
        """Fresh slots for a block of ``count`` tensors."""
        return [Slot() for _ in range(count)]

    def digest_all(self, tensors: Iterable[Any], slots: list[Slot]) -> bytes:
        """16 bytes a tensor; `ABSENT` for None, `NOT_DIGESTED` for what cannot be read."""
        out: list[bytes] = []
        elsewhere: list[tuple[int, Any]] = []
        digest = self._digest
        for tensor, slot in zip(tensors, slots, strict=True):
            if tensor is None:
                out.append(ABSENT)
                continue
            try:
                known = (
                    tensor.nbytes == slot.size  # first: it is -1 for what must not be asked for its pointer
                    and tensor.data_ptr() == slot.pointer
                    and tensor.dtype is slot.dtype
                    and tensor.is_contiguous()
                )
            except (RuntimeError, NotImplementedError):  # sparse, fake and wrapper tensors have no pointer
                known = False
            if not known and (there := self._on_device(tensor)) is not None:
                elsewhere.append((len(out), there))
                out.append(NOT_DIGESTED)
                continue
            out.append(digest(slot.seed, slot.buffer) if known else self._slow(tensor, slot))
        if elsewhere:
            self._fill(out, elsewhere)
        return b"".join(out)

    def _on_device(self, tensor: Any) -> Any:
        """The tensor, or its local part, if it is a plain one on an accelerator; else None."""
        local = getattr(tensor, "_local_tensor", tensor)
        plain = local.layout is self._torch.strided and local.device.type not in ("cpu", "meta")
        return local if plain and getattr(local, "fake_mode", None) is None else None

    def _fill(self, digests: list[bytes], tensors: list[tuple[int, Any]]) -> None:
        """Digests tensors on accelerators together, a transfer a device: to wait for each would stall the device."""
        from reprokit.frameworks.torch.device_hash import device_digests

        self.device_tensors += len(tensors)
        for device in dict.fromkeys(tensor.device for _, tensor in tensors):
            here = [(place, tensor) for place, tensor in tensors if tensor.device == device]
            with self._torch.no_grad():
                found = device_digests(self._torch, [tensor for _, tensor in here])
            for (place, _), digest in zip(here, found, strict=True):
                digests[place] = digest

    def one(self, tensor: Any) -> bytes:
        """The digest of one tensor that is not expected to come again."""
        return self._slow(tensor, Slot())

    def _slow(self, tensor: Any, slot: Slot) -> bytes:
        slot.pointer = slot.size = -1
        torch = self._torch
        with torch.no_grad():
            local = getattr(tensor, "_local_tensor", None)
            if local is not None:
                tensor = local
            if tensor.layout is not torch.strided:
                return self._sparse(tensor)
            if tensor.is_meta or lazy(tensor):
                return NOT_DIGESTED
            if tensor.device.type != "cpu":
                from reprokit.frameworks.torch.device_hash import device_digest

                self.device_tensors += 1
                return device_digest(torch, tensor)
            plain = tensor.detach()
            if plain.is_conj() or plain.is_neg():
                plain = plain.resolve_conj().resolve_neg()
            remember = plain.is_contiguous() and not plain.is_complex()  # a conjugate view has the same pointer
            plain = plain.contiguous()
            dtype = str(plain.dtype).removeprefix("torch.")
            seed = self._prepare(array_header(dtype, plain.shape))
            size = plain.nbytes
            if size == 0:
                return self._digest(seed, b"")
            pointer = _pointer(plain)
            if not pointer:
                return NOT_DIGESTED
            buffer = _buffer(pointer, size)
            if remember and not tensor.is_neg():
                slot.pointer, slot.size, slot.dtype, slot.buffer, slot.seed = pointer, size, plain.dtype, buffer, seed
            return self._digest(seed, buffer)

    def _sparse(self, tensor: Any) -> bytes:
        """A sparse tensor: its indices and values as they are stored, not coalesced (that would change it)."""
        parts = {
            self._torch.sparse_coo: ("_indices", "_values"),
            self._torch.sparse_csr: ("crow_indices", "col_indices", "values"),
            self._torch.sparse_csc: ("ccol_indices", "row_indices", "values"),
        }.get(tensor.layout)
        if parts is None:
            return NOT_DIGESTED
        joined = b"".join(self._slow(getattr(tensor, part)(), Slot()) for part in parts)
        return self._digest(self._prepare(array_header(f"sparse:{tensor.dtype}", tensor.shape)), joined)

    def scalar(self, value: Any) -> bytes:
        """The digest of a number, string or None that stands beside tensors."""
        return self._digest(self._prepare(f"{type(value).__name__}|".encode()), repr(value).encode())

    def raw(self, tensor: Any) -> bytes:
        """The bytes of a small CPU tensor (a loss, an RNG state); none when it has no memory of its own."""
        plain = tensor.detach().contiguous()
        pointer = _pointer(plain) if plain.nbytes else 0
        return bytes(_buffer(pointer, plain.nbytes)) if pointer else b""
