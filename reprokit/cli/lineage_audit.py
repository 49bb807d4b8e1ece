"""``reprokit lineage audit``."""

from __future__ import annotations

from pathlib import Path

import click

from reprokit.cli.output import JSON_OPTION, print_document


@click.command("audit")
@click.option(
    "--from", "system", required=True, type=click.Choice(["mlflow", "dvc"]), help="The system that tracked the run."
)
@click.option(
    "--bundle", type=click.Path(path_type=Path), help="For dvc: the recording of the run that wrote the lock."
)
@JSON_OPTION
@click.argument("source")
def command(system: str, bundle: Path | None, source: str, *, as_json: bool) -> int:
    """Say what a run of another system lacks for being run again.

    SOURCE is a run of MLflow as URI#RUN, or a dvc.lock. Of a lock, it is told whether a dependency was edited while
    its stage ran: it is locked with content that the stage never read.

    Exit status: 0 it lacks nothing, 1 it lacks something, 3 that could not be told.
    """
    from reprokit.errors import Exit
    from reprokit.report.wording import clean
    from reprokit.verbs.audit import audit_dvc, audit_mlflow

    found = audit_mlflow(source) if system == "mlflow" else audit_dvc(source, bundle)
    if as_json:
        print_document(found)
    else:
        for one in found.lacks:
            click.echo(f"{clean(one.name)}: {clean(one.why)} ({clean(one.node)})\n    {clean(one.remedy)}")
        for text in found.unknown:
            click.echo(f"not known: {clean(text)}")
        if found.met:
            click.echo("it lacks nothing")
    return int(Exit.MET if found.met else Exit.NOT_MET if found.lacks else Exit.UNVERIFIED)
