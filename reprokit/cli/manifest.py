"""``reprokit manifest``: create, check, diff, show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reprokit.cli.output import JSON_OPTION, print_document, print_warnings, screen

if TYPE_CHECKING:
    from collections.abc import Callable

    from reprokit.datasets.optout import OptOut
    from reprokit.schema.dataset_config import DatasetConfig
    from reprokit.verbs.manifest import ManifestOptions

_MANIFEST = click.Path(path_type=Path)


def _reading(function: Callable[..., int]) -> Callable[..., int]:
    """The options of verbs that read files."""
    for option in (
        click.option("--no-cache", is_flag=True, help="Neither use nor keep digests of earlier times."),
        click.option("--paranoid", is_flag=True, help="Read every file again, whatever the cache says."),
        click.option("--threads", type=click.IntRange(1, 256), default=None, help="Files read at once [processors]."),
    ):
        function = option(function)
    return function


def _opt_out(function: Callable[..., int]) -> Callable[..., int]:
    for option in (
        click.option("--opt-out-hashed", is_flag=True, help="The list holds the sha256 (hex) of keys."),
        click.option("--opt-out-version", default="", metavar="TEXT", help="Version of the list."),
        click.option("--opt-out-key", metavar="COLUMN", help="Column of its keys; `path` or `stem`: names of files."),
        click.option("--opt-out", type=_MANIFEST, metavar="LIST", help="Keys that must not be in the dataset."),
    ):
        function = option(function)
    return function


@click.group()
def command() -> None:
    """Describe a dataset: what it holds, how it was made, and what may be done with it.

    \b
    reprokit manifest create data/ --licence CC-BY-4.0
    reprokit manifest check data.manifest.json
    """  # noqa: D301


@command.command(short_help="Describe a dataset, and write its manifest.")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--dataset", metavar="NAME", help="As [tool.reprokit.dataset.NAME] says.")
@click.option("--query", metavar="SQL", help="The answer to a query, instead of files.")
@click.option("--database", metavar="URL", help="Database of the query, as SQLAlchemy takes it.")
@click.option(
    "--order", type=click.Choice(["any", "query"]), default="any", help="Whether the rows' order counts [any]."
)
@click.option("--name", help="Name of the dataset [that of its directory].")
@click.option("--version", "dataset_version", default="", metavar="TEXT", help="Version of the dataset.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Leave these files out.")
@click.option("--format", "as_format", default="auto", help="How files are read [by their names]; `bytes`: no rows.")
@click.option("--dtype", default="", metavar="TYPE", help="Of the numbers in raw token files, such as uint16.")
@click.option("--split", multiple=True, metavar="NAME=GLOB", help="Files of a split.")
@click.option("--split-column", default="", metavar="COLUMN", help="Column that names a row's split.")
@click.option("--seed", type=int, help="Seed of the splits.")
@click.option("--strategy", default="", metavar="TEXT", help="How the splits were drawn.")
@click.option("--licence", default="", metavar="SPDX", help="Licence expression.")
@click.option("--no-read", is_flag=True, help="Name objects of a store by version, without reading them.")
@click.option("-o", "--output", type=_MANIFEST, metavar="FILE", help="Where the manifest goes [NAME.manifest.json].")
@_opt_out
@_reading
@JSON_OPTION
def create(paths: tuple[str, ...], **given: Any) -> int:
    """Describe the files at PATH (directories, globs, s3:// or gs://), a dataset of the settings, or a query's answer.

    \b
    reprokit manifest create data/
    reprokit manifest create data/ --split train='train-*' --split test='test-*'
    reprokit manifest create --query 'SELECT * FROM t' --database blog.sqlite

    Exit status: 0 written, 1 written, and it says something against the dataset (an opt-out list was not applied,
    splits share rows), 3 files could not be read or changed meanwhile, and nothing was written.
    """  # noqa: D301
    from reprokit.errors import Exit
    from reprokit.report.datasets import render_made
    from reprokit.verbs import manifest as verb

    config, name, base = _config(paths, given)
    made = verb.create(config, name, base, given["output"], _options(given))
    if given["as_json"]:
        print_document(made.manifest)
    else:
        click.echo(render_made(made.manifest, str(made.path), screen()), nl=False)
    _say([*made.findings, *made.notices])
    return int(Exit.MET if made.met else Exit.NOT_MET)


@command.command()
@click.argument("manifest", type=_MANIFEST)
@click.argument("root", required=False, metavar="[PATH]")
@click.option("--database", metavar="URL", help="Where the query's database is now.")
@_opt_out
@_reading
@JSON_OPTION
def check(manifest: Path, root: str | None, **given: Any) -> int:
    """Read the dataset again and say whether it is the one of MANIFEST. PATH: where the data are now.

    Exit status: 0 it is, 1 it is not, 3 files could not be read, 4 the manifest itself was changed.
    """
    from reprokit.errors import Exit
    from reprokit.report.datasets import render_check
    from reprokit.verbs import manifest_check as verb

    found = verb.check(manifest, root, given["database"], _options(given), _list(given))
    if given["as_json"]:
        print_document(found)
    else:
        click.echo(render_check(found, screen()), nl=False)
    print_warnings(found.warnings)
    return int(Exit.MET if found.met else Exit.NOT_MET)


@command.command()
@click.argument("first", type=_MANIFEST)
@click.argument("second", type=_MANIFEST)
@JSON_OPTION
def diff(first: Path, second: Path, *, as_json: bool) -> int:
    """Say how two manifests differ: files, columns, terms. The data are not looked at.

    Exit status: 0 they describe the same dataset, 1 they do not.
    """
    from reprokit.errors import Exit
    from reprokit.report.datasets import render_diff
    from reprokit.verbs import manifest as verb

    found = verb.diff(first, second)
    if as_json:
        print_document(found)
    else:
        click.echo(render_diff(found, screen()), nl=False)
    return int(Exit.MET if found.equal else Exit.NOT_MET)


@command.command()
@click.argument("manifest", type=_MANIFEST)
@JSON_OPTION
def show(manifest: Path, *, as_json: bool) -> int:
    """Show what MANIFEST says of its dataset. The data are not looked at."""
    from reprokit.datasets.manifests import read_manifest
    from reprokit.report.datasets import render_manifest

    found = read_manifest(manifest)
    if as_json:
        print_document(found)
    else:
        click.echo(render_manifest(found, screen()), nl=False)
    return 0


def _config(paths: tuple[str, ...], given: dict[str, Any]) -> tuple[DatasetConfig, str, Path]:
    from reprokit.errors import UsageError
    from reprokit.schema.dataset_config import DatasetConfig
    from reprokit.verbs.manifest import configured, name_of

    if given["dataset"] is not None:
        if paths or given["query"]:
            raise UsageError("RPK001", "--dataset says what is described; leave PATH and --query out")
        config, base = configured(given["dataset"], Path.cwd())
        return config, given["name"] or given["dataset"], base
    splits: dict[str, list[str]] = {}
    for text in given["split"]:
        name, equals, pattern = text.partition("=")
        if not (name and equals and pattern):
            raise UsageError("RPK001", f"--split {text!r} is not NAME=GLOB")
        splits.setdefault(name, []).append(pattern)
    if given["opt_out"] is not None and not given["opt_out_key"]:
        raise UsageError("RPK001", "--opt-out needs --opt-out-key COLUMN")
    lists = [] if given["opt_out"] is None else [{
        "list": str(given["opt_out"]), "key": given["opt_out_key"], "version": given["opt_out_version"],
        "hashed": given["opt_out_hashed"],
    }]  # fmt: skip
    config = DatasetConfig.model_validate({
        "path": list(paths), "exclude": list(given["exclude"]), "query": given["query"] or "",
        "database": given["database"] or "", "order": given["order"], "format": given["as_format"],
        "dtype": given["dtype"], "read": not given["no_read"], "version": given["dataset_version"],
        "terms": {"licence": given["licence"]}, "opt-out": lists,
        "splits": {"parts": splits, "column": given["split_column"], "seed": given["seed"],
                   "strategy": given["strategy"]},
    })  # fmt: skip
    return config, given["name"] or name_of(paths[0] if paths else "query"), Path.cwd()


def _options(given: dict[str, Any]) -> ManifestOptions:
    from reprokit.verbs.manifest import ManifestOptions

    return ManifestOptions(
        threads=given["threads"] or 0, paranoid=given["paranoid"], cached=not given["no_cache"]
    )  # fmt: skip


def _list(given: dict[str, Any]) -> list[OptOut]:
    from reprokit.datasets.optout import OptOut
    from reprokit.errors import UsageError

    if given["opt_out"] is None:
        return []
    if not given["opt_out_key"]:
        raise UsageError("RPK001", "--opt-out needs --opt-out-key COLUMN")
    return [
        OptOut(given["opt_out"], given["opt_out_key"], given["opt_out_version"], hashed=given["opt_out_hashed"])
    ]  # fmt: skip


def _say(findings: list[Any]) -> None:
    for one in findings:
        click.echo(f"warning {one.code}: {one.message}", err=True)
