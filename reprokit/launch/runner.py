"""Runs one command to its end: the only place that starts a user's process."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reprokit.capture.process_tree import family
from reprokit.errors import UsageError
from reprokit.launch.streams import Passthrough

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

_PATIENCE = 5.0  # seconds between SIGTERM and SIGKILL
_LONGEST_POLL = 2_000_000.0  # seconds; poll counts milliseconds in 32 bits
_ROUNDS = 20  # a process that is being killed may have forked meanwhile


@dataclass(frozen=True)
class Outcome:
    """How a command ended. ``status`` follows the shell: 128 + n for signal n. Durations in seconds."""

    status: int
    signal: int | None
    duration_s: float
    timed_out: bool
    interrupted: bool


@dataclass(frozen=True)
class Command:
    """What to run and where its output goes.

    Attributes:
        stdout, stderr: descriptors that get the output, or None to keep it in the logs only.
        own_session: whether the command leads a session of its own, so that it can be stopped with all its children.
    """

    arguments: Sequence[str]
    directory: Path
    environment: dict[str, str]
    logs: Path
    stdout: int | None = 1
    stderr: int | None = 2
    timeout_s: float | None = None
    own_session: bool = False
    stdin: int | None = None


def run(command: Command, started: Callable[[int], None] = lambda _pid: None) -> Outcome:
    """Runs a command.

    Args:
        command: what to run.
        started: called with the process id once the command runs.

    Raises:
        UsageError: RPK002 when it cannot be started.
    """
    out = Passthrough(command.stdout, command.logs / "stdout.txt")
    err = Passthrough(command.stderr, command.logs / "stderr.txt")
    begin = time.monotonic()
    apart = command.own_session or not _has_terminal()
    with _forwarding(apart=apart) as relay:
        try:
            process = subprocess.Popen(
                list(command.arguments), cwd=command.directory, env=command.environment, stdin=command.stdin,
                stdout=out.child_fd, stderr=err.child_fd, start_new_session=command.own_session,
                process_group=0 if apart and not command.own_session else None,
            )  # fmt: skip
        except (OSError, ValueError) as error:
            name = command.arguments[0] if command.arguments else ""
            raise UsageError("RPK002", f"cannot start {name!r}: {_reason(error)}") from None
        relay.begin(process)
        out.start()
        err.start()
        started(process.pid)
        timed_out = _wait(process, command)
        if relay.came and command.own_session:
            _end_family(process, relay.came)  # what a replay started has no use without it
    duration = time.monotonic() - begin
    out.finish()
    err.finish()
    number = -process.returncode if process.returncode < 0 else None
    status = 128 + number if number is not None else process.returncode
    return Outcome(status, number, duration, timed_out, bool(relay.came))


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def _wait(process: subprocess.Popen[bytes], command: Command) -> bool:
    if command.timeout_s is not None and not _ends_within(process, command.timeout_s):
        stop(process, whole_session=command.own_session)
        return True
    process.wait()
    return False


def _ends_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether a process ends in time; it is known at once, where ``wait`` with a timeout looks every 50 ms."""
    try:
        handle = os.pidfd_open(process.pid) if seconds < _LONGEST_POLL else -1
    except (AttributeError, OSError):  # not Linux, or an old kernel
        handle = -1
    if handle < 0:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True
    try:
        waiting = select.poll()
        waiting.register(handle, select.POLLIN)
        return bool(waiting.poll(seconds * 1000))
    finally:
        os.close(handle)


def stop(process: subprocess.Popen[bytes], *, whole_session: bool) -> None:
    """Ends a process (and all its descendants): SIGTERM, and SIGKILL when that does not help."""
    if not whole_session:
        _signal(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_PATIENCE)
        process.kill()
        process.wait()
        return
    # A descendant may lead a session of its own, and loses its parent when that ends: so the family is asked for first.
    known = _family(process, {})
    for pid in known:
        _signal(pid, signal.SIGTERM)
    _end_family(process, known)


def _end_family(process: subprocess.Popen[bytes], known: dict[int, int]) -> None:
    """Waits for processes that have had their signal, and kills those that stay."""
    known = _family(process, known)
    end = time.monotonic() + _PATIENCE
    while known and time.monotonic() < end:
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
        time.sleep(0.01)
        known = _family(process, known)
    for _ in range(_ROUNDS):
        for pid in known:
            _signal(pid, signal.SIGKILL)
        known = _family(process, known)
        if not known:
            break
    process.wait()


def _family(process: subprocess.Popen[bytes], known: dict[int, int]) -> dict[int, int]:
    """The running processes of the command; only itself where there is no ``/proc``."""
    try:
        return family(process.pid, known)
    except OSError:
        return {} if process.poll() is not None else {process.pid: 0}


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


class _Relay:
    """Lets the command, not us, decide what Ctrl-C and SIGTERM mean, and gives it each of them once.

    Args:
        apart: whether the command leads a process group of its own. Where there is a terminal it must share ours,
            since only one group may read from the terminal; then Ctrl-C reaches both at once.

    Attributes:
        came: empty while no signal came; then the command and the descendants that it had (see `family`).
    """

    def __init__(self, *, apart: bool) -> None:
        self.came: dict[int, int] = {}
        self._apart = apart
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []  # what came before there was a command

    def handle(self, number: int, _frame: object) -> None:
        """Is called when a signal comes."""
        if self._process is None:
            self._early.append(number)
        else:
            # A terminal sends Ctrl-C to the whole foreground group: the command has had it already.
            self._pass(self._process, number, delivered=number == signal.SIGINT and not self._apart)

    def begin(self, process: subprocess.Popen[bytes]) -> None:
        """Is told of the command as soon as it runs: nobody else would end it."""
        self._process = process
        for number in self._early:
            self._pass(process, number, delivered=False)

    def _pass(self, process: subprocess.Popen[bytes], number: int, *, delivered: bool) -> None:
        self.came.update({process.pid: 0} | (_family(process, self.came) if self._apart else {}))
        if not delivered:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, number) if self._apart else process.send_signal(number)


@contextmanager
def _forwarding(*, apart: bool) -> Iterator[_Relay]:
    """Forwards signals from before the command starts until it has ended; `apart` is as for `_Relay`."""
    relay = _Relay(apart=apart)
    previous = {}
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGINT and signal.getsignal(number) is signal.SIG_IGN:
            continue  # `nohup`: a terminal that is closed ends neither us nor the command, which inherits that
        with suppress(ValueError):  # not in the main thread: pytest-timeout and the like keep their handlers
            previous[number] = signal.signal(number, relay.handle)
    try:
        yield relay
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
