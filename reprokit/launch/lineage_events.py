"""Tells an OpenLineage collector of runs, without waiting for it: when they start, and when they have ended.

A part of the graph is left in a file, and a process of its own makes the events, keeps them while the collector is
down, and sends them. What the collector should know and does not is said with the command that made it.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import shlex
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import reprokit
from reprokit.capture.secrets import scrub_arguments
from reprokit.errors.counting import counted
from reprokit.launch.lineage_of_bundle import milliseconds_of
from reprokit.launch.recording import unarmed_environment
from reprokit.launch.texts import text_of
from reprokit.launch.workplace import state_directory
from reprokit.lineage.spool import leave
from reprokit.lineage.urls import shown
from reprokit.schema.lineage import Execution, Lineage
from reprokit.schema.manifest import Notice

if TYPE_CHECKING:
    from pathlib import Path

    from reprokit.launch.plan import Plan
    from reprokit.schema.lineage import Properties

_SENDER = "reprokit.lineage.standards.openlineage.sender"
_VARIABLE = "REPROKIT_COLLECTOR"
# The shell ends at once, so that the sender is no child of this process: in a script that records itself, `os.wait`
# would find it. And it is behind everything else that wants a processor.
_ASIDE = '(sleep "$0"; command -v nice >/dev/null && exec nice -n 19 "$@"; exec "$@") &'
_A_MOMENT = 1
"""Seconds before a start is told: beside a training that loads its libraries, nothing else should start."""
_PATIENCE = 60.0  # seconds after which what still waits is spoken of
_MOST = 1000  # files that are counted


def collectors_directory() -> Path:
    """Where everything of collectors lies. It is written to while a run goes on, and is no part of that."""
    return state_directory().absolute() / "openlineage"


def collector_directory(url: str) -> Path:
    """Where what a collector should be told waits, and what it was told is remembered; one directory a collector."""
    return collectors_directory() / hashlib.sha256(url.encode()).hexdigest()[:16]


def export_options(name: str, target: str) -> dict[str, Any]:
    """What an exporter is given beside the graph: of OpenLineage to a collector, the directory where events wait."""
    if name == "openlineage" and target.startswith(("http://", "https://")):
        return {"spool": collector_directory(target)}
    return {}


def starting(plan: Plan) -> Execution:
    """A run that is about to start, as far as it is known: all of it is said in the same words when it has ended."""
    command, _redacted = scrub_arguments([text_of(argument) for argument in plan.command])
    facts: Properties = {
        "command": shlex.join(command), "policy": plan.policy.name, "reprokit": reprokit.__version__,
        "root": text_of(str(plan.root)), **({"hash_seed": plan.hash_seed} if plan.hash_seed else {}),
    }  # fmt: skip
    begun = milliseconds_of(datetime.fromtimestamp(plan.started, UTC).isoformat(timespec="milliseconds"))
    return Execution(id=plan.run_id, type="Run", name=plan.name, state="RUNNING", started=begun, properties=facts)


def announce(run: Execution, url: str) -> None:
    """Tells a collector that something starts. It never fails: what could not be told is told at the end."""
    if url:
        with contextlib.suppress(OSError, RuntimeError, ValueError):
            tell(Lineage(executions=[run]), url, after=_A_MOMENT)


def call_off(run: Execution, url: str) -> None:
    """Tells a collector that what was announced came to nothing."""
    announce(run.model_copy(update={"state": "CANCELED", "ended": max(run.started, int(time.time() * 1000))}), url)


def tell(lineage: Lineage, url: str, *, after: int = 0) -> None:
    """Leaves a part of the graph for a collector, and starts a process that sends it and what waits from before.

    Args:
        lineage: the part.
        url: the collector's.
        after: seconds to wait before sending.

    Raises:
        OSError: the part cannot be written, or the process not be started.
    """
    directory = collector_directory(url)
    leave(directory / "parts", lineage, safe=not after)  # a start is told again with the end
    if not _has_client():  # what waits is sent when it is there
        return
    # Not as an argument: a URL may hold a password, and arguments are for everybody on the machine to see. And not
    # observed, should all this go on in a recording.
    environment = {**unarmed_environment(dict(os.environ)), _VARIABLE: url}
    sender = [sys.executable, "-m", _SENDER, str(directory)]
    try:
        _start(["/bin/sh", "-c", _ASIDE, str(after), *sender], directory, environment).wait()
    except FileNotFoundError:  # a container without a shell
        _start(sender, directory, environment).returncode = 0  # nobody waits for it: it outlives this command


def _start(command: list[str], directory: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    with open(os.devnull, "r+b") as nothing:
        return subprocess.Popen(
            command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True, env=environment,
            cwd=str(directory), close_fds=True,
        )  # fmt: skip


def troubles(url: str) -> list[Notice]:
    """What keeps a collector from being told, as far as can be seen without asking it."""
    directory = collector_directory(url)
    if not url.startswith(("http://", "https://")):
        text = f"{shown(url)} is not the URL of an OpenLineage collector: it begins with http:// or https://"
        return [Notice(code="RPK166", message=text_of(text))]
    if not _has_client():
        text = f"the collector is not told: that needs the extra `openlineage`. Its events wait in {directory}"
        return [Notice(code="RPK168", message=text_of(text))]
    waiting = [at for name in ("parts", "waiting") for at in _times(directory / name)]
    refused = len(_times(directory / "refused"))
    said = []
    if waiting and time.time() - min(waiting) > _PATIENCE:
        since = datetime.fromtimestamp(min(waiting), UTC).isoformat(sep=" ", timespec="minutes")
        said.append(f"has not taken what waits for it since {since}, {counted(len(waiting), 'file')} in {directory}")
    if refused:
        said.append(f"refused {counted(refused, 'event')}, kept in {directory}/refused, with what it said")
    return [Notice(code="RPK169", message=text_of(f"the collector {shown(url)} {text}")) for text in said]


def _has_client() -> bool:
    try:
        return importlib.util.find_spec("openlineage.client") is not None
    except (ImportError, ValueError):
        return False


def _times(directory: Path) -> list[float]:
    """When the events in a directory were left there, of the first of very many."""
    found: list[float] = []
    with contextlib.suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            if entry.name.endswith(".json") and not entry.name.startswith("."):
                with contextlib.suppress(OSError):  # another process has just sent it
                    found.append(entry.stat().st_mtime)
            if len(found) >= _MOST:
                break
    return found
