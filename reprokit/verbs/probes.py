"""Asks every framework, in fresh processes, which switches work and whether bits hold when it trains twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from pydantic import Field

from reprokit.launch.probing import SCRIPTS
from reprokit.schema.base import Model

if TYPE_CHECKING:
    from collections.abc import Iterable

_TIMEOUT = 120  # seconds for one framework
_TABLES = ("numpy", "sklearn", "xgboost", "lightgbm")
_MAY_DIFFER = {"scatter": ("plain",), "bincount": ("plain", "deterministic"), "forest": ("plain",)}
"""Models that need not repeat with several threads, and modes: a weighted ``bincount`` of TensorFlow 2.21 differs under
op determinism too, and a random forest adds up its trees' probabilities in the order in which threads end."""


class Check(Model):
    """One thing that was looked at. ``good`` is None for a mere fact."""

    name: str
    good: bool | None
    found: str
    remedy: str = ""


class ProbeRun(Model):
    """One model, trained in each of two processes, quick ones twice. ``seconds`` for those of one process."""

    framework: str
    device: str
    threads: int
    mode: str = Field(description="`plain` or `deterministic`")
    model: str
    repeats: bool = Field(description="whether all of them gave the same bits")
    seconds: float
    problem: str = ""


class FrameworkProbe(Model):
    """What was found of one framework, or of the libraries that are probed together as ``tables``."""

    name: str
    problem: str = Field(default="", description="why it could not be imported or does not work, in one line")
    facts: dict[str, Any] = Field(default_factory=dict)
    switches: dict[str, str] = Field(default_factory=dict, description="switch -> empty where it works, else why not")
    runs: list[ProbeRun] = Field(default_factory=list)


def probe_frameworks(installed: Iterable[str]) -> list[FrameworkProbe]:
    """Probes the installed frameworks, one after the other: they would take each other's processors.

    The two processes of a framework import side by side and train one after the other, for the same reason.

    Args:
        installed: import names.
    """
    names = set(installed)
    wanted = [name for name in SCRIPTS if name in names or (name == "tables" and names & set(_TABLES))]
    return [probe_framework(name) for name in wanted]


def probe_framework(name: str, interpreter: str = sys.executable) -> FrameworkProbe:
    """Probes one of `reprokit.launch.probing.SCRIPTS`."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = ",".join(map(str, sorted({1, usable})))
    command = [interpreter, "-I", "-m", "reprokit.launch.probing", name, threads]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    children = [_start(command, environment), _start([*command, "switches"], environment)]
    try:
        answers = [_answer(child) for child in children]
    finally:
        for child in children:
            child.kill()
            child.communicate()
    problem = next((str(answer["problem"]) for answer in answers if "problem" in answer), "")
    if problem:
        return FrameworkProbe(name=name, problem=problem)
    first, second = answers
    pairs = zip(first["probes"], second["probes"], strict=True)
    return FrameworkProbe(
        name=name, facts=first["facts"], switches=second["switches"], runs=[_run(a, b) for a, b in pairs]
    )


def _start(command: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    )


def _answer(child: subprocess.Popen[str]) -> dict[str, Any]:
    """Lets a child train, and reads its last line."""
    try:
        out, _ = child.communicate("go\n", timeout=_TIMEOUT)
        answer: dict[str, Any] = json.loads(out.splitlines()[-1])
    except subprocess.TimeoutExpired:
        return {"problem": f"no answer in {_TIMEOUT} s"}
    except (ValueError, IndexError, OSError):
        return {"problem": f"the probe ended with status {child.poll()} and no answer"}
    return answer


def _run(a: dict[str, Any], b: dict[str, Any]) -> ProbeRun:
    kept = {key: a[key] for key in ("framework", "device", "threads", "mode", "model")}
    digests = {*a["digests"], *b["digests"]}
    problem = str(a.get("problem") or b.get("problem") or "")
    return ProbeRun(**kept, repeats=len(digests) == 1, seconds=min(a["seconds"], b["seconds"]), problem=problem)


def checks_of(probe: FrameworkProbe) -> list[Check]:
    """What there is to say of a probe: the framework, its switches, each training."""
    if probe.problem:
        remedy = f"Import {probe.name} in this interpreter to see why."
        return [Check(name=probe.name, good=False, found=probe.problem, remedy=remedy)]
    facts = ", ".join(str(value) for value in probe.facts.values())
    checks = [] if probe.name == "tables" else [Check(name=probe.name, good=None, found=facts)]
    owners = dict.fromkeys(name.partition(".")[0] for name in probe.switches)
    own = [owner for owner in owners if owner == probe.name or owner not in SCRIPTS]  # TensorFlow's Keras imports JAX
    checks += [_switch_check(framework, probe.switches) for framework in own]
    return [*checks, *(_run_check(run) for run in probe.runs)]


def _switch_check(framework: str, switches: dict[str, str]) -> Check:
    own = {name: reason for name, reason in switches.items() if name.partition(".")[0] == framework}
    refused = {name: reason for name, reason in own.items() if reason}
    found = f"{len(own) - len(refused)} of {len(own)} can be set here and now"
    why = "; ".join(f"{name}: {reason}" for name, reason in refused.items())
    return Check(name=f"{framework} switches", good=None, found=f"{found} ({why})" if why else found)


def _run_check(run: ProbeRun) -> Check:
    label = f"{run.framework} {run.device} {run.model}, {run.threads} threads, {run.mode}"
    if run.problem:
        return Check(name=label, good=False, found=run.problem, remedy=f"Import {run.framework} to see why.")
    if run.repeats:
        return Check(name=label, good=True, found="bits repeat")
    on_accelerator = run.mode == "plain" and run.device != "cpu"  # cuDNN and atomic additions: bits may differ there
    tolerated = on_accelerator or run.mode in _MAY_DIFFER.get(run.model, ())
    helps = run.mode == "plain" and (run.model == "scatter" or on_accelerator)
    remedy = "Record with --policy deterministic." if helps else "Use one thread, or another operation."
    return Check(name=label, good=None if tolerated else False, found="bits differ from run to run", remedy=remedy)
