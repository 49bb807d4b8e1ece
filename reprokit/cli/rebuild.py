"""``reprokit rebuild``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import click

from reprokit.cli.output import JSON_OPTION, print_document, print_warnings, progress
from reprokit.cli.replay import TIERS

if TYPE_CHECKING:
    from reprokit.schema.rebuild import RebuildReport, Rebuilt

_DAYS = 7.0


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]…")
@click.option("--due", is_flag=True, help="Only those never replayed, or too long ago, or that missed their target.")
@click.option(
    "--older-than", type=click.FloatRange(min=0), metavar="DAYS", help=f"With --due: how old is too old [{_DAYS:g}]."
)
@click.option("--runs", type=click.IntRange(1, 1000), default=1, show_default=True, help="How often to run each.")
@click.option("--target", type=TIERS, help="The tier to reach [that of each bundle].")
@click.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS",
    help="Stop each run after [ten times as long as recorded, 600 at least].",
)  # fmt: skip
@click.option("--trust", is_flag=True, help="Run code from bundles that were not recorded here.")
@JSON_OPTION
def command(
    paths: tuple[str, ...], *, due: bool, older_than: float | None, runs: int, target: str | None,
    timeout: float | None, trust: bool, as_json: bool,
) -> int:  # fmt: skip
    """Replay the bundles at PATH (directories are searched; [.]), and add each outcome to the lineage graph.

    \b
    reprokit rebuild --due bundles/
    reprokit rebuild --due --older-than 1 bundles/ --json

    It is made for cron and CI: two at once do not replay the same bundle, and one that hangs is stopped.

    Exit status: 0 every bundle met its target or is not due, 1 one missed it, 3 one could not be judged here, 4 one is
    damaged or not trusted.
    """  # noqa: D301
    from reprokit.schema.tiers import Tier
    from reprokit.verbs.rebuild import RebuildOptions, rebuild

    if older_than is not None and not due:
        raise click.UsageError("--older-than goes with --due")
    if any(value is not None and math.isnan(value) for value in (older_than, timeout)):
        raise click.UsageError("nan is no number of days or seconds")
    options = RebuildOptions(
        older_than=(_DAYS if older_than is None else older_than) if due else None,
        runs=runs, target=Tier(target) if target else None, timeout=timeout, trust=trust,
    )  # fmt: skip
    say = progress(as_json=as_json)

    def show(one: Rebuilt) -> None:
        say("comparing")
        if not as_json:
            click.echo(_line(one))

    report = rebuild(paths or ["."], options, progress=say, done=show)
    if as_json:
        print_document(report)
    print_warnings(report.warnings)
    return _status(report)


def _line(one: Rebuilt) -> str:
    from reprokit.report.wording import clean

    tier = f" {one.tier} of {one.target}" if one.tier is not None else ""
    said = f"{one.code}: {one.message}" if one.code else one.message or one.why
    unkept = "" if one.recorded or one.outcome in ("not-due", "elsewhere") else " (not in the lineage graph)"
    return f"{one.outcome:<10} {clean(one.bundle)}{tier}: {clean(said, 300)}{unkept}"


def _status(report: RebuildReport) -> int:
    from reprokit.errors import Exit

    outcomes = {one.outcome for one in report.bundles}
    if "missed" in outcomes:
        return int(Exit.NOT_MET)
    if "refused" in outcomes:
        return int(Exit.CORRUPT)
    return int(Exit.UNVERIFIED if outcomes & {"unverified", "elsewhere"} else Exit.MET)
