"""One fresh process of a marked test: its command line, its environment, and what it left behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import reprokit
from reprokit.frameworks import adapters
from reprokit.launch.recording import Observation, armed_environment, prepare, unarmed_environment
from reprokit.launch.runner import Command, run
from reprokit.policy.policies import BUILT_IN, calls_of, environment_of, in_process
from reprokit.pytest_plugin import INNER_VARIABLE
from reprokit.pytest_plugin.carried import carried_options
from reprokit.pytest_plugin.inner import PLAN, RESULT

if TYPE_CHECKING:
    import pytest

    from reprokit.launch.runner import Outcome
    from reprokit.policy.policies import Policy
    from reprokit.pytest_plugin.marker import Marker

_DROPPED = ("PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST", "PYTEST_VERSION", "COV_CORE_")
_TAIL = 4096


@dataclass(frozen=True)
class Ended:
    """How one fresh process ended.

    Attributes:
        room: its directory, with ``recording``, ``logs``, ``values`` and ``tmp``.
        result: what it handed in; None if it went away before.
    """

    number: int
    room: Path
    outcome: Outcome
    result: dict[str, Any] | None = field(repr=False)

    def tail(self) -> str:
        """The end of what it wrote to its standard output and error, for a process that handed in nothing."""
        texts = []
        for name in ("stdout", "stderr"):
            data = (self.room / "logs" / f"{name}.txt").read_bytes()[-_TAIL:]
            if data.strip():
                texts.append(f"--- end of its {name} ---\n{data.decode('utf-8', 'replace').rstrip()}")
        return "\n".join(texts)


def run_once(item: pytest.Item, marker: Marker, top: Path, number: int) -> Ended:
    """Runs a test in a process of its own.

    The files of every run have the same absolute paths while it goes on, since a path may find its way into results;
    afterwards they are moved to the run's own directory.

    Args:
        item: the test.
        marker: what it asks for.
        top: an empty directory, the same one for all runs of the test.
        number: of the run, from 1.

    Raises:
        KeyboardInterrupt: it was interrupted.
    """
    here, room = top / "run", top / f"run-{number}"
    (here / "logs").mkdir(parents=True)
    plan = {"nodeid": item.nodeid, "options": carried_options(item.config)}
    (here / PLAN).write_text(json.dumps(plan))
    prepare(here / "recording", _observation(item.config, marker))
    started: list[int] = []

    def begun(pid: int) -> None:
        started.append(pid)
        import_module("reprokit.pytest_plugin.judging")  # takes as long as a third of a start: there is time now

    command = Command(
        _arguments(item, here), item.config.invocation_params.dir, _environment(item.config, marker, here, number),
        here / "logs", None, None, marker.timeout, own_session=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        outcome = run(command, begun)
    except BaseException:  # pytest-timeout and Ctrl-C leave from wherever they strike; the process must not stay
        for pid in started:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        raise
    if outcome.interrupted:
        raise KeyboardInterrupt
    shutil.move(here, room)
    return Ended(number, room, outcome, _result(room))


def _result(room: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads((room / RESULT).read_text())
    except FileNotFoundError:
        return None
    return found


def _arguments(item: pytest.Item, here: Path) -> list[str]:
    """The command line. Options that pytest reads before any plugin can help are given; `carried` has the others."""
    config, option = item.config, item.config.option
    # What `python -m pytest` puts on sys.path must be there exactly if it was there outside.
    path = [] if str(Path.cwd()) in sys.path or "" in sys.path else ["-P"]
    arguments = [sys.executable, *subprocess._args_from_interpreter_flags(), *path, "-m", "pytest"]  # type: ignore[attr-defined]
    arguments += ["-c", str(config.inipath or os.devnull), f"--rootdir={config.rootpath}"]
    for name in option.plugins:
        if name != "no:terminal":  # xdist's workers have none
            arguments += ["-p", name]
    for setting in option.override_ini or ():
        arguments += ["-o", setting]
    for setting in ("addopts=", f"cache_dir={here / 'cache'}", "tmp_path_retention_policy=all"):
        arguments += ["-o", setting]
    for rule in config.known_args_namespace.pythonwarnings or ():
        arguments += ["-W", rule]
    if option.confcutdir:
        arguments.append(f"--confcutdir={option.confcutdir}")
    if option.noconftest:
        arguments.append("--noconftest")
    arguments += [f"--import-mode={option.importmode}", f"--assert={option.assertmode}", "--color=no"]
    return [*arguments, f"--basetemp={here / 'tmp'}", str(item.path)]


def _environment(config: pytest.Config, marker: Marker, here: Path, number: int) -> dict[str, str]:
    environment = {
        name: value for name, value in unarmed_environment(dict(os.environ)).items() if not name.startswith(_DROPPED)
    }
    if not environment.get("PYTHONHASHSEED", "").isdigit():
        # Every plain start has another one. Were it the same in all runs, the order of a set would pass for bitwise.
        environment["PYTHONHASHSEED"] = str((config.option.repro_seed + number - 1) % 2**32)
    environment.update(environment_of(_policy(marker)))
    environment[INNER_VARIABLE] = str(here)
    return armed_environment(environment, here / "recording")


def _policy(marker: Marker) -> Policy:
    """``recorded`` changes nothing here; the session's own seed is set by the plugin."""
    return BUILT_IN["none" if marker.policy == "recorded" else marker.policy].with_seed(None)


def _observation(config: pytest.Config, marker: Marker) -> Observation:
    level = config.option.repro_level
    switches = calls_of(_policy(marker))
    # The policy's switches are set by the frameworks' adapters, so these are needed even where no step is traced.
    frameworks = adapters() if level != "off" or switches else {}
    for more in config.hook.pytest_reprokit_adapters(config=config):
        frameworks.update(more if frameworks else {})
    return Observation(
        root=str(config.rootpath), level="light" if level == "off" else level,
        ignored=(str(Path(reprokit.__file__).parent),), switches=switches, process_switches=in_process(_policy(marker)),
        frameworks=frameworks,
    )  # fmt: skip
