"""Turns what the observed processes wrote into the streams of a bundle: one a process, named by rank and role."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reprokit.capture.secrets import scrub_arguments
from reprokit.launch.ranks import replica_notices
from reprokit.launch.texts import text_of
from reprokit.schema.manifest import Notice, TraceSummary
from reprokit.trace.columns import write_columns
from reprokit.trace.raw import BACKWARD, EXPLICIT

if TYPE_CHECKING:
    from pathlib import Path

    from reprokit.observe.reading import ObservedProcess
    from reprokit.trace.columns import Written

_QUIET = ("resource_tracker", "forkserver")


@dataclass
class Streams:
    """The streams, where their files lie (archive name -> file), and what there is to warn of."""

    streams: list[TraceSummary] = field(default_factory=list)
    sources: dict[str, Path] = field(default_factory=dict)
    warnings: list[Notice] = field(default_factory=list)


def folder_of(key: str) -> str:
    """A stream's folder in the bundle: its key in one path component."""
    return key.replace("/", "~")


def collect_streams(processes: list[ObservedProcess], work: Path, level: str) -> Streams:
    """Writes every process's trace as columns below ``work``.

    Args:
        processes: those that said hello.
        work: a directory for the columns.
        level: the trace level.
    """
    result = Streams()
    trained = []
    for process in processes:
        if any(process.role.startswith(quiet) for quiet in _QUIET):
            continue
        folder = folder_of(process.key)
        written = write_columns(process.directory, work / folder, level=level)
        files = {f"trace/{folder}/{name}": work / folder / name for name in (written.files if written else ())}
        if process.stdout.exists():
            files[f"logs/{folder}.stdout.txt"] = process.stdout
        result.sources |= files
        result.warnings += _notices(process, written)
        quiet_fork = process.role == "fork" and not (written and written.steps) and not process.disabled
        if not quiet_fork:
            result.streams.append(_summary(process, written, list(files), level))
        if written and written.steps:
            trained.append((process, work / folder))
    result.warnings += replica_notices(trained)
    return result


def _notices(process: ObservedProcess, written: Written | None) -> list[Notice]:
    said = [("RPK042", f"{process.key}: {observer}: {reason}") for observer, reason in process.disabled.items()]
    if written and written.steps and not process.finished:
        said.append(("RPK044", f"{process.key} ended without closing its trace, after {written.steps} steps"))
    return [Notice(code=code, message=message) for code, message in said]


def _summary(process: ObservedProcess, written: Written | None, members: list[str], level: str) -> TraceSummary:
    flags = written.flags if written else 0
    delimited = "backward" if flags & BACKWARD else "explicit" if flags & EXPLICIT else "optimizer"
    steps = written.steps if written else 0
    return TraceSummary(
        name=process.key,
        rank=process.rank,
        world_size=process.world_size,
        role=process.role,
        parent=process.parent or None,
        arguments=scrub_arguments([text_of(argument) for argument in process.argv])[0],
        framework=_framework(process),
        steps=steps,
        delimited_by=delimited if steps else "none",
        level=level,
        digest=written.algorithm if written else None,
        parts=written.parts if written else [],
        observers=sorted(process.fired),
        disabled=sorted(process.disabled),
        complete=process.finished,
        members=members,
        final_loss=written.final_loss if written else None,
        switches=process.switches.get("first step", {}),
        switches_at_start=process.switches.get("start", {}),
        switches_at_exit=process.switches.get("end", {}),
        switches_between=process.between,
        switches_refused=process.refused,
        policy_problems=process.policy_problems,
        thread_pools=process.thread_pools,
        observer_seconds=process.observer_seconds,
    )


def _framework(process: ObservedProcess) -> str | None:
    """The framework whose updates were seen; where none was, PyTorch if its switches were read."""
    seen = [observer.partition(".")[0] for observer in process.fired if "." in observer]
    if seen:
        return "+".join(dict.fromkeys(seen))
    return "torch" if any("torch.version" in values for values in process.switches.values()) else None


def spoken(streams: Streams, merged: Path) -> Path:
    """What metrics are read from: all that was printed, or what the first rank printed where ranks share a terminal.

    The lines of several ranks interleave differently in every run.
    """
    ranked = sorted(
        (stream.rank, path)
        for stream in streams.streams
        if stream.rank is not None and (path := streams.sources.get(f"logs/{folder_of(stream.name)}.stdout.txt"))
    )
    return ranked[0][1] if len(ranked) > 1 else merged


def main_steps(streams: list[TraceSummary]) -> int:
    """The optimizer updates of rank 0, or of the one process that trained."""
    ranked = [stream for stream in streams if stream.rank == 0 and stream.steps]
    chosen = ranked or [stream for stream in streams if stream.steps]
    return chosen[0].steps if chosen else 0
