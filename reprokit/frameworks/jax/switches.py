"""Sets and reads back what decides the bits of JAX (the records are in `reprokit.policy`).

The names of JAX's options: https://docs.jax.dev/en/latest/config_options.html. Flags of XLA are read once, when the
first backend starts.
"""

from __future__ import annotations

import os
from typing import Any

_OPTIONS = (
    "enable_x64", "default_matmul_precision", "threefry_partitionable", "default_prng_impl", "enable_custom_prng",
    "disable_jit", "numpy_dtype_promotion", "numpy_rank_promotion", "platforms", "cpu_enable_async_dispatch",
    "num_cpu_devices", "use_shardy_partitioner", "compilation_cache_dir", "explicit_x64_dtypes",
)  # fmt: skip
_PLAIN = (bool, int, float, str, type(None))


def read_all(jax: Any) -> dict[str, Any]:
    """Every switch as it is now; devices only once a backend has been started, which asking would do."""
    values = jax.config.values
    found: dict[str, Any] = {"jax.version": str(jax.__version__)}
    for option in _OPTIONS:
        if f"jax_{option}" in values:
            value = values[f"jax_{option}"]
            if option == "enable_x64":
                value = bool(getattr(jax.config, "jax_enable_x64", value))  # a context may differ from the global
            value = getattr(value, "value", value)  # of an enumeration
            found[f"jax.{option}"] = value if isinstance(value, _PLAIN) else str(value)
    found["jax.xla_flags"] = os.environ.get("XLA_FLAGS")
    found["jax.cpu_count"] = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if _started():
        devices = jax.devices()
        found["jax.devices"] = ",".join(f"{device.platform}:{device.id}" for device in devices)
        found["jax.device_kind"] = str(devices[0].device_kind)
    return found


def apply_all(jax: Any, switches: dict[str, Any]) -> dict[str, str]:
    """Sets switches; see `reprokit.frameworks.jax.apply`."""
    refused = {}
    for name, value in switches.items():
        try:
            reason = _set(jax, name, value)
        except Exception as error:  # noqa: BLE001 - whatever the option's check raises is the reason
            reason = f"{type(error).__name__}: {error}"
        if reason:
            refused[name] = reason
    return refused


def _set(jax: Any, name: str, value: Any) -> str:
    option = name.removeprefix("jax.")
    if name == "jax.xla_flags":
        if _started():
            return "XLA has read its flags: they must be set before the first computation"
        if value is None:
            os.environ.pop("XLA_FLAGS", None)
        else:
            os.environ["XLA_FLAGS"] = str(value)
        return ""
    if option not in _OPTIONS or f"jax_{option}" not in jax.config.values:
        return f"this version of JAX has no switch {name}"
    jax.config.update(f"jax_{option}", value)
    return ""


def _started() -> bool:
    """Whether a backend runs. Asking JAX for its devices would start one."""
    try:
        from jax._src import xla_bridge

        return bool(xla_bridge.backends_are_initialized())
    except (ImportError, AttributeError):
        return False
