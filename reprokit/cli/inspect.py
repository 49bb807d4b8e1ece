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
    from reprokit.digest import sha256_bytes
    from reprokit.launch.opening import open_bundle, peek
    from reprokit.report.summaries import render_inspect
    from reprokit.schema.versions import view

    document, raw = peek(bundle)
    if as_json:
        print_document(document)
        return 0
    try:  # reading the plain JSON is three times as fast as validating it
        text = render_inspect(view(document, "run"), screen(), sha256_bytes(raw))  # type: ignore[arg-type]
    except (AttributeError, TypeError, KeyError, ValueError):
        with open_bundle(bundle) as (_reader, manifest, bundle_id):
            text = render_inspect(manifest, screen(), bundle_id)
    click.echo(text, nl=False)
    return 0
