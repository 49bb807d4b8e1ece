"""The processes of a run, sampled from `/proc`: programs, arguments, and the files they hold open or mapped.

It shows inputs outside the watched trees that native code keeps open, and interpreters that were started without the
observer. It samples: a process or a file that lives less than one interval can be missed.
"""

# ruff: noqa: PTH112, PTH115, PTH116, PTH119, PTH123, PTH208 - many small reads a second, of names that are plain strings
from __future__ import annotations

import contextlib
import ctypes
import os
import re
import stat
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reprokit.capture.secrets import scrub_arguments

if TYPE_CHECKING:
    from collections.abc import Mapping

_INTERVAL = 0.1
_SHARE = 0.004  # of one processor: sampling slows down before it costs more
_LATER_SHARE = 0.001  # a training loop that has begun wants every processor, and rarely opens files or programs
_EARLY_SECONDS = 10.0
_LONGEST = 5.0
_MAPS_EVERY = 20.0  # in costs of reading them; it holds a lock of the observed process
_SYSTEM = ("/usr/", "/lib/", "/lib32/", "/lib64/", "/bin/", "/sbin/", "/etc/", "/run/", "/dev/", "/proc/", "/sys/")
_PSEUDO = ("/dev/", "/proc/", "/sys/")
_LIBRARY = re.compile(r"\.so(\.[0-9.]+)?$|/site-packages/|/dist-packages/|/lib-dynload/")
_PYTHON = re.compile(r"(?:python|pypy)[0-9.]*(?:[td]|dm?|m)?(?:\.exe)?", re.IGNORECASE)
_MAPPED = re.compile(r"^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ [1-9][0-9]* +(/.*)$", re.MULTILINE)
# Flags in one argument; c, m, X and W end it, since the rest is their value.
_CLUSTER = re.compile(r"-(?P<flags>[^cmXW]*)(?P<last>[cmXW]?)(?P<value>.*)", re.DOTALL)
_SET_CHILD_SUBREAPER = 36  # prctl(2)


@dataclass(frozen=True)
class OpenFile:
    """A regular file that a process held: `mode` is ``r``, ``w``, ``rw`` or ``map``."""

    path: str
    mode: str


@dataclass(frozen=True)
class SeenProcess:
    """One process of the run.

    Attributes:
        pid: its number.
        parent: its parent's number when it was first seen.
        started: clock ticks after boot; with `pid` it names the process.
        executable: the program's path; empty if it could not be read.
        arguments: the last command line, secrets redacted.
        files: regular files held open outside pseudo file systems, and mapped ones outside system directories and
            library code; sorted.
        samples: in how many samples it ran.
    """

    pid: int
    parent: int
    started: int
    executable: str
    arguments: tuple[str, ...]
    files: tuple[OpenFile, ...]
    samples: int = 1


def python_flags(arguments: list[str] | tuple[str, ...]) -> set[str]:
    """Which of ``-I``, ``-E`` and ``-S`` a Python command line gives, also combined as in ``-sE`` or ``-IBc``.

    Any of them keeps a bootstrap on ``PYTHONPATH`` from being loaded. Options of the script are not taken for options
    of the interpreter. Source: https://docs.python.org/3/using/cmdline.html.

    Returns:
        A subset of ``{"-I", "-E", "-S"}``; empty if the program is no Python.
    """
    if not arguments or not _PYTHON.fullmatch(os.path.basename(arguments[0])):
        return set()
    letters: set[str] = set()
    rest = iter(arguments[1:])
    for argument in rest:
        if argument.startswith("--") and argument != "--":
            if argument == "--check-hash-based-pycs":
                next(rest, None)
            continue
        cluster = _CLUSTER.fullmatch(argument)
        if cluster is None or argument in {"-", "--"}:  # the script, or - for standard input
            break
        letters.update(cluster["flags"])
        if cluster["last"] in {"c", "m"}:  # the program follows
            break
        if cluster["last"] and not cluster["value"]:  # -X and -W take the next argument
            next(rest, None)
    return {f"-{letter}" for letter in letters & set("IES")}


def is_python(executable: str, arguments: tuple[str, ...]) -> bool:
    """Whether a process is a Python interpreter, by its program or by what it was called."""
    names = (executable, *arguments[:1])
    return any(_PYTHON.fullmatch(os.path.basename(name)) for name in names if name)


def become_subreaper() -> bool:
    """Makes orphans among our descendants our children, so that the tree stays connected; see prctl(2)."""
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    return int(libc.prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)) == 0


def family(root: int, known: Mapping[int, int] | None = None) -> dict[int, int]:
    """The processes that run below `root` now, in whatever session, with `root` itself and its session.

    Args:
        root: a process, or one that has ended and led a session.
        known: an earlier family; those of it that still run, and their descendants, belong to it as well.

    Returns:
        Process number to start time in clock ticks, which tells a number from its next use.
    """
    numbers = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    records = {pid: record for pid in numbers if (record := _stat(pid, zombies=False))}
    found = {pid for pid, started in (known or {}).items() if pid in records and records[pid][2] == started}
    found |= {pid for pid, (_, session, _) in records.items() if root in {pid, session}}
    pending = list(found)
    while pending:
        parent = pending.pop()
        children = [pid for pid, record in records.items() if record[0] == parent and pid not in found]
        found.update(children)
        pending += children
    return {pid: records[pid][2] for pid in found}


@dataclass
class _Process:
    pid: int
    parent: int
    started: int
    executable: str = ""
    arguments: tuple[str, ...] = ()
    files: dict[str, set[str]] = field(default_factory=dict)
    known: set[tuple[str, str]] = field(default_factory=set)
    maps_due: float = 0.0
    samples: int = 0


