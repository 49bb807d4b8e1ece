"""``reprokit badge``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reprokit.cli.output import JSON_OPTION, print_document

if TYPE_CHECKING:
    from reprokit.schema.verdict import Verdict


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
    reprokit badge --check badge.svg verdict.json

    Exit status with --check: 0 the badge shows the verdict, 1 it does not, 4 it is no badge or a damaged one.
    """  # noqa: D301
    from reprokit.report.badge import badge_endpoint, badge_svg, badge_text
    from reprokit.schema.verdict import Verdict

    given_verdict = _read(verdict)
    if not given_verdict.lstrip().startswith(b"{"):
        raise click.UsageError(f"{verdict} is no verdict: give the JSON that `reprokit replay --json` printed")
    document = Verdict.parse(given_verdict, str(verdict))
    if check is not None:
        return _check(check, verdict, document, as_json=as_json)
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


def _check(badge: Path, path: Path, verdict: Verdict, *, as_json: bool) -> int:
    """Draws the badge again and compares: the digest it carries, its words and its colours."""
    from reprokit.errors import CorruptBundleError, Exit
    from reprokit.report.badge import carried_digest, check_badge, verdict_digest

    given = _read(badge).decode("utf-8", "replace")
    try:
        carried = carried_digest(given)
    except CorruptBundleError as error:
        raise CorruptBundleError(error.code, f"{badge}: {error.message}") from None
    good, own = check_badge(given, verdict), verdict_digest(verdict)
    if as_json:
        matches = {"matches": good, "carried": carried, "verdict": own}
        print_document({"schema": "reprokit.badge/1", "badge": str(badge), **matches})
    elif good:
        click.echo(f"{badge} shows the verdict in {path}")
    else:
        other = "it carries that verdict's digest, and was altered" if carried == own else f"it is of {carried}"
        click.echo(f"{badge} does NOT show the verdict in {path}: {other}")
    return int(Exit.MET if good else Exit.NOT_MET)


def _read(path: Path) -> bytes:
    from reprokit.errors import UsageError

    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError("RPK003", f"cannot read {path}: {error.strerror}") from None


def _write(path: Path, text: str) -> None:
    from reprokit.launch.writing import write_atomically

    write_atomically(path, text.encode())
