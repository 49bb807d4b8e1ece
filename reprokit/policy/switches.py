"""Every switch: what it sets, for which framework, and where that is documented.

A switch with ``variable`` is set in the environment before the command starts; one without is applied by the
framework's adapter right after the framework has been imported. The adapter reads the value back at the first step and
at exit, because a script can undo it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_TORCH_NOTES = "https://docs.pytorch.org/docs/stable/notes/randomness.html"


@dataclass(frozen=True)
class Switch:
    """One thing that can be set for determinism."""

    name: str
    value: Any
    framework: str
    meaning: str
    source: str
    variable: str | None = None


DETERMINISTIC: tuple[Switch, ...] = (
    Switch(
        "cublas.workspace", ":4096:8", "torch", "cuBLAS takes fixed workspaces, so its reductions repeat",
        "https://docs.nvidia.com/cuda/cublas/#results-reproducibility", "CUBLAS_WORKSPACE_CONFIG",
    ),
    Switch(
        "torch.deterministic_algorithms", "warn", "torch",
        "operations use a deterministic kernel where there is one, and warn where there is none",
        "https://docs.pytorch.org/docs/stable/generated/torch.use_deterministic_algorithms.html",
    ),
    Switch(
        "torch.fill_uninitialized_memory", 1, "torch", "torch.empty() returns known values",
        "https://docs.pytorch.org/docs/stable/deterministic.html",
    ),
    Switch("torch.cudnn.benchmark", 0, "torch", "cuDNN does not choose kernels by timing them", _TORCH_NOTES),
    Switch("torch.cudnn.deterministic", 1, "torch", "cuDNN uses deterministic kernels", _TORCH_NOTES),
)  # fmt: skip
"""The policy ``deterministic``: everything that helps and leaves a working script working."""


def environment_of(policy: str) -> dict[str, str]:
    """Variables that a policy sets before the command starts."""
    if policy != "deterministic":
        return {}
    return {switch.variable: str(switch.value) for switch in DETERMINISTIC if switch.variable}


def calls_of(policy: str) -> dict[str, dict[str, Any]]:
    """What a policy sets after import: framework -> switch -> value."""
    calls: dict[str, dict[str, Any]] = {}
    if policy == "deterministic":
        for switch in DETERMINISTIC:
            if not switch.variable:
                calls.setdefault(switch.framework, {})[switch.name] = switch.value
    return calls
