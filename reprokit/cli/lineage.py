"""``reprokit lineage``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reprokit.cli.lineage_audit import command as audit
from reprokit.cli.output import JSON_OPTION, print_document, print_warnings, screen

if TYPE_CHECKING:
    from collections.abc import Callable

    from reprokit.schema.lineage_answers import LineageWalk

_FORMATS = click.Choice(["tree", "json", "mermaid", "dot", "svg"])
_PATH = click.Path(path_type=Path)


@click.group()
def command() -> None:
    """Ask which data made which model, and what came of it.

    Runs that are recorded and replayed on this machine are in the graph already; what was recorded elsewhere comes in
    with `add`. ARTIFACT is the path of a file, whose content is looked up, or an identifier, its beginning, a name, or
    a URI.

    \b
    reprokit lineage up model.pt
    reprokit lineage down data/train.csv --format svg -o down.svg
    reprokit lineage impact --opt-out opt-out.txt
    """  # noqa: D301


def _walk_options(function: Callable[..., int]) -> Callable[..., int]:
    for decorate in reversed((
        click.argument("artifact"),
        click.option("--format", "as_format", type=_FORMATS, default="tree", show_default=True, help="How to show it."),
        click.option("-o", "--output", type=_PATH, help="Write it to a file."),
        click.option("--depth", type=click.IntRange(0), metavar="N", help="Go so many runs, and no further [all]."),
        JSON_OPTION,
    )):  # fmt: skip
        function = decorate(function)
    return function


@command.command("up", short_help="What made ARTIFACT.")
@_walk_options
def up(**given: Any) -> int:
    """What made ARTIFACT: the runs, the data that they used, what made those, and so on."""
    return _walk("up", **given)


@command.command("down", short_help="What came of ARTIFACT.")
@_walk_options
def down(**given: Any) -> int:
    """What came of ARTIFACT: the runs that used it, what they made, and so on."""
    return _walk("down", **given)


def _walk(
    direction: Any, *, artifact: str, as_format: str, output: Path | None, depth: int | None, as_json: bool
) -> int:  # fmt: skip
    from reprokit.verbs.lineage import walk

    found = walk(artifact, direction, depth=depth)
    text = _drawn(found, "json" if as_json else as_format, to_file=output is not None)
    if output is None:
        click.echo(text, nl=False)
    else:
        from reprokit.launch.writing import write_atomically

        write_atomically(output, text.encode("utf-8", "backslashreplace"))
    if as_format != "json" and not as_json:
        print_warnings(found.warnings)
    return 0


def _drawn(found: LineageWalk, as_format: str, *, to_file: bool) -> str:
    if as_format == "json":
        import json

        return json.dumps(found.to_json(), indent=2) + "\n"
    if as_format == "tree":
        from reprokit.report.lineage_tree import render_tree
        from reprokit.report.screen import Screen

        return render_tree(found, Screen() if to_file else screen())
    if as_format == "svg":
        from reprokit.report.lineage_svg import render_svg

        return render_svg(found)
    from reprokit.report.lineage_text import render_dot, render_mermaid

    return render_mermaid(found) if as_format == "mermaid" else render_dot(found)


@command.command("show", short_help="Where the graph is kept, and what it holds.")
@click.argument("artifacts", nargs=-1, metavar="[ARTIFACT]...")
@JSON_OPTION
def show(artifacts: tuple[str, ...], *, as_json: bool) -> int:
    """Where the graph is kept, how much it holds, and all that is known of each ARTIFACT."""
    from reprokit.report.lineage_facts import render_store
    from reprokit.verbs.lineage import show as verb

    found = verb(artifacts)
    if as_json:
        print_document(found)
    else:
        click.echo(render_store(found, screen()), nl=False)
        print_warnings(found.warnings)
    return 0


@command.command("add")
@click.argument("sources", nargs=-1, required=True, type=_PATH, metavar="BUNDLE|FILE.json...")
@JSON_OPTION
def add(sources: tuple[Path, ...], *, as_json: bool) -> int:
    """Add what bundles, and graphs that were exported, say. To add them again changes nothing."""
    from reprokit.verbs.lineage import add as verb

    return _say_added(verb(sources), as_json=as_json)


def _say_added(found: Any, *, as_json: bool) -> int:
    if as_json:
        print_document(found)
        return 0
    from reprokit.errors.counting import counted
    from reprokit.report.wording import clean

    new = ((found.artifacts, "artifact"), (found.executions, "execution"), (found.events, "event"))
    click.echo(f"added to {clean(found.store)}: {', '.join(counted(*one) for one in new)} that were new")
    for sentence in found.loses:
        click.echo(f"not in the source: {clean(sentence)}", err=True)
    print_warnings(found.warnings)
    return 0


@command.command("impact", short_help="Name every model that does not honour an opt-out list.")
@click.option(
    "--opt-out", required=True, metavar="LIST", help="The list's newest version: its file, identifier or name."
)
@JSON_OPTION
def impact(opt_out: str, *, as_json: bool) -> int:
    """Name every model that does not honour the newest version of an opt-out list.

    That is each model that descends, through any number of runs, from a dataset manifest that names an older version
    of the list, or no version. A model of which the graph cannot say what went into it is named as unknown.

    Exit status: 0 all models honour the list, 1 some do not, 3 none is known not to, and of some it is unknown (also
    where LIST is an older version than the newest that the graph knows), or the graph holds no model.
    """
    from reprokit.errors import Exit
    from reprokit.verbs.lineage_impact import impact_of

    found = impact_of(opt_out)
    if as_json:
        print_document(found)
    else:
        from reprokit.report.lineage_facts import render_impact

        click.echo(render_impact(found, screen()), nl=False)
        print_warnings(found.warnings)
    return int(Exit.MET if found.met else Exit.NOT_MET if found.affected else Exit.UNVERIFIED)


command.add_command(audit)


@command.command("export", short_help="Write the graph for another system.")
@click.option("--to", "standard", default="reprokit", show_default=True, metavar="STANDARD", help="What to write.")
@click.option("--of", multiple=True, metavar="ARTIFACT", help="Only what is up and down from it [everything].")
@click.option("--list", "listed", is_flag=True, help="Name the standards.")
@click.argument("target", required=False)
@JSON_OPTION
def export(standard: str, of: tuple[str, ...], target: str | None, *, listed: bool, as_json: bool) -> int:
    """Write the graph to TARGET, a file, a directory or a URL, for another system."""
    if listed:
        return _list_standards()
    if target is None:
        raise click.UsageError("Missing argument 'TARGET'.")
    from reprokit.report.wording import clean
    from reprokit.verbs.lineage_exchange import export as verb

    found = verb(standard, target, of=of)
    if as_json:
        print_document(found)
        return 0
    for place in found.written:
        click.echo(clean(place, 2000))
    if not found.written:
        click.echo(f"nothing is written: the graph has nothing that {clean(found.title)} describes", err=True)
    for sentence in found.loses:
        click.echo(f"not in {clean(found.title)}: {clean(sentence)}", err=True)
    print_warnings(found.warnings)
    return 0


def _ways(module: object) -> str:
    ways = {"read": hasattr(module, "read"), "written": hasattr(module, "write")}
    return " and ".join(way for way, there in ways.items() if there)


def _list_standards() -> int:
    from reprokit.lineage.standards import names, standard
    from reprokit.verbs.lineage_exchange import OWN

    click.echo(f"{OWN}: reprokit.lineage/1 (read and written)")
    for name in names():
        module = standard(name)
        extra = f", needs the extra `{module.EXTRA}`" if module.EXTRA else ""
        click.echo(f"{name}: {module.TITLE} ({_ways(module)}{extra})")
    return 0


@command.command("import", short_help="Add what another system wrote.")
@click.option("--from", "standard", default="reprokit", show_default=True, metavar="STANDARD", help="What to read.")
@click.argument("source")
@JSON_OPTION
def take_in(standard: str, source: str, *, as_json: bool) -> int:
    """Read what another system wrote in SOURCE, a file, a directory or a URL, and add it to the graph."""
    from reprokit.verbs.lineage_exchange import take_in as verb

    return _say_added(verb(standard, source), as_json=as_json)
