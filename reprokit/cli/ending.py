"""How a command ends: one clear error, the contract's exit status, and JSON where JSON was asked for."""

from __future__ import annotations

import io
import json
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from reprokit.errors import CATALOGUE, Exit, ReprokitError

if TYPE_CHECKING:
    from collections.abc import Sequence


def run_program(program: click.Command, arguments: Sequence[str]) -> int:  # noqa: PLR0911 - one a way to end
    """Runs the command line; returns its exit status and never raises."""
    _survive_readers_that_leave()
    own = list(arguments[: list(arguments).index("--")]) if "--" in arguments else list(arguments)
    as_json = "--json" in own
    try:
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
        message = f"{type(error).__name__}: {error}"
        return _fail("RPK031", message, CATALOGUE["RPK031"].remedy, Exit.UNVERIFIED, as_json=as_json)
    return int(result) if isinstance(result, int) else int(Exit.MET)


def _forced_colour() -> bool | None:
    """True keeps click from stripping the colour that FORCE_COLOR asks for; None leaves the choice to the terminal."""
    return True if os.environ.get("FORCE_COLOR") and not os.environ.get("NO_COLOR") else None


class _Lenient(io.FileIO):
    """Standard output or error whose reader may leave (``reprokit … | head``): the rest goes nowhere.

    An exception would end the command in the middle, and a verdict's exit status must not depend on who reads it.
    """

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            return memoryview(data).nbytes


def _survive_readers_that_leave() -> None:
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if type(stream) is io.TextIOWrapper and type(getattr(stream.buffer, "raw", None)) is io.FileIO:
            stream.flush()
            buffer = io.BufferedWriter(_Lenient(stream.fileno(), "w", closefd=False))
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
