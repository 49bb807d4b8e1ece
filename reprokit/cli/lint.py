"""``reprokit lint``."""

from __future__ import annotations

import json

import click

from reprokit.cli.output import JSON_OPTION, print_document


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--select", multiple=True, metavar="CODE", help="Report these rules only; RPL01 stands for RPL010 to RPL019."
)
@click.option("--ignore", multiple=True, metavar="CODE", help="Do not report these rules.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Leave these paths out.")
@click.option("--torch-version", metavar="VERSION", help="Look up this version of PyTorch [the installed one].")
@click.option("--tensorflow-version", metavar="VERSION", help="Look up this version of TensorFlow [the installed one].")
@click.option("--report-unused", is_flag=True, help="Report comments that silence nothing.")
@click.option(
    "--format", "as_format", type=click.Choice(["text", "github", "sarif"]), default="text", help="How to print [text]."
)
@JSON_OPTION
def command(
    paths: tuple[str, ...],
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    exclude: tuple[str, ...],
    torch_version: str | None,
    tensorflow_version: str | None,
    as_format: str,
    *,
    report_unused: bool,
    as_json: bool,
) -> int:
    """Read training code in PATH, without running it, and name what will make two runs differ.

    \b
    reprokit lint .
    reprokit lint train.py --torch-version 2.6

    A finding is silenced at its line by `# noqa: RPL010` or `# reprokit: ignore[RPL010]`.

    Exit status: 0 nothing above a note was found, 1 something was.
    """  # noqa: D301
    from reprokit.errors import Exit
    from reprokit.verbs.lint import lint

    versions = {"torch": torch_version, "tensorflow": tensorflow_version}
    found = lint(
        paths,
        select=_codes(select),
        ignore=_codes(ignore),
        exclude=exclude,
        versions={name: text for name, text in versions.items() if text},
        unused=report_unused,
    )
    if as_json:
        print_document(found)
    elif as_format == "sarif":
        from reprokit.report.sarif import lint_sarif

        click.echo(json.dumps(lint_sarif(found), indent=2))
    elif as_format == "github":
        from reprokit.report.github import lint_commands

        click.echo("\n".join(lint_commands(found)))
    else:
        from reprokit.report.lint import render_lint

        click.echo(render_lint(found), nl=False)
    return int(Exit.MET if found.met else Exit.NOT_MET)


def _codes(given: tuple[str, ...]) -> list[str]:
    """`--select RPL01,RPL02` as well as the option given twice."""
    return [code.strip().upper() for text in given for code in text.split(",") if code.strip()]
