"""``reprokit badge``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from reprokit.cli.output import JSON_OPTION, print_document


@click.command()
@click.argument("verdict", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="The badge to write: .svg, or .json for shields.io."
)
@click.option("--check", type=click.Path(path_type=Path), help="A badge to check against VERDICT.")
@JSON_OPTION
def command(verdict: Path, output: Path | None, check: Path | None, *, as_json: bool) -> int:
    """Draw the badge of VERDICT (the JSON that `replay --json` printed), or check one.

    \b
    reprokit replay run.repro.tar.zst --runs 3 --json > verdict.json
    reprokit badge verdict.json -o badge.svg
    reprokit badge verdict.json --check badge.svg
    """  # noqa: D301
    from reprokit.errors import Exit
    from reprokit.report.badge import badge_endpoint, badge_svg, badge_text, check_badge
    from reprokit.schema.verdict import Verdict

    given_verdict = _read(verdict)
    if not given_verdict.lstrip().startswith(b"{"):
        raise click.UsageError(f"{verdict} is no verdict: give the JSON that `reprokit replay --json` printed")
    document = Verdict.parse(given_verdict, str(verdict))
    if check is not None:
        given = _read(check).decode("utf-8", "replace")
        good = check_badge(given, document)
        if as_json:
            print_document({"schema": "reprokit.badge/1", "badge": str(check), "matches": good})
        else:
            click.echo(f"{check} {'shows' if good else 'does NOT show'} the verdict in {verdict}")
        return int(Exit.MET if good else Exit.NOT_MET)
    if as_json and output is None:
        print_document(badge_endpoint(document))
        return 0
    target = output or Path("badge.svg")
    text = json.dumps(badge_endpoint(document), indent=2) if target.suffix == ".json" else badge_svg(document)
    _write(target, text)
    if as_json:
        print_document({"schema": "reprokit.badge/1", "badge": str(target), "text": list(badge_text(document))})
    else:
        click.echo(f"{target}: {' | '.join(badge_text(document))}")
    return 0


def _read(path: Path) -> bytes:
    from reprokit.errors import UsageError

    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError("RPK003", f"cannot read {path}: {error.strerror}") from None


def _write(path: Path, text: str) -> None:
    from reprokit.launch.writing import write_atomically

    write_atomically(path, text.encode())
