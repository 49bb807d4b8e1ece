"""How a command ends: one clear error, the contract's exit status, and JSON where JSON was asked for."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import click

from reprokit.errors import CATALOGUE, Exit, ReprokitError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def run_program(program: click.Command, arguments: Sequence[str]) -> int:  # noqa: PLR0911 - one a way to end
    """Runs the command line; returns its exit status and never raises."""
    _survive_readers_that_leave()
    own = list(arguments[: list(arguments).index("--")]) if "--" in arguments else list(arguments)
    as_json = "--json" in own
    told: list[int] = []
    try:
        with _told_to_end(told):
            result = program.main(list(arguments), prog_name="reprokit", standalone_mode=False, color=_forced_colour())
        _flush()
    except ReprokitError as error:
        return _fail(error.code, error.message, error.hint, error.exit_status, as_json=as_json)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return int(Exit.USAGE)
    except click.UsageError as error:
        hint = f"Try `{error.ctx.command_path} --help`." if error.ctx else ""
        return _fail("RPK001", error.format_message(), hint, Exit.USAGE, as_json=as_json)
    except click.ClickException as error:
        return _fail("RPK001", error.format_message(), "", Exit.USAGE, as_json=as_json)
    except (KeyboardInterrupt, click.Abort):
        return _fail("RPK032", "interrupted", "", Exit.INTERRUPTED, as_json=as_json)
    except Exception as error:  # the process boundary
        if os.environ.get("REPROKIT_DEBUG"):
            raise
        if told:  # a library made another error of the interrupt, as pydantic does while it builds a model
            return _fail("RPK032", "interrupted", "", Exit.INTERRUPTED, as_json=as_json)
        message = f"{type(error).__name__}: {error}"
        return _fail("RPK031", message, CATALOGUE["RPK031"].remedy, Exit.UNVERIFIED, as_json=as_json)
    return int(result) if isinstance(result, int) else int(Exit.MET)


@contextlib.contextmanager
def _told_to_end(told: list[int]) -> Iterator[None]:
    """Takes SIGTERM and SIGHUP for Ctrl-C, so that drafts and temporary directories go as they do then.

    `timeout` and CI systems send SIGTERM, and some of them twice: the second does not disturb the clean-up. What one
    was asked not to hear, as by `nohup`, stays unheard.

    Args:
        told: gets the numbers of the signals that came.
    """

    def end(number: int, _frame: object) -> None:
        told.append(number)
        if number != signal.SIGINT:
            signal.signal(number, lambda *_: None)
        raise KeyboardInterrupt

    previous = {}
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        with contextlib.suppress(ValueError):  # not in the main thread
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                previous[number] = signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _forced_colour() -> bool | None:
    """True keeps click from stripping the colour that FORCE_COLOR asks for; None leaves the choice to the terminal."""
    return True if os.environ.get("FORCE_COLOR") and not os.environ.get("NO_COLOR") else None


class _Lenient(io.BufferedWriter):
    """Standard output or error whose reader may leave (``reprokit … | head``): the rest goes nowhere.

    An exception would end the command in the middle, and a verdict's exit status must not depend on who reads it. Not
    the raw stream: a signal's exception that comes between its write and its return makes the buffer write again.
    """

    at_once = False

    def write(self, data: Any) -> int:
        """Keeps what is written; its length."""
        with contextlib.suppress(BrokenPipeError):
            super().write(data)
            if self.at_once:
                super().flush()
        return memoryview(data).nbytes

    def flush(self) -> None:
        """Writes what is kept."""
        with contextlib.suppress(BrokenPipeError):
            super().flush()


def _survive_readers_that_leave() -> None:
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        inner = getattr(stream, "buffer", None)  # the raw stream itself, where Python is told not to buffer
        if type(stream) is io.TextIOWrapper and io.FileIO in (type(inner), type(getattr(inner, "raw", None))):
            stream.flush()
            buffer = _Lenient(io.FileIO(stream.fileno(), "w", closefd=False))
            buffer.at_once = type(inner) is io.FileIO
            lenient = io.TextIOWrapper(
                buffer,
                stream.encoding,
                stream.errors,
                line_buffering=stream.line_buffering,
                write_through=stream.write_through,
            )
            setattr(sys, name, lenient)


def _flush() -> None:
    sys.stdout.flush()


def _fail(code: str, message: str, hint: str, status: Exit, *, as_json: bool) -> int:
    clean = message.encode("utf-8", "backslashreplace").decode()
    if as_json:
        from reprokit.schema.failure import ErrorReport

        report = ErrorReport(code=code, message=clean, hint=hint, exit_status=int(status))
        print(json.dumps(report.to_json(), indent=2))  # noqa: T201
    label = click.style(f"error {code}", fg="red", bold=True) if colours() else f"error {code}"
    click.echo(f"{label}: {clean}", err=True)
    if hint:
        click.echo(f"  hint: {hint}", err=True)
    return int(status)


def colours() -> bool:
    """Whether standard error takes colour: a terminal, and no NO_COLOR."""
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
