"""The directory into which the observed processes of one run write, and the environment that arms them."""

from __future__ import annotations

import marshal
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reprokit.policy.switches import VARIABLES

_MARSHAL_VERSION = 4  # readable by every Python that the script may run under
OBSERVE = "REPROKIT_OBSERVE"


@dataclass(frozen=True)
class Observation:
    """What the observers in a run's processes are asked to do.

    Attributes:
        root: the project's directory; code below it is the user's own.
        level: ``budget``, ``full`` or ``light``.
        ignored: path prefixes whose files are of no interest.
        stored_environment: names of the environment variables that the bundle keeps.
        ambient: in a replay, the directory with the recorded entropy.
        plans: in a replay, process key -> the recorded flags of each step.
        claims: in a replay, arguments -> the keys of the recorded processes that were started with them.
        guarded: in a replay, path prefixes that must not be written to.
        switches: framework -> switch -> value, applied right after the framework's import.
        seeds: framework -> a seed of any size, given to its generators right after the import.
        process_switches: switch -> value, for those that the observer sets by itself.
        recorded_switches: in a replay, process key -> framework -> switch -> its value when the recorded one started.
        frameworks: import name of a framework -> its adapter's module.
        window: in a replay of one ``reprokit.run``, its process's key and its number: only that is traced.
        clock: note when each step ended, by a clock that stands still while reprokit digests.
    """

    root: str
    level: str = "budget"
    ignored: tuple[str, ...] = ()
    stored_environment: tuple[str, ...] = ()
    ambient: str | None = None
    plans: dict[str, bytes] = field(default_factory=dict)
    claims: dict[str, list[str]] = field(default_factory=dict)
    guarded: tuple[str, ...] = ()
    switches: dict[str, dict[str, Any]] = field(default_factory=dict)
    seeds: dict[str, int] = field(default_factory=dict)
    process_switches: dict[str, Any] = field(default_factory=dict)
    recorded_switches: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    frameworks: dict[str, str] = field(default_factory=dict)
    window: tuple[str, int] | None = None
    clock: bool = False


def bootstrap_directory() -> Path:
    """The directory that goes to the head of PYTHONPATH."""
    return Path(__file__).resolve().parent.parent / "observe" / "bootstrap"


def prepare(directory: Path, observation: Observation) -> dict[str, Any]:
    """Creates a recording's directory.

    Returns:
        The configuration that the observers find there.

    Raises:
        OSError: it cannot be created.
    """
    for name in ("processes", "pids", "keys", "ambient", "snapshots"):
        (directory / name).mkdir(parents=True, exist_ok=True)
    config = {
        "root": observation.root.rstrip("/") + "/",
        "level": observation.level,
        "ignored": tuple(dict.fromkeys((*observation.ignored, str(directory), "/proc/", "/sys/", "/dev/"))),
        "stored_environment": observation.stored_environment,
        "ambient": observation.ambient,
        "plans": observation.plans,
        "claims": observation.claims,
        "guarded": observation.guarded,
        "switches": observation.switches,
        "seeds": observation.seeds,
        "process_switches": observation.process_switches,
        "recorded_switches": observation.recorded_switches,
        "switch_variables": dict(VARIABLES),
        "frameworks": observation.frameworks,
        "window": observation.window,
        "clock": observation.clock,
        "xxhash": _xxhash_extension(),
    }
    (directory / "config").write_bytes(marshal.dumps(config, _MARSHAL_VERSION))
    return config


def _xxhash_extension() -> dict[str, str]:
    """Where our own xxhash lies, for scripts whose environment lacks it, by the interpreter that can load it."""
    from xxhash import _xxhash  # type: ignore[attr-defined]

    path = getattr(_xxhash, "__file__", None)
    tag = sys.implementation.cache_tag
    return {tag: path} if path and tag else {}


def armed_environment(environment: dict[str, str], directory: Path) -> dict[str, str]:
    """A copy of ``environment`` in which every Python observes itself for the recording in ``directory``."""
    armed = dict(environment)
    before = armed.get("PYTHONPATH")
    armed["PYTHONPATH"] = os.pathsep.join([str(bootstrap_directory()), *([before] if before else [])])
    armed[OBSERVE] = str(directory)
    return armed


def unarmed_environment(environment: dict[str, str]) -> dict[str, str]:
    """The environment without what a recording around this one may have put there."""
    plain = {name: value for name, value in environment.items() if name != OBSERVE}
    entries = [e for e in plain.get("PYTHONPATH", "").split(os.pathsep) if e and e != str(bootstrap_directory())]
    if entries:
        plain["PYTHONPATH"] = os.pathsep.join(entries)
    else:
        plain.pop("PYTHONPATH", None)
    return plain
