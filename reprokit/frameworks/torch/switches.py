"""Sets and reads back the determinism switches of PyTorch (the records are in `reprokit.policy.switches`)."""

from __future__ import annotations

from typing import Any


def apply_all(torch: Any, switches: dict[str, Any]) -> None:
    """Applies switches by name; a switch that this version of PyTorch lacks is passed over (it reads back as None)."""
    for name, value in switches.items():
        if name == "torch.deterministic_algorithms":
            torch.use_deterministic_algorithms(bool(value), warn_only=value == "warn")
        elif name == "torch.fill_uninitialized_memory":
            torch.utils.deterministic.fill_uninitialized_memory = bool(value)
        elif name == "torch.cudnn.benchmark":
            torch.backends.cudnn.benchmark = bool(value)
        elif name == "torch.cudnn.deterministic":
            torch.backends.cudnn.deterministic = bool(value)
        elif name == "torch.num_threads":
            torch.set_num_threads(int(value))


def read_all(torch: Any) -> dict[str, Any]:
    """Every switch as it is now, read back from PyTorch: a script can undo what a policy set."""
    mode: Any = False
    if torch.are_deterministic_algorithms_enabled():
        mode = "warn" if torch.is_deterministic_algorithms_warn_only_enabled() else True
    return {
        "torch.version": str(torch.__version__),
        "torch.deterministic_algorithms": mode,
        "torch.fill_uninitialized_memory": bool(torch.utils.deterministic.fill_uninitialized_memory),
        "torch.cudnn.benchmark": bool(torch.backends.cudnn.benchmark),
        "torch.cudnn.deterministic": bool(torch.backends.cudnn.deterministic),
        "torch.num_threads": int(torch.get_num_threads()),
        "torch.float32_matmul_precision": str(torch.get_float32_matmul_precision()),
        "torch.cpu_capability": str(torch.backends.cpu.get_cpu_capability()),
    }
