"""What this machine can establish: its host, its tools, and a live probe of every framework."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
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
from reprokit.schema.base import Document
from reprokit.verbs.probes import Check, FrameworkProbe, checks_of, probe_frameworks

FRAMEWORKS = {
    "torch": "torch", "tensorflow": "tensorflow", "keras": "keras", "jax": "jax", "numpy": "numpy",
    "scikit-learn": "sklearn", "xgboost": "xgboost", "lightgbm": "lightgbm",
}  # fmt: skip
"""Distribution -> import name."""


class Diagnosis(Document):
    """Everything that `doctor` found."""

    schema_id: Literal["reprokit.doctor/1"] = Field(default="reprokit.doctor/1", alias="schema")
    reprokit: str
    machine: str
    host: dict[str, Any]
    checks: list[Check]
    frameworks: dict[str, str | None]
    torch: dict[str, Any] | None = None
    probes: list[FrameworkProbe] = Field(default_factory=list)

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong."""
        return all(check.good is not False for check in self.checks)


def doctor(*, probe: bool = True) -> Diagnosis:
    """Looks at this machine.

    Args:
        probe: whether to train a few steps with each installed framework, in processes of their own.
    """
    facts = asdict(host())
    frameworks = {name: _version(name) for name in FRAMEWORKS}
    probes = probe_frameworks([name for name in FRAMEWORKS.values() if find_spec(name)]) if probe else []
    checks = [_python(), _isolation(), _file_events(), _git(), _tar(), _state(), _blas()]
    checks += [check for one in probes for check in checks_of(one)]
    return Diagnosis(
        reprokit=reprokit.__version__, machine=machine_text(facts), host=facts, checks=checks, frameworks=frameworks,
        torch=_as_before(probes), probes=probes,
    )  # fmt: skip


def _version(distribution: str) -> str | None:
    """The version by metadata; TensorFlow, XGBoost and LightGBM have a distribution of another name for CPUs."""
    for name in (distribution, f"{distribution}-cpu", f"{distribution}_cpu"):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return None


def _as_before(probes: list[FrameworkProbe]) -> dict[str, Any] | None:
    """The field ``torch``, which was there when PyTorch was the only framework."""
    for one in probes:
        if one.name == "torch":
            rows = [row.model_dump(mode="json") for row in one.runs]
            return {"problem": one.problem} if one.problem else {**one.facts, "probes": rows}
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