class ProcessWatch:
    """Samples the descendants of a process from `start` to `stop`, in a thread.

    A process belongs to the run if its parent does, if it is in the session that `root` leads, or, where
    `become_subreaper` was called, if it came to us as an orphan of one that does (children of a known parent stay known
    when they are handed on). The interval grows so that sampling takes less than 0.5 % of one processor, and after ten
    seconds 0.1 %.

    Args:
        root: the process that the command was started as.
        interval: seconds between two samples, at least.
    """

    def __init__(self, root: int, *, interval: float = _INTERVAL) -> None:
        self._root, self._interval = root, interval
        self._processes: dict[tuple[int, int], _Process] = {}
        self._by_pid: dict[int, _Process] = {}
        self._checked: set[int] = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="reprokit-processes", daemon=True)

    def start(self) -> None:
        """Begins, with one sample at once. Without `/proc` nothing is ever found."""
        if os.path.isdir("/proc/self/fd"):
            self._sample()
            self._thread.start()

    def stop(self) -> list[SeenProcess]:
        """Ends after a last sample; what was seen, in the order of process starts."""
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join()
        return [_result(one) for one in sorted(self._processes.values(), key=lambda one: (one.started, one.pid))]

    def _loop(self) -> None:
        delay = self._interval
        calm = time.monotonic() + _EARLY_SECONDS
        while not self._ended.wait(delay):
            spent = -time.thread_time()
            self._sample()
            spent += time.thread_time()
            share = _SHARE if time.monotonic() < calm else _LATER_SHARE
            delay = min(max(self._interval, spent / share), _LONGEST)
        self._sample()

    def _sample(self) -> None:
        # `stat` is read for new numbers only: listing /proc costs 0.1 ms, reading every process many times that.
        present = {int(name) for name in os.listdir("/proc") if name.isdigit()}
        for pid in self._by_pid.keys() - present:
            del self._by_pid[pid]
        self._checked &= present
        self._adopt(present - self._checked)
        for process in list(self._by_pid.values()):
            with contextlib.suppress(OSError):
                _describe(process)

    def _adopt(self, new: set[int]) -> None:
        """Takes in those of the new processes that belong to the run."""
        self._checked |= new
        records = {pid: record for pid in new if (record := _stat(pid))}
        # In rounds: numbers begin anew at `kernel.pid_max`, so a child's may be lower than its parent's.
        while found := [
            pid
            for pid, (parent, session, _) in records.items()
            if pid == self._root or parent in self._by_pid or session == self._root
        ]:
            for pid in found:
                parent, _, started = records.pop(pid)
                self._by_pid[pid] = self._processes.setdefault((pid, started), _Process(pid, parent, started))


def _stat(pid: int, *, zombies: bool = True) -> tuple[int, int, int] | None:
    """Parent, session and start time of a process; proc_pid_stat(5)."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()  # the program's name may hold blanks and brackets
    except OSError:
        return None
    if len(fields) <= 19 or (fields[0] in {b"Z", b"X"} and not zombies):
        return None
    return int(fields[1]), int(fields[3]), int(fields[19])


def _describe(process: _Process) -> None:
    base = f"/proc/{process.pid}"
    with contextlib.suppress(OSError):
        process.executable = os.readlink(f"{base}/exe")
    with open(f"{base}/cmdline", "rb") as file:
        line = file.read()
    if line:  # empty for one that has ended and waits for its parent
        process.samples += 1
        process.arguments = tuple(os.fsdecode(part) for part in line.removesuffix(b"\0").split(b"\0"))
    _descriptors(process, base)
    now = time.monotonic()
    if now >= process.maps_due:
        _mappings(process, base)
        # Mappings change rarely and are dear to read: the longer it took, the later again.
        process.maps_due = now + max(1.0, (time.monotonic() - now) * 100 * _MAPS_EVERY)


def _descriptors(process: _Process, base: str) -> None:
    for name in os.listdir(f"{base}/fd"):
        try:
            path = os.readlink(f"{base}/fd/{name}")
            if (name, path) in process.known or not path.startswith("/") or path.startswith(_PSEUDO):
                continue
            process.known.add((name, path))
            if not stat.S_ISREG(os.stat(f"{base}/fd/{name}").st_mode) or path.endswith(" (deleted)"):
                continue
            process.files.setdefault(path, set()).add(_mode(f"{base}/fdinfo/{name}"))
        except OSError:  # closed meanwhile
            continue


def _mode(info: str) -> str:
    with open(info, "rb") as file:
        flags = re.search(rb"^flags:\s*([0-7]+)", file.read(), re.MULTILINE)
    return ("r", "w", "rw", "r")[int(flags[1], 8) & os.O_ACCMODE] if flags else "r"


def _mappings(process: _Process, base: str) -> None:
    try:
        with open(f"{base}/maps", encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
    except OSError:
        return
    for path in set(_MAPPED.findall(text)):
        unwanted = path.startswith(_SYSTEM) or _LIBRARY.search(path) or path.endswith(" (deleted)")
        if not unwanted and path != process.executable:
            process.files.setdefault(path, set()).add("map")


def _result(process: _Process) -> SeenProcess:
    files = sorted((path, mode) for path, modes in process.files.items() for mode in modes)
    arguments, _ = scrub_arguments(process.arguments)
    return SeenProcess(
        pid=process.pid,
        parent=process.parent,
        started=process.started,
        executable=process.executable,
        arguments=tuple(arguments),
        files=tuple(OpenFile(path, mode) for path, mode in files),
        samples=process.samples,
    )
