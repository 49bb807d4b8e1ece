"""``reprokit replay``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from reprokit.cli.output import BUNDLE_ARGUMENT, JSON_OPTION, print_document, progress, screen

if TYPE_CHECKING:
    from pathlib import Path

TIERS = click.Choice(["re-runnable", "metric-close", "bitwise"])


def moved(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """Reads ``--data RECORDED=HERE``: recorded place -> place here."""
    places = {}
    for value in values:
        recorded, equals, here = value.partition("=")
        if not equals or not recorded or not here:
            raise click.BadParameter(f"{value!r} is not RECORDED=HERE")
        places[os.path.normpath(recorded)] = os.path.abspath(here)  # noqa: PTH100 - a link stays a link
    return places


@click.command()
@BUNDLE_ARGUMENT
@click.option("--runs", type=click.IntRange(1, 1000), default=1, show_default=True, help="How often to run it.")
@click.option(
    "--policy", metavar="NAME", default="recorded", show_default=True,
    help="Switches to run under: those of the record, none, fast, deterministic, strict, or your own.",
)  # fmt: skip
@click.option("--target", type=TIERS, help="The tier to reach [bitwise].")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="Stop each run after.")
@click.option(
    "--env", type=click.Choice(["current", "rebuilt"]), default="current", show_default=True,
    help="Packages: those installed here, or the recorded ones in a fresh virtual environment.",
)  # fmt: skip
@click.option("--data", multiple=True, callback=moved, metavar="RECORDED=HERE", help="Where recorded data are now.")
@click.option(
    "--isolation", type=click.Choice(["auto", "namespace", "rewrite"]), default="auto", show_default=True,
    help="How the original's files are kept out of reach.",
)  # fmt: skip
@click.option("--trust", is_flag=True, help="Run code from a bundle that was not recorded here.")
@click.option("--show-output", is_flag=True, help="Show what the command prints, on standard error.")
@click.option("--no-lineage", is_flag=True, help="Keep the replay out of the lineage graph.")
@JSON_OPTION
def command(
    bundle: Path, *, as_json: bool, show_output: bool, no_lineage: bool, target: str | None, **given: Any
) -> int:
    """Run BUNDLE again, in a fresh process and directory, and say how close it came.

    Exit status: 0 target met, 1 not met, 3 cannot be established here.

    \b
    reprokit replay train.repro.tar.zst
    reprokit replay train.repro.tar.zst --runs 3 --policy deterministic
    """  # noqa: D301
    from reprokit.cli.ending_status import status_of
    from reprokit.report.terminal import render_verdict
    from reprokit.schema.tiers import Tier
    from reprokit.verbs.replay import ReplayOptions, replay

    shown = 2 if show_output else None
    lineage = False if no_lineage else None
    options = ReplayOptions(
        target=Tier(target) if target else None, stdout=shown, stderr=shown, lineage=lineage, **given
    )
    verdict = replay(bundle, options, progress(as_json=as_json))
    if as_json:
        print_document(verdict)
    else:
        click.echo(render_verdict(verdict, screen(), [str(bundle)]), nl=False)
    return status_of(verdict)
