"""``reprokit verify``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reprokit.cli.output import BUNDLE_ARGUMENT, JSON_OPTION, print_document, print_warnings

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@BUNDLE_ARGUMENT
@JSON_OPTION
def command(bundle: Path, *, as_json: bool) -> int:
    """Check every bit of BUNDLE, and that its manifest speaks of what is there. Nothing is run.

    Exit status: 0 whole, 4 damaged, hostile or from a newer version.
    """
    from reprokit.report.summaries import size_text
    from reprokit.verbs.verify import verify

    found = verify(bundle)
    if as_json:
        print_document(found)
        return 0
    click.echo(f"{bundle} is whole: {found.members} files, {size_text(found.bytes)}, {found.traced_steps} traced steps")
    click.echo(f"id {found.id}")
    if found.referenced:
        click.echo(f"{len(found.referenced)} inputs are referenced and not held: {', '.join(found.referenced[:5])}")
    if found.incomplete:
        click.echo("the run was ended by a signal: its trace is incomplete")
    print_warnings(found.warnings)
    return 0
