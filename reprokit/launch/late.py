"""Which switches of a policy this process cannot take any more: they are read once, and that has happened."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from reprokit.policy.switches import SWITCHES

if TYPE_CHECKING:
    from reprokit.policy.policies import Policy

_OPENMP = ("numpy", "torch", "tensorflow", "sklearn", "xgboost", "lightgbm")
_READERS = {"omp.": _OPENMP, "mkl.": _OPENMP, "openblas.": ("numpy",), "numexpr.": ("numexpr",), "nccl.": ()}
"""Switches whose libraries come with several packages: beginning of the name -> modules that load them."""


def too_late(policy: Policy) -> list[str]:
    """A sentence for each switch of ``policy`` that needs a fresh process.

    A variable that has the policy's value already is not late, whoever set it.
    """
    return [
        f"{name} = {value} needs a fresh process: {reason}"
        for name, value in policy.switches.items()
        if (reason := _reason(name, value))
    ]


def _reason(name: str, value: object) -> str:
    record = SWITCHES[name]
    if record.variable is None or record.holds(value, os.environ.get(record.variable, "")):
        return ""
    if name == "python.hash_seed" or name.startswith("system."):
        return f"{record.variable} is read when Python starts"
    if name == "cublas.workspace":
        return f"CUDA, which reads {record.variable}, is in use" if _cuda() else ""
    if name == "jax.xla_flags":
        return f"XLA, which reads {record.variable}, is in use" if _xla() else ""
    readers = next((modules for start, modules in _READERS.items() if name.startswith(start)), record.frameworks)
    loaded = [module for module in readers if module in sys.modules]
    return f"{loaded[0]}, which reads {record.variable}, is imported" if loaded else ""


def _cuda() -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and bool(torch.cuda.is_initialized())


def _xla() -> bool:
    """Whether JAX or TensorFlow has made a device. JAX says so only in private; in doubt it has."""
    bridge = sys.modules.get("jax._src.xla_bridge")
    return bool(getattr(bridge, "_backends", bridge is not None)) or "tensorflow" in sys.modules
