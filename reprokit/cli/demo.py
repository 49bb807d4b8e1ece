"""``reprokit demo``."""

from __future__ import annotations

from pathlib import Path

import click

from reprokit.cli.output import JSON_OPTION, print_document, screen


@click.command()
@click.argument("directory", type=click.Path(path_type=Path), required=False)
@click.option(
    "--framework", type=click.Choice(["torch", "sklearn", "numpy"]), help="The best that is installed [torch]."
)
@click.option("--runs", type=click.IntRange(1, 20), default=2, show_default=True, help="How often to replay.")
@JSON_OPTION
def command(directory: Path | None, framework: str | None, runs: int, *, as_json: bool) -> int:
    """Record, replay and judge a real training run in DIRECTORY (a new `reprokit-demo` by default).

    Then it is replayed with one weight moved by one unit in the last place, which must be caught.
    """
    from reprokit.errors import Exit
    from reprokit.report.terminal import render_verdict
    from reprokit.verbs.demo import demo

    done = demo(
        directory, framework, runs, (lambda _t: None) if as_json else (lambda t: click.echo(f"… {t}", err=True))
    )
    status = Exit.MET if done.succeeded else Exit.NOT_MET
    if as_json:
        print_document(
            {
                "schema": "reprokit.demo/1", "framework": done.framework, "directory": str(done.directory),
                "bundle": str(done.bundle), "badge": str(done.badge), "verdict": done.verdict.to_json(),
                "fault": done.fault.to_json(), "succeeded": done.succeeded,
            }
        )  # fmt: skip
        return int(status)
    click.echo(render_verdict(done.verdict, screen(), [str(done.bundle)]))
    found = done.fault.divergence
    if done.fault.met or found is None:
        click.echo("The planted fault was NOT found: this is a defect of reprokit; please report it.")
        return int(status)
    where = f"step {found.step}, {found.part}, {found.tensor}" if found.step else f"{found.part} {found.tensor}"
    click.echo(f"With one weight moved by one ULP the replay is only {done.fault.tier}; it diverges at {where}.")
    click.echo(f"In {done.directory}: train.py, the bundles, verdict.json and {done.badge.name}.")
    return int(status)
