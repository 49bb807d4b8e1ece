"""``reprokit verify``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from reprokit.cli.output import JSON_OPTION, print_document, print_warnings, progress


@click.command()
@click.argument("bundle")
@click.option("--policy", metavar="NAME", help="Judge by a release policy: `release`, or one of the project's own.")
@click.option(
    "--lineage", metavar="PLACE", help="With --policy: the graph, a JSON document or a store [that of the project]."
)
@JSON_OPTION
def command(bundle: str, *, policy: str | None, lineage: str | None, as_json: bool) -> int:
    """Check every bit of BUNDLE, and that its manifest speaks of what is there. Nothing is run.

    With --policy, say whether it may be released: what it descends from is known, complete and unchanged, and its last
    rebuild test is young enough and good enough. BUNDLE can then be a model's file or directory, too, or the
    identifier of anything in the lineage graph.

    \b
    reprokit verify train.repro.tar.zst
    reprokit verify model.pt --policy release
    reprokit verify export/ --policy release

    Exit status: 0 whole, and the policy is met; 1 it is not met; 3 that cannot be established; 4 damaged, hostile or
    from a newer version.
    """  # noqa: D301
    if policy is not None:
        return _release(bundle, policy, lineage, as_json=as_json)
    if lineage is not None:
        raise click.UsageError("--lineage goes with --policy")
    return _whole(Path(bundle), as_json=as_json)


def _whole(bundle: Path, *, as_json: bool) -> int:
    from reprokit.errors import CorruptBundleError
    from reprokit.report.summaries import size_text
    from reprokit.verbs.verify import verify

    try:
        found = verify(bundle)
    except CorruptBundleError as error:
        if error.code != "RPK020" or bundle.name.endswith(".repro.tar.zst"):
            raise
        hint = "Name a bundle. Whether a model may be released says `reprokit verify MODEL --policy release`."
        raise CorruptBundleError(error.code, error.message, hint) from None
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


def _release(subject: str, policy: str, lineage: str | None, *, as_json: bool) -> int:
    from reprokit.errors import Exit
    from reprokit.report.release import render_release
    from reprokit.verbs.release import verify_release

    report = verify_release(subject, policy, lineage=lineage, progress=progress(as_json=as_json))
    if as_json:
        print_document(report)
    else:
        click.echo(render_release(report), nl=False)
        if "\0" not in subject and subject not in report.node and not os.path.lexists(subject):
            click.echo(f"{subject!a} is no file here: judged is what the graph knows by that name", err=True)
    if report.met:
        return int(Exit.MET)
    return int(Exit.UNVERIFIED if report.status == "unverified" else Exit.NOT_MET)
