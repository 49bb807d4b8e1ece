"""PyTorch's values: tensors of every layout, modules, optimizers, schedulers, scalers, generators."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from reprokit.compare.files.content import Scalar
from reprokit.compare.values.arrays import bits_leaf
from reprokit.compare.values.node import Branch, Node, Same, mapping_branch, unreadable

_SPARSE = {
    "sparse_coo": ("_indices", "_values"),
    "sparse_csr": ("crow_indices", "col_indices", "values"),
    "sparse_csc": ("ccol_indices", "row_indices", "values"),
    "sparse_bsr": ("crow_indices", "col_indices", "values"),
    "sparse_bsc": ("ccol_indices", "row_indices", "values"),
}


def read(value: Any) -> Node | None:
    """The node for one of PyTorch's values, or None if it is none."""
    torch = sys.modules["torch"]
    if isinstance(value, torch.Tensor):
        return _tensor(torch, value)
    if isinstance(value, torch.nn.Module):
        return mapping_branch(f"module {type(value).__qualname__}", {**value.state_dict(), **_measured(value)})
    if isinstance(value, torch.Generator):
        return Branch("torch generator", [("state", value.get_state())])
    if isinstance(value, (torch.dtype, torch.device, torch.layout, torch.memory_format)):
        return Scalar("torch", str(value))
    if isinstance(value, torch.Size):
        return Same(tuple(value))
    return None


def _measured(module: Any) -> Mapping[str, Any]:
    """What a metric of torchmetrics has gathered, which is in no ``state_dict`` unless its author says so."""
    state = getattr(module, "metric_state", None)
    return state if isinstance(state, Mapping) else {}


def _tensor(torch: Any, tensor: Any) -> Node:
    name = str(tensor.dtype).removeprefix("torch.")
    what = f"a tensor {name}{list(tensor.shape)}" if not tensor.is_nested else "a nested tensor"
    try:
        with torch.no_grad(), torch._C.DisableTorchFunctionSubclass():
            return _content(torch, tensor, name)
    except (RuntimeError, NotImplementedError, TypeError, ValueError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise unreadable(f"{what} on {tensor.device.type}", first) from error


def _content(torch: Any, tensor: Any, name: str) -> Node:
    local = getattr(tensor, "_local_tensor", None)
    if local is not None:
        return Branch(f"the part of {name}{list(tensor.shape)} on this rank", [("local", local)])
    if tensor.is_nested:
        parts = [(str(number), part) for number, part in enumerate(tensor.unbind())]
        return Branch(f"nested tensor of {len(parts)}", parts)
    if tensor.is_meta:
        raise ValueError("it lies on the meta device and has no elements")
    plain = tensor.detach()
    layout = str(plain.layout).removeprefix("torch.")
    if layout in _SPARSE:
        # As they are stored: coalescing would hide in which order an operation left them.
        parts = [(part.lstrip("_"), getattr(plain, part)()) for part in _SPARSE[layout]]
        return Branch(f"{layout} {name}{list(plain.shape)}", parts)
    if layout != "strided":
        return Branch(f"{layout} tensor", [("dense", plain.to_dense())])
    if plain.is_quantized:
        return _quantised(torch, plain, name)
    plain = plain.cpu().resolve_conj().resolve_neg().contiguous()
    raw = plain.flatten().view(torch.uint8) if plain.numel() else torch.empty(0, dtype=torch.uint8)
    return bits_leaf(raw.numpy(), name, tuple(tensor.shape))


def _quantised(torch: Any, tensor: Any, name: str) -> Branch:
    """Stored integers with the scales that give them meaning."""
    parts = [("integers", tensor.int_repr())]
    if tensor.qscheme() in {torch.per_tensor_affine, torch.per_tensor_symmetric}:
        parts += [("scale", tensor.q_scale()), ("zero-point", tensor.q_zero_point())]
    else:
        parts += [("scale", tensor.q_per_channel_scales()), ("zero-point", tensor.q_per_channel_zero_points())]
        parts += [("axis", tensor.q_per_channel_axis())]
    return Branch(f"{name} {tensor.qscheme()}", parts)
