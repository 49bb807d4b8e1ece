"""The few facts of a machine and its software that decide whether bits can be expected to hold."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from reprokit.capture.host import host

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reprokit.schema.manifest import Manifest, TraceSummary

NUMERIC = ("numpy", "scipy", "torch", "tensorflow", "tensorflow-cpu", "jax", "jaxlib", "keras", "scikit-learn",
            "xgboost", "lightgbm", "pandas", "transformers", "lightning", "safetensors")  # fmt: skip
_DRAWN = ("python.hash_seed",)  # for each recording anew; a replay has the recorded one
_LEVELS = (
    ("AMX", "amx_tile"), ("AVX-512", "avx512f"), ("AVX2", "avx2"), ("AVX", "avx"), ("SSE4.2", "sse4_2"),
    ("SVE", "sve"), ("NEON", "asimd"), ("NEON", "neon"),
)  # fmt: skip


def machine_text(machine: Mapping[str, Any]) -> str:
    """A machine in two words: ``x86-64 AVX-512``."""
    name = str(machine.get("machine", "")).replace("x86_64", "x86-64").replace("aarch64", "ARM64")
    features = set((machine.get("cpu") or {}).get("features", ()))
    level = next((label for label, feature in _LEVELS if feature in features), "")
    return f"{name} {level}".strip()


def fingerprint(machine: Mapping[str, Any], packages: Mapping[str, Any], streams: list[TraceSummary]) -> dict[str, Any]:
    """Flat facts, comparable by equality."""
    cpu = machine.get("cpu") or {}
    facts: dict[str, Any] = {
        "machine": machine_text(machine),
        "cpu": cpu.get("model", ""),
        "cpus": cpu.get("usable"),
        "system": machine.get("distribution", ""),
        "libc": machine.get("libc", ""),
        "python": packages.get("python_version", ""),
    }
    for gpu in (machine.get("gpus") or {}).get("devices", ()):
        facts.setdefault("gpu", gpu.get("name"))
    versions = {str(d["name"]).lower(): d["version"] for d in packages.get("distributions", ())}
    facts.update({name: versions[name] for name in NUMERIC if name in versions})
    for stream in streams:
        for name, value in stream.switches.items():
            if name not in _DRAWN:
                facts.setdefault(name, value)
        for name, value in _libraries(stream.thread_pools).items():
            facts.setdefault(name, value)
    return facts


def _libraries(pools: list[dict[str, Any]]) -> dict[str, Any]:
    """BLAS and OpenMP libraries by name; where NumPy and SciPy bring one each, both are named, in a fixed order."""
    facts: dict[str, Any] = {}
    labels = {"version": "version", "num_threads": "threads", "architecture": "kernel"}
    for name in sorted({str(pool.get("prefix") or pool.get("internal_api")) for pool in pools}):
        same = [pool for pool in pools if str(pool.get("prefix") or pool.get("internal_api")) == name]
        for key, label in labels.items():
            values = sorted({str(pool[key]) for pool in same if pool.get(key)})
            if values:
                facts[f"{name} {label}"] = ", ".join(values)
    return facts


def recorded_fingerprint(manifest: Manifest) -> dict[str, Any]:
    """The fingerprint under which a bundle was recorded."""
    return fingerprint(manifest.host, manifest.packages, manifest.streams)


def here_fingerprint(packages: Mapping[str, Any], streams: list[TraceSummary]) -> dict[str, Any]:
    """The fingerprint of this machine."""
    return fingerprint(asdict(host()), packages, streams)


def differences(recorded: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """What differs, as text: ``torch.num_threads: 2 -> 1``. A fact that only one side knows is not a difference."""
    return [
        f"{name}: {known} -> {here[name]}"
        for name, known in recorded.items()
        if known not in ("", None) and here.get(name) not in ("", None) and known != here[name]
    ]
