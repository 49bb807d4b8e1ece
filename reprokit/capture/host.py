"""The machine a run happened on: what of it can change a bit of the result."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reprokit.capture.container import Container, container
from reprokit.capture.gpu import Gpus, gpus


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Extensions that numeric libraries choose their kernels by (OpenBLAS, oneDNN, NumPy, Eigen).
_FEATURES = _words(
    "sse4_2 avx avx2 fma f16c avx_vnni avx512f avx512dq avx512bw avx512vl avx512_vnni avx512_bf16 avx512_fp16 amx_tile "
    "amx_int8 amx_bf16 asimd asimdhp asimddp neon sve sve2 bf16 i8mm sme vsx v"
)
# Names that only ARM's registers give: https://developer.arm.com/documentation/ddi0601 (MIDR_EL1, Implementer).
_IMPLEMENTERS = {
    "0x41": "ARM",
    "0x43": "Cavium",
    "0x4e": "NVIDIA",
    "0x51": "Qualcomm",
    "0x61": "Apple",
    "0xc0": "Ampere",
}


@dataclass(frozen=True)
class Cpu:
    """The processor.

    Attributes:
        vendor: for example ``GenuineIntel``; empty if not known.
        model: the model's name.
        features: instruction set extensions that matter to numerics, sorted.
        physical: physical cores; None if not known.
        logical: logical processors of the machine.
        usable: logical processors that this process may run on (affinity).
        limit: the processors' worth of time that the control group grants, None for no limit.
    """

    vendor: str
    model: str
    features: tuple[str, ...]
    physical: int | None
    logical: int
    usable: int
    limit: float | None


@dataclass(frozen=True)
class Host:
    """A machine and its system software. It holds no host name, user name, address or serial number.

    Attributes:
        cpu: the processor.
        memory: bytes of main memory; None if not known.
        machine: architecture, for example ``x86_64``.
        byte_order: ``little`` or ``big``.
        system: ``Linux``, ``Darwin`` ...
        kernel: the kernel's release.
        distribution: ``ID VERSION_ID`` of os-release, for example ``debian 12``; empty if not known.
        libc: name and version, for example ``glibc 2.36``; empty if not known.
        gpus: graphics processors, driver and CUDA version.
        container: in what the process runs.
    """

    cpu: Cpu
    memory: int | None
    machine: str
    byte_order: str
    system: str
    kernel: str
    distribution: str
    libc: str
    gpus: Gpus
    container: Container


def host() -> Host:
    """Describes this machine. Nothing here raises; what cannot be read is empty or None."""
    return Host(
        cpu=_cpu(),
        memory=_memory(),
        machine=platform.machine(),
        byte_order=sys.byteorder,
        system=platform.system(),
        kernel=platform.release(),
        distribution=_distribution(),
        libc=_libc(),
        gpus=gpus(),
        container=container(),
    )


def thread_pools() -> list[dict[str, Any]]:
    """BLAS and OpenMP libraries loaded into *this* process, with kernel architecture and thread count.

    It is meant to be called inside the observed process too and needs threadpoolctl alone. Directories are left out of
    ``filename``, so that equal libraries in two environments give equal records.

    Returns:
        One record a library, sorted; empty where threadpoolctl is missing.
    """
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return []
    pools: list[dict[str, Any]] = []
    for pool in threadpool_info():
        record = {key: value for key, value in pool.items() if key != "filepath"}
        pools.append(record | {"filename": os.path.basename(str(pool.get("filepath", "")))})  # noqa: PTH119
    return sorted(pools, key=lambda pool: (str(pool.get("user_api")), str(pool["filename"])))


def _cpu() -> Cpu:
    blocks = _cpuinfo()
    first = blocks[0] if blocks else {}
    flags = set((first.get("flags") or first.get("Features") or first.get("isa") or "").split())
    cores = {(block.get("physical id"), block["core id"]) for block in blocks if "core id" in block}
    vendor = first.get("vendor_id") or _IMPLEMENTERS.get(first.get("CPU implementer", ""), "")
    part = first.get("CPU part", "")
    model = (
        first.get("model name") or first.get("cpu") or (f"{vendor} {part}".strip() if part else platform.processor())
    )
    logical = os.cpu_count() or 1
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else logical
    features = tuple(sorted(flags & _FEATURES))
    return Cpu(vendor, model, features, len(cores) or None, logical, usable, _cpu_limit())


def _cpuinfo() -> list[dict[str, str]]:
    blocks: list[dict[str, str]] = []
    for text in _read("/proc/cpuinfo").strip().split("\n\n"):
        pairs = (line.partition(":")[::2] for line in text.splitlines() if ":" in line)
        if block := {key.strip(): value.strip() for key, value in pairs}:
            blocks.append(block)
    return blocks


def _cpu_limit() -> float | None:
    """The tightest limit on the way from our control group to the root, in processors.

    Sources: https://docs.kernel.org/admin-guide/cgroup-v2.html (cpu.max), cgroup-v1 (cpu.cfs_quota_us).
    """
    limits: list[float] = []
    for line in _read("/proc/self/cgroup").splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers and "cpu" not in controllers.split(","):
            continue
        mount = Path("/sys/fs/cgroup") if not controllers else Path("/sys/fs/cgroup/cpu")
        group = mount / path.lstrip("/")
        for place in (group, *group.parents):
            if not place.is_relative_to(mount):
                break
            if (limit := _group_limit(place, version=1 if controllers else 2)) is not None:
                limits.append(limit)
    return min(limits, default=None)


def _group_limit(group: Path, *, version: int) -> float | None:
    if version == 2:
        quota, period = ([*_read(group / "cpu.max").split(), "", ""])[:2]
    else:
        quota, period = _read(group / "cpu.cfs_quota_us").strip(), _read(group / "cpu.cfs_period_us").strip()
    if not (quota.isdigit() and period.isdigit()) or int(period) == 0:
        return None  # "max", -1, or no such file
    return int(quota) / int(period)


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None


def _distribution() -> str:
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return " ".join(platform.mac_ver()[:1]) if sys.platform == "darwin" else ""
    return f"{release.get('ID', '')} {release.get('VERSION_ID', '')}".strip()


def _libc() -> str:
    try:  # the C library's own word; platform.libc_ver() searches the executable for version strings
        if version := os.confstr("CS_GNU_LIBC_VERSION"):
            return version
    except (AttributeError, ValueError, OSError):
        pass
    if any(Path("/lib").glob("ld-musl-*")):
        return "musl"
    return " ".join(part for part in platform.libc_ver() if part)


def _read(path: str | Path) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
