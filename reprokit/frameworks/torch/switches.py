"""Sets and reads back the determinism switches of PyTorch (the records are in `reprokit.policy.switches`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reprokit.frameworks.torch.loaders import generators_of_loaders, set_generators_of_loaders

if TYPE_CHECKING:
    from collections.abc import Callable

_FALSE = (False, 0, "0", "off", "false", "False")
_ATTRIBUTES = {
    "torch.fill_uninitialized_memory": ("utils.deterministic.fill_uninitialized_memory", bool),
    "torch.cudnn.benchmark": ("backends.cudnn.benchmark", bool),
    "torch.cudnn.deterministic": ("backends.cudnn.deterministic", bool),
    "torch.cudnn.allow_tf32": ("backends.cudnn.allow_tf32", bool),
    "torch.cudnn.conv.fp32_precision": ("backends.cudnn.conv.fp32_precision", str),
    "torch.mkldnn.matmul.fp32_precision": ("backends.mkldnn.matmul.fp32_precision", str),
    "torch.cuda.matmul.allow_tf32": ("backends.cuda.matmul.allow_tf32", bool),
    "torch.cuda.matmul.fp32_precision": ("backends.cuda.matmul.fp32_precision", str),
    "torch.cuda.matmul.allow_fp16_reduced_precision_reduction": (
        "backends.cuda.matmul.allow_fp16_reduced_precision_reduction", bool,
    ),
    "torch.cuda.matmul.allow_bf16_reduced_precision_reduction": (
        "backends.cuda.matmul.allow_bf16_reduced_precision_reduction", bool,
    ),
    "torch.cuda.matmul.allow_fp16_accumulation": ("backends.cuda.matmul.allow_fp16_accumulation", bool),
}  # fmt: skip
"""Switch -> where in ``torch`` it stands, and its type."""
_KERNELS = ("flash", "mem_efficient", "cudnn", "math")


def _owner(torch: Any, path: str) -> tuple[Any, str]:
    *outer, name = path.split(".")
    for part in outer:
        torch = getattr(torch, part)
    return torch, name


def _get_algorithms(torch: Any) -> Any:
    if not torch.are_deterministic_algorithms_enabled():
        return False
    return "warn" if torch.is_deterministic_algorithms_warn_only_enabled() else True


def _set_algorithms(torch: Any, value: Any) -> None:
    torch.use_deterministic_algorithms(value not in _FALSE, warn_only=value == "warn")


def _get_kernels(torch: Any) -> str:
    cuda = torch.backends.cuda
    return ",".join(kind for kind in _KERNELS if getattr(cuda, f"{kind}_sdp_enabled", bool)())


def _set_kernels(torch: Any, value: Any) -> None:
    wanted = str(value).split(",")
    for kind in _KERNELS:
        enable = getattr(torch.backends.cuda, f"enable_{kind}_sdp", None)
        if enable is not None:
            enable(kind in wanted)


_CALLS: dict[str, tuple[Callable[[Any], Any], Callable[[Any, Any], None]]] = {
    "torch.deterministic_algorithms": (_get_algorithms, _set_algorithms),
    "torch.sdpa": (_get_kernels, _set_kernels),
    "torch.float32_matmul_precision": (
        lambda torch: str(torch.get_float32_matmul_precision()),
        lambda torch, value: torch.set_float32_matmul_precision(str(value)),
    ),
    "torch.num_threads": (
        lambda torch: int(torch.get_num_threads()), lambda torch, value: torch.set_num_threads(int(value)),
    ),
    "torch.num_interop_threads": (
        lambda torch: int(torch.get_num_interop_threads()),
        lambda torch, value: torch.set_num_interop_threads(int(value)),
    ),
    "torch.dataloader_generators": (generators_of_loaders, set_generators_of_loaders),
}  # fmt: skip
"""Switch -> how it is read and set, where that takes a call."""


def _set(torch: Any, name: str, value: Any) -> None:
    if name in _CALLS:
        _CALLS[name][1](torch, value)
        return
    path, kind = _ATTRIBUTES[name]
    owner, attribute = _owner(torch, path)
    before = getattr(owner, attribute)  # an unknown attribute would be set on a module without any effect
    wanted = value not in _FALSE if kind is bool else kind(value)
    if wanted != before:
        setattr(owner, attribute, wanted)


def apply_all(torch: Any, switches: dict[str, Any]) -> dict[str, str]:
    """Sets switches by name; never raises.

    Args:
        torch: the module.
        switches: name -> value, as their records spell it.

    Returns:
        Switch -> why it could not be set: this version lacks it, or refused it.
    """
    refused = {}
    for name, value in switches.items():
        try:
            _set(torch, name, value)
        except (KeyError, AttributeError):
            refused[name] = f"PyTorch {torch.__version__} does not have it"
        except Exception as error:  # noqa: BLE001 - whatever it is, the script must start
            refused[name] = f"{type(error).__name__}: {error}"
    return refused


def read_all(torch: Any) -> dict[str, Any]:
    """Every switch as it is now, read back from PyTorch: a script can undo what a policy set.

    What this version lacks is left out.
    """
    found: dict[str, Any] = {
        "torch.version": str(torch.__version__),
        "torch.cpu_capability": str(torch.backends.cpu.get_cpu_capability()),
    }
    for name in (*_CALLS, *_ATTRIBUTES):
        try:
            if name in _CALLS:
                found[name] = _CALLS[name][0](torch)
            else:
                owner, attribute = _owner(torch, _ATTRIBUTES[name][0])
                found[name] = _ATTRIBUTES[name][1](getattr(owner, attribute))
        except Exception:  # noqa: BLE001, S112 - old and new names of one setting exclude each other
            continue
    return found
