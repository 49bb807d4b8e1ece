"""``reprokit record``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from reprokit.cli.output import JSON_OPTION, print_document


def _size(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    if value is None:
        return None
    from reprokit.schema.config import parse_size

    try:
        return parse_size(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _seed(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    if value is None:
        return None
    from reprokit.policy.seeds import parse_seed

    return parse_seed(value)


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("-o", "--bundle", "bundle", type=click.Path(path_type=Path), help="The bundle to write.")
@click.option("--name", help="Name of the run; the script's name by default.")
@click.option("--input", "inputs", multiple=True, metavar="GLOB", help="A file that the run reads, beside those seen.")
@click.option(
    "--output", "outputs", multiple=True, metavar="GLOB", help="A file that the run writes, beside those seen."
)
@click.option("--env-var", "env", multiple=True, metavar="NAME", help="Keep an environment variable.")
@click.option(
    "--trace", type=click.Choice(["budget", "full", "light", "off"]),
    help="What is digested in each step; `budget` bounds the time spent on it.",
)  # fmt: skip
@click.option("--policy", metavar="NAME", help="Switches to run under: none, fast, deterministic, strict, or your own.")
@click.option("--seed", callback=_seed, metavar="N", help="Seed of all generators; any whole number.")
@click.option(
    "--embed-limit", callback=_size, metavar="SIZE", help="Inputs up to this size go into the bundle [16 MiB]."
)
@click.option("--image-digest", metavar="sha256:…", help="Digest of the container image, where it cannot be known.")
@click.option(
    "--manifest", "manifests", multiple=True, type=click.Path(path_type=Path),
    help="A dataset manifest to look for inputs in, beside the project's.",
)  # fmt: skip
@click.option(
    "--mlflow-run", metavar="[URI#]RUN",
    help="The run that MLflow tracks: the command continues it, and the bundle is logged with it.",
)  # fmt: skip
@click.option("--no-lineage", is_flag=True, help="Keep the run out of the lineage graph.")
@JSON_OPTION
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="-- COMMAND…")
def command(**given: Any) -> int:
    """Run COMMAND and write what it read, wrote and traced into one bundle.

    The command's exit status passes through, and a failed run is bundled too. Its script needs no change.

    \b
    reprokit record -- python train.py --epochs 3
    reprokit record -o run.repro.tar.zst -- torchrun --nproc-per-node 2 ddp.py
    """  # noqa: D301
    import os
    import sys

    from reprokit.launch.plan import RecordOptions
    from reprokit.report.screen import screen_of
    from reprokit.report.summaries import render_record
    from reprokit.verbs.tracking import record_tracked

    as_json = given["as_json"]
    options = RecordOptions(
        output=given["bundle"],
        inputs=given["inputs"],
        outputs=given["outputs"],
        env=given["env"],
        trace=given["trace"],
        policy=given["policy"],
        seed=given["seed"],
        embed_limit=given["embed_limit"],
        name=given["name"],
        image_digest=given["image_digest"],
        manifests=given["manifests"],
        lineage=False if given["no_lineage"] else None,
        stdout=2 if as_json else 1,
    )
    report = record_tracked(given["command"], options, given["mlflow_run"])
    if as_json:
        print_document(report)
    else:
        click.echo(render_record(report, screen_of(sys.stderr, os.environ)), err=True)
    return report.exit_status
