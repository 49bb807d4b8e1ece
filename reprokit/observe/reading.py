"""Reads, from the parent, what the observed processes of a run have written."""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reprokit.trace.records import decode_records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One access to a file, as the audit hook saw it.

    ``kind`` is ``r``, ``w``, ``m`` (moved; ``other`` is the source), ``l`` (a directory was listed), ``k`` (one was
    made, outside the project) or a destructive event. ``signature`` is size, mtime_ns, ctime_ns, inode and mode at that
    moment; size -1 when the file did not exist.
    """

    kind: str
    origin: str
    absolute: bool
    path: str
    snapshot: str = ""
    other: str = ""
    signature: tuple[int, int, int, int, int] = (-1, 0, 0, 0, 0)


@dataclass
class ObservedProcess:
    """One process that said hello."""

    directory: Path
    key: str = ""
    parent: str = ""
    pid: int = 0
    ppid: int = 0
    rank: int | None = None
    world_size: int | None = None
    replicas: list[list[str]] = field(default_factory=list)
    role: str = ""
    executable: str = ""
    prefix: str = ""
    base_prefix: str = ""
    version: str = ""
    argv: list[str] = field(default_factory=list)
    fired: list[str] = field(default_factory=list)
    disabled: dict[str, str] = field(default_factory=dict)
    switches: dict[str, dict[str, Any]] = field(default_factory=dict)
    between: dict[str, list[Any]] = field(default_factory=dict)
    environment_reads: list[str] = field(default_factory=list)
    entropy_left: int = 0
    starts: list[list[str]] = field(default_factory=list)
    observer_seconds: float | None = None
    thread_pools: list[dict[str, Any]] = field(default_factory=list)
    params: dict[str, Any] = field(default_factory=dict)
    seed: int | None = None
    policies: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    policy_problems: list[list[str]] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    finished: bool = False

    @property
    def stdout(self) -> Path:
        """The copy of what it printed."""
        return self.directory / "stdout"


def _records(path: Path) -> list[tuple[str, ...]]:
    try:
        return decode_records(path.read_bytes())
    except OSError:
        return []


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


# What the script itself reported through the API, and what adapters say of a policy.
_REPORTED: dict[str, Callable[[ObservedProcess, list[str]], None]] = {
    "param": lambda process, rest: process.params.__setitem__(rest[0], json.loads(rest[1])),
    "seed": lambda process, rest: setattr(process, "seed", int(rest[0])),
    "policy": lambda process, rest: process.policies.append(rest[0]),
    "refused": lambda process, rest: process.refused.__setitem__(rest[0], rest[1]),
    "policy-problem": lambda process, rest: process.policy_problems.append([*rest, "", ""][:3]),
    "input": lambda process, rest: process.inputs.append(rest[0]),
    "output": lambda process, rest: process.outputs.append(rest[0]),
}


def read_process(directory: Path) -> ObservedProcess | None:  # noqa: C901, PLR0912 - one line a kind of note
    """What one process said; None when it said nothing."""
    process = ObservedProcess(directory)
    hello = {record[0]: record[1:] for record in _records(directory / "hello")}
    if "argv" not in hello:  # its last record
        return None
    for name in ("key", "parent", "role", "executable", "prefix", "base_prefix", "version"):
        setattr(process, name, hello.get(name, ("",))[0])
    process.pid, process.ppid = int(hello["pid"][0]), int(hello["ppid"][0])
    rank = hello.get("rank", ("",))[0]
    process.rank = int(rank) if rank.isdecimal() else None
    process.argv = list(hello.get("argv", ()))
    for kind, *rest in _records(directory / "notes"):
        if kind in _REPORTED:
            _REPORTED[kind](process, rest)
        elif kind == "fired":
            process.fired.append(rest[0])
        elif kind == "disabled":
            process.disabled[rest[0]] = rest[1]
        elif kind == "switch":
            process.switches.setdefault(rest[0], {})[rest[1]] = _value(rest[2])
        elif kind == "between":
            process.between.setdefault(rest[0], []).append(_value(rest[1]))
        elif kind == "rank":
            process.rank, process.world_size = int(rest[0]), int(rest[1])
        elif kind == "replica":
            process.replicas.append(rest)
        elif kind == "environment":
            process.environment_reads.append(rest[0])
        elif kind == "start":
            process.starts.append(rest)
        elif kind == "ambient-left":
            process.entropy_left = int(rest[0])
        elif kind == "pool":
            pool = _value(rest[0])
            process.thread_pools += [pool] if isinstance(pool, dict) else []
        elif kind == "cost":
            process.observer_seconds = float(rest[0])
        elif kind == "bye":
            process.finished = True
    return process


def read_processes(run: Path) -> list[ObservedProcess]:
    """All processes that said hello, in the order in which they started."""
    directories = sorted((run / "processes").iterdir(), key=lambda path: int(path.name.partition("-")[2]))
    return [process for directory in directories if (process := read_process(directory)) is not None]


def broken_starts(run: Path) -> list[str]:
    """Why the observer could not start, for each process in which it could not."""
    return [path.read_text(errors="replace") for path in sorted(run.glob("broken-*"))]


def parse_file_records(data: bytes) -> Iterator[FileRecord]:
    """The accesses in (a whole-record part of) a ``files`` log."""
    for record in decode_records(data):
        kind, origin, *rest = record
        if kind == "m":
            yield FileRecord("m", origin, absolute=True, path=rest[1], other=rest[0])
            continue
        spelled, path, snapshot, *numbers = rest
        signature = tuple(int(n) for n in numbers) if len(numbers) == 5 else (-1, 0, 0, 0, 0)
        yield FileRecord(kind, origin, spelled == "absolute", path, snapshot, signature=signature)  # type: ignore[arg-type]


def read_files(run: Path) -> list[FileRecord]:
    """All accesses of all processes, forked children included (they append to their parent's log)."""
    found: list[FileRecord] = []
    for path in sorted((run / "processes").glob("*/files")):
        found += parse_file_records(path.read_bytes())
    return found


class FileTail:
    """Follows the ``files`` logs while the run goes on."""

    def __init__(self, run: Path) -> None:
        self._run = run
        self._offsets: dict[Path, int] = {}

    def poll(self) -> list[FileRecord]:
        """Accesses that have come since the last call."""
        found: list[FileRecord] = []
        for path in (self._run / "processes").glob("*/files"):
            with path.open("rb") as file:
                file.seek(self._offsets.get(path, 0))
                data = file.read()
            end = data.rfind(b"\0\0")
            if end >= 0:
                self._offsets[path] = self._offsets.get(path, 0) + end + 2
                found += parse_file_records(data[: end + 2])
        return found
