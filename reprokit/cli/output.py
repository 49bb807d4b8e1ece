"""What the verbs share in talking to a person: JSON, text for the terminal, progress and warnings on standard error."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from reprokit.schema.base import Document
    from reprokit.schema.manifest import Notice

JSON_OPTION = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on standard output.")
BUNDLE_ARGUMENT = click.argument("bundle", type=click.Path(path_type=Path))


def print_document(document: Document | dict[str, Any]) -> None:
    """Prints a document as JSON on standard output."""
    plain = document if isinstance(document, dict) else document.to_json()
    click.echo(json.dumps(plain, indent=2))


def screen() -> Any:
    """How wide the terminal is, and what it can show."""
    from reprokit.report.screen import screen_of

    return screen_of(sys.stdout, os.environ)


def progress(*, as_json: bool) -> Callable[[str], None]:
    """A function that says what happens, on a terminal only, and leaves nothing behind."""
    if as_json or not sys.stderr.isatty():
        return lambda _text: None

    def say(text: str) -> None:
        click.echo(f"\r\033[K{text}…", nl=False, err=True)
        if text == "comparing":
            click.echo("\r\033[K", nl=False, err=True)

    return say


def print_warnings(warnings: Iterable[Notice]) -> None:
    """Prints warnings on standard error, a line each."""
    for warning in warnings:
        click.echo(f"warning {warning.code}: {warning.message}", err=True)
