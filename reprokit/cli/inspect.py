"""``reprokit inspect``."""

from __future__ import annotations

from pathlib import Path

import click

from reprokit.cli.output import BUNDLE_ARGUMENT, JSON_OPTION, print_document, screen


@click.command()
@BUNDLE_ARGUMENT
@JSON_OPTION
def command(bundle: Path, *, as_json: bool) -> int:
    """Show what BUNDLE says of its run. Only the manifest is read, however large the bundle is."""
    from reprokit.launch.opening import open_bundle
    from reprokit.report.summaries import render_inspect

    with open_bundle(bundle) as (_reader, manifest, bundle_id):
        if as_json:
            print_document(manifest)
        else:
            click.echo(render_inspect(manifest, screen(), bundle_id), nl=False)
    return 0
