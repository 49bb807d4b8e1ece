"""Who this process is among those of one run: its key, its parent, its own directory in the recording.

A key names the same process in the record and in a replay, so it is built from what does not change between them: the
rank, or the script's name below the parent's key, and the order among siblings with the same name.
"""

from __future__ import annotations

import os
import sys
import time

from reprokit.observe.sink import Sink
from reprokit.observe.spawning import take_number
from reprokit.trace.records import encode_record

_WITH_ARGUMENT = ("-W", "-X", "--check-hash-based-pycs")


def script_name(arguments: list[str]) -> str:
    """Names what an interpreter was started to run: ``train``, ``pkg.mod``, ``spawn`` or ``command``.

    Args:
        arguments: ``sys.orig_argv``.
    """
    rest = iter(arguments[1:])
    for argument in rest:
        if argument in _WITH_ARGUMENT:
            next(rest, None)
        elif argument.startswith("-c"):
            code = argument[2:] or next(rest, "")
            for marker in ("multiprocessing.spawn", "multiprocessing.forkserver", "multiprocessing.resource_tracker"):
                if marker in code:
                    return marker.rpartition(".")[2]
            return "command"
        elif argument.startswith("-m"):
            return argument[2:] or next(rest, "module")
        elif not argument.startswith("-"):
            stem = argument.replace("\\", "/").rpartition("/")[2]
            return stem.removesuffix(".py") or "script"
    return "stdin"


def _readable(name: str) -> str:
    return "".join(c if c.isalnum() or c in "._-:" else "_" for c in name)[:80] or "process"


class Process:
    """The recording of one process.

    Attributes:
        key: the name that is the same in a replay, for example ``rank0``, ``train`` or ``train/spawn.1``.
        directory: where this process writes.
        forks: how many children this process has forked.

    Args:
        run: the recording's directory.
        parent: the process that forked this one.
        branch: not a process but a second stream of ``parent``, of that name.
        claims: in a replay, arguments -> the keys of the recorded processes that were started with them.
    """

    def __init__(
        self, run: str, *, parent: Process | None = None, branch: str = "", claims: dict[str, list[str]] | None = None
    ) -> None:
        self.run = run
        self.pid = os.getpid()
        self.forks = 0
        number = 0
        recorded: list[str] = []
        if parent is None:
            if script_name(sys.orig_argv) != "spawn":  # those are told their number
                recorded = (claims or {}).get("\0".join(sys.orig_argv[1:]), [])
            told = take_number()
            number = told if script_name(sys.orig_argv) == "spawn" else 0
            self.parent_key = _key_of(run, os.getppid())
            base = self._base()
        else:
            self.parent_key = parent.key
            # Forks are counted by the parent: children race for their keys.
            base = f"{parent.key}/{branch or f'fork-{parent.forks}'}"
        self.rank = os.environ.get("RANK", "")
        self.key: str = _claim(run, base, number, recorded)
        self.directory = os.path.join(run, "processes", f"{self.pid}-{time.monotonic_ns()}")
        os.makedirs(self.directory)
        if not branch:  # children of this process are children of its main stream
            _write_small(os.path.join(run, "pids", str(self.pid)), self.key)

    def _base(self) -> str:
        name = script_name(sys.orig_argv)
        rank = os.environ.get("RANK", "")
        if name in ("spawn", "forkserver", "resource_tracker"):
            return f"{self.parent_key or 'process'}/{name}"
        if rank.isdecimal() and not self.parent_key.startswith(f"rank{rank}"):
            return f"rank{rank}"
        if self.parent_key.startswith("rank"):
            return f"{self.parent_key}/{_readable(name)}"
        return _readable(name)

    def hello(self, *, forked: bool, role: str = "") -> None:
        """Says that this process is observed. No hello means "not observed", never an empty success."""
        sink = Sink(os.path.join(self.directory, "hello"))
        sink.write(
            encode_record("key", self.key)
            + encode_record("parent", self.parent_key)
            + encode_record("pid", str(self.pid))
            + encode_record("ppid", str(os.getppid()))
            + encode_record("rank", self.rank)
            + encode_record("role", role or ("fork" if forked else script_name(sys.orig_argv)))
            + encode_record("executable", sys.executable or "")
            + encode_record("prefix", sys.prefix)
            + encode_record("base_prefix", sys.base_prefix)
            + encode_record("version", ".".join(map(str, sys.version_info[:3])))
            + encode_record("argv", *sys.orig_argv)
        )
        sink.close()


def _write_small(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, text.encode("utf-8", "surrogateescape"))
    finally:
        os.close(fd)


def _key_of(run: str, pid: int) -> str:
    try:
        with open(os.path.join(run, "pids", str(pid)), encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def _claim(run: str, base: str, first: int, recorded: list[str]) -> str:
    """Takes the first free key of ``base``, ``base.1``, ``base.2`` …, from ``first`` on; O_EXCL settles races.

    Processes that are started side by side come in any order: in a replay the keys of those that were recorded with
    the same arguments come first.
    """
    own = [
        key for key in recorded if key == base or (key[: len(base) + 1] == f"{base}." and "/" not in key[len(base) :])
    ]
    for number in range(first - len(own), first + 100_000):
        key = own[number - first] if number < first else f"{base}.{number}" if number else base
        path = os.path.join(run, "keys", key.replace("/", "%2F"))
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            continue
        return key
    return base
