"""``reprokit compare``."""

from __future__ import annotations

from pathlib import Path

import click

from reprokit.cli.output import JSON_OPTION, print_document, screen
from reprokit.cli.replay import TIERS


@click.command()
@click.argument("first", type=click.Path(path_type=Path), metavar="A")
@click.argument("second", type=click.Path(path_type=Path), metavar="B")
@click.option("--target", type=TIERS, help="The tier to reach [bitwise].")
@JSON_OPTION
def command(first: Path, second: Path, target: str | None, *, as_json: bool) -> int:
    """Compare two bundles, or two directories of results. Nothing is run."""
    from reprokit.cli.ending_status import status_of
    from reprokit.report.terminal import render_verdict
    from reprokit.schema.config import load_config
    from reprokit.schema.tiers import Tier
    from reprokit.verbs.compare import compare

    verdict = compare(first, second, Tier(target) if target else None, load_config(Path.cwd()))
    if as_json:
        print_document(verdict)
    else:
        click.echo(render_verdict(verdict, screen(), [str(first), str(second)]), nl=False)
    return status_of(verdict)
