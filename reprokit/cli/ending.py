"""How a command ends: one clear error, the contract's exit status, and JSON where JSON was asked for."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import click

from reprokit.errors import CATALOGUE, Exit, ReprokitError

if TYPE_CHECKING:
    from collections.abc import Sequence


def run_program(program: click.Command, arguments: Sequence[str]) -> int:
    """Runs the command line; returns its exit status and never raises."""
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
    except BrokenPipeError:  # `reprokit … | head`: whoever read us has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return int(Exit.MET)
    except Exception as error:  # noqa: BLE001 - the process boundary
        if os.environ.get("REPROKIT_DEBUG"):
            raise
        message = f"{type(error).__name__}: {error}"
        return _fail("RPK031", message, CATALOGUE["RPK031"].remedy, Exit.UNVERIFIED, as_json=as_json)
    return int(result) if isinstance(result, int) else int(Exit.MET)


def _forced_colour() -> bool | None:
    """True keeps click from stripping the colour that FORCE_COLOR asks for; None leaves the choice to the terminal."""
    return True if os.environ.get("FORCE_COLOR") and not os.environ.get("NO_COLOR") else None


def _flush() -> None:
    sys.stdout.flush()


def _fail(code: str, message: str, hint: str, status: Exit, *, as_json: bool) -> int:
    clean = message.encode("utf-8", "backslashreplace").decode()
    if as_json:
        document = {
            "schema": "reprokit.error/1", "code": code, "message": clean, "hint": hint, "exit_status": int(status)
        }  # fmt: skip
        print(json.dumps(document, indent=2))  # noqa: T201
    label = click.style(f"error {code}", fg="red", bold=True) if colours() else f"error {code}"
    click.echo(f"{label}: {clean}", err=True)
    if hint:
        click.echo(f"  hint: {hint}", err=True)
    return int(status)


def colours() -> bool:
    """Whether standard error takes colour: a terminal, and no NO_COLOR."""
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
