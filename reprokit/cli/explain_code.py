"""``reprokit explain-code``."""

from __future__ import annotations

import click

from reprokit.cli.output import JSON_OPTION, print_document
from reprokit.errors import CATALOGUE


@click.command()
@click.argument("code", required=False)
@JSON_OPTION
def command(code: str | None, *, as_json: bool) -> int:
    """Explain an error or warning CODE such as RPK022; without one, list them all."""
    wanted = [code.upper()] if code else list(CATALOGUE)
    if wanted[0] not in CATALOGUE:
        raise click.UsageError(f"{code} is no code; `reprokit explain-code` lists them all")
    if as_json:
        codes = {name: vars(CATALOGUE[name]) for name in wanted}
        print_document({"schema": "reprokit.codes/1", "codes": codes})
    elif code:
        entry = CATALOGUE[wanted[0]]
        click.echo(f"{wanted[0]}: {entry.title}\n\n{entry.why}\n\nWhat to do: {entry.remedy}")
    else:
        for name in wanted:
            click.echo(f"{name}  {CATALOGUE[name].title}")
    return 0
