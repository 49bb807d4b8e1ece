"""``reprokit inspect``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reprokit.cli.output import BUNDLE_ARGUMENT, JSON_OPTION, print_document, screen

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@BUNDLE_ARGUMENT
@JSON_OPTION
def command(bundle: Path, *, as_json: bool) -> int:
    """Show what BUNDLE says of its run. Only the manifest is read, however large the bundle is."""
    from reprokit.digest import sha256_bytes
    from reprokit.launch.opening import is_plausible, open_bundle, peek
    from reprokit.report.summaries import render_inspect
    from reprokit.schema.versions import view

    if not as_json:
        document, raw = peek(bundle)
        if is_plausible(document):  # reading the plain JSON is three times as fast as validating it
            text = render_inspect(view(document, "run"), screen(), sha256_bytes(raw))  # type: ignore[arg-type]
            click.echo(text, nl=False)
            return 0
    with open_bundle(bundle) as (_reader, manifest, bundle_id):
        if as_json:
            print_document(manifest)
        else:
            click.echo(render_inspect(manifest, screen(), bundle_id), nl=False)
    return 0
