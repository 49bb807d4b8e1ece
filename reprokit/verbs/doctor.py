"""What this machine can establish: its host, its tools, and a live probe of PyTorch."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

import reprokit
from reprokit.capture.git import git_state
from reprokit.capture.host import host, thread_pools
from reprokit.capture.watch import Watcher
from reprokit.launch.fingerprint import machine_text
from reprokit.launch.isolation import namespaces_work
from reprokit.launch.workplace import state_directory
from reprokit.schema.base import Document, Model

FRAMEWORKS = {"torch": "torch", "scikit-learn": "sklearn", "numpy": "numpy", "tensorflow": "tensorflow", "jax": "jax"}
_PROBE_TIMEOUT = 120


class Check(Model):
    """One thing that was looked at. ``good`` is None for a mere fact."""

    name: str
    good: bool | None
    found: str
    remedy: str = ""


class Diagnosis(Document):
    """Everything that `doctor` found."""

    schema_id: Literal["reprokit.doctor/1"] = Field(default="reprokit.doctor/1", alias="schema")
    reprokit: str
    machine: str
    host: dict[str, Any]
    checks: list[Check]
    frameworks: dict[str, str | None]
    torch: dict[str, Any] | None = None

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong."""
        return all(check.good is not False for check in self.checks)


def doctor(*, probe: bool = True) -> Diagnosis:
    """Looks at this machine.

    Args:
        probe: whether to train a few steps with PyTorch, where it is installed, in processes of their own.
    """
    facts = asdict(host())
    frameworks = {name: _version(name) for name in FRAMEWORKS}
    torch = _probe_torch() if probe and frameworks["torch"] else None
    checks = [_python(), _isolation(), _file_events(), _git(), _tar(), _state(), _blas()]
    if torch is not None:
        checks += _torch_checks(torch)
    return Diagnosis(
        reprokit=reprokit.__version__, machine=machine_text(facts), host=facts, checks=checks, frameworks=frameworks,
        torch=torch,
    )  # fmt: skip


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _python() -> Check:
    return Check(name="python", good=True, found=f"{sys.version.split()[0]} at {sys.executable}")


def _isolation() -> Check:
    if namespaces_work():
        return Check(name="isolation", good=True, found="mount namespaces: a replay sees the recorded absolute paths")
    return Check(
        name="isolation", good=False, found="no mount namespaces: paths are rewritten in arguments instead",
        remedy="Allow user namespaces (sysctl kernel.unprivileged_userns_clone, container security options).",
    )  # fmt: skip


def _file_events() -> Check:
    watcher = Watcher([])
    watcher.start()
    if watcher.stop().active:
        return Check(name="file events", good=True, found="inotify: files that native code opens are seen")
    return Check(
        name="file events", good=False, found="no inotify: files that only native code reads are not seen",
        remedy="Raise fs.inotify.max_user_instances, or declare inputs with --input.",
    )  # fmt: skip


def _git() -> Check:
    if shutil.which("git") is None:
        return Check(name="git", good=False, found="git is not installed", remedy="Install git to record commits.")
    with suppress(OSError):
        state = git_state(Path.cwd())
        if state is not None and state.commit:
            return Check(name="git", good=True, found=f"this checkout is at {state.commit[:12]}")
    return Check(name="git", good=True, found="installed; this directory is no checkout")


def _tar() -> Check:
    have = shutil.which("zstd") is not None
    found = "tar and zstd: bundles open without reprokit" if have else "no zstd program: only reprokit opens bundles"
    return Check(name="zstd", good=None if not have else True, found=found)


def _state() -> Check:
    directory = state_directory()
    existing = next(p for p in (directory, *directory.parents) if p.exists())
    good = os.access(existing, os.W_OK)
    remedy = "" if good else "Set REPROKIT_HOME to a writable directory; until then replays need --trust."
    return Check(name="state", good=good, found=str(directory), remedy=remedy)


def _blas() -> Check:
    import numpy as np

    _ = np.linalg  # loads the BLAS
    pools = [f"{p.get('internal_api')} {p.get('version')} {p.get('architecture', '')}".strip() for p in thread_pools()]
    threads = max((int(p.get("num_threads") or 1) for p in thread_pools()), default=1)
    return Check(name="blas", good=None, found=f"{', '.join(pools) or 'unknown'}; {threads} threads")


def _probe_torch() -> dict[str, Any]:
    """Trains a few steps twice in fresh processes, at one thread and at all of them, plain and deterministic."""
    script = Path(reprokit.__file__).parent / "demo" / "probe_torch.py"
    counts = sorted({1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1})
    command = [sys.executable, "-I", str(script), ",".join(map(str, counts))]
    answers = []
    for _ in range(2):
        try:
            done = subprocess.run(command, capture_output=True, timeout=_PROBE_TIMEOUT, check=False)
            answers.append(json.loads(done.stdout))
        except (OSError, subprocess.TimeoutExpired, ValueError) as error:
            return {"problem": f"the probe failed: {type(error).__name__}"}
    first, second = answers
    return {
        **first["facts"],
        "probes": [
            {
                "device": a["device"], "threads": a["threads"], "model": a["model"], "mode": a["mode"],
                "repeats": a["digests"][0] == a["digests"][1] == b["digests"][0] == b["digests"][1],
                "seconds": a["seconds"],
            }
            for a, b in zip(first["probes"], second["probes"], strict=True)
        ],
    }  # fmt: skip


def _torch_checks(torch: dict[str, Any]) -> list[Check]:
    if "problem" in torch:
        remedy = "Import torch in this interpreter to see why."
        return [Check(name="torch", good=False, found=torch["problem"], remedy=remedy)]
    checks = [Check(name="torch", good=None, found=f"{torch['version']}, {torch['capability']}, {torch['device']}")]
    for probe in torch["probes"]:
        label = f"torch {probe['device']} {probe['model']}, {probe['threads']} threads, {probe['mode']}"
        expected = probe["mode"] == "deterministic" or probe["model"] == "network"
        found = "bits repeat" if probe["repeats"] else "bits differ from run to run"
        remedy = "" if probe["repeats"] else "Record with --policy deterministic." if not expected else "See the docs."
        checks.append(Check(name=label, good=probe["repeats"] if expected else None, found=found, remedy=remedy))
    return checks
