"""``reprokit ls``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reprokit.cli.output import BUNDLE_ARGUMENT, JSON_OPTION, print_document

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@BUNDLE_ARGUMENT
@click.option("-l", "--long", "detailed", is_flag=True, help="Sizes and digests too.")
@JSON_OPTION
def command(bundle: Path, *, detailed: bool, as_json: bool) -> int:
    """List the files in BUNDLE."""
    from reprokit.bundle.names import escape_name
    from reprokit.launch.opening import open_bundle

    with open_bundle(bundle) as (reader, _manifest, _id):
        if as_json:
            print_document({"schema": "reprokit.ls/1", "members": [member.to_json() for member in reader.members]})
            return 0
        for member in reader.members:
            name = escape_name(member.path)
            click.echo(f"{member.size:>12}  {member.sha256[7:19]}  {name}" if detailed else name)
    return 0
