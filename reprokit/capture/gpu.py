"""NVIDIA graphics processors, as `nvidia-smi` lists them. Absent hardware is an empty list, never an error."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass

from reprokit.capture.probe import Printed, run_tool

_FIELDS = "name,driver_version,memory.total,compute_cap"
_NOT_TOLD = r"\[[\w /]+\]"  # `[N/A]`, `[Not Supported]`
# name, driver, MiB, compute capability. A row of any other form is a message, or noise of a broken driver.
_ROW = re.compile(rf"[^\W\d_][ -~]*, \d+(?:\.\d+)+, (?:\d+|{_NOT_TOLD}), (?:\d+\.\d+|{_NOT_TOLD})", re.ASCII)
_TIMEOUT = 20.0  # with persistence mode off the driver takes seconds to wake up


@dataclass(frozen=True)
class Gpu:
    """One device: its name, MiB of memory (None if not told) and compute capability. No serial number, no UUID."""

    name: str
    memory_mib: int | None
    compute_capability: str


@dataclass(frozen=True)
class Gpus:
    """All devices, with what they share.

    Attributes:
        devices: in the order of the driver; empty if there are none.
        driver: the driver's version; None without devices.
        cuda: the newest CUDA version that the driver supports (not the toolkit that a framework was built with).
        problem: why a driver that is installed could not be asked.
    """

    devices: tuple[Gpu, ...] = ()
    driver: str | None = None
    cuda: str | None = None
    problem: str | None = None


def gpus(*, timeout: float = _TIMEOUT) -> Gpus:
    """Asks `nvidia-smi`, for at most `timeout` seconds a call."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return Gpus()
    listed = run_tool([program, f"--query-gpu={_FIELDS}", "--format=csv,noheader,nounits"], timeout=timeout)
    if listed is None or not listed.ok:
        return Gpus(problem=_problem(listed))
    lines = (line.strip() for line in listed.stdout.decode("utf-8", "replace").splitlines())
    rows = [line.rsplit(", ", 3) for line in lines if _ROW.fullmatch(line)]
    if not rows:
        return Gpus()
    devices = tuple(Gpu(name, int(memory) if memory.isdecimal() else None, cap) for name, _, memory, cap in rows)
    summary = run_tool([program], timeout=timeout)
    version = re.search(rb"CUDA Version:\s*([0-9.]+)", summary.stdout) if summary and summary.ok else None
    return Gpus(devices, rows[0][1], version[1].decode() if version else None)


def _problem(listed: Printed | None) -> str:
    if listed is None:
        return "nvidia-smi cannot be started"
    if listed.timed_out:
        return "nvidia-smi did not answer in time"
    lines = (listed.stderr or listed.stdout).decode("utf-8", "replace").strip().splitlines()
    return lines[0] if lines else f"nvidia-smi ended with status {listed.status}"
