"""``reprokit unpack``."""

from __future__ import annotations

from pathlib import Path

import click

from reprokit.cli.output import BUNDLE_ARGUMENT, JSON_OPTION, print_document


@click.command()
@BUNDLE_ARGUMENT
@click.argument("directory", type=click.Path(path_type=Path), required=False)
@click.option("--prefix", default="", help="Only files whose path begins with this, such as `code/`.")
@JSON_OPTION
def command(bundle: Path, directory: Path | None, prefix: str, *, as_json: bool) -> int:
    """Extract BUNDLE into DIRECTORY (a new or empty one; named after the bundle by default)."""
    from reprokit.bundle.names import escape_name
    from reprokit.errors.counting import counted
    from reprokit.launch.opening import open_bundle

    target = directory or Path(bundle.name.removesuffix(".repro.tar.zst") + "-unpacked")
    with open_bundle(bundle) as (reader, _manifest, _id):
        written = reader.extract_all(target, prefix)
        if not prefix:
            (target / "manifest.json").write_bytes(reader.manifest)
    if as_json:
        names = [escape_name(str(path)) for path in written]
        print_document({"schema": "reprokit.unpack/1", "directory": escape_name(str(target)), "files": names})
    else:
        click.echo(f"{counted(len(written), 'file')} in {target}")
    return 0
