"""``reprokit price``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reprokit.cli.output import BUNDLE_ARGUMENT, JSON_OPTION, print_document, progress, screen
from reprokit.cli.replay import TIERS, moved

if TYPE_CHECKING:
    from reprokit.schema.price import PriceReport


def _settings(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for value in values:
        name, equals, setting = value.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{value!r} is not SWITCH=VALUE")
        found[name.strip()] = setting
    return found


def _name(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]+", value):
        raise click.BadParameter("a policy's name has letters, digits, - and _ only")
    return value


@click.command()
@BUNDLE_ARGUMENT
@click.option("--rounds", type=click.IntRange(2, 1000), default=5, show_default=True, help="Runs of each set, at most.")
@click.option(
    "--budget", type=click.FloatRange(min=0, min_open=True), default=900, show_default=True, metavar="SECONDS",
    help="End within this time.",
)  # fmt: skip
@click.option("--policy", metavar="NAME", default="deterministic", show_default=True, help="Whose switches to price.")
@click.option(
    "--switch", "switches", multiple=True, callback=_settings, metavar="SWITCH=VALUE", help="Price this one as well."
)
@click.option("--target", type=TIERS, help="The tier to reach between replays.")
@click.option("--order-seed", type=int, default=0, show_default=True, help="Seed of the order of the runs.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write the recommended policy as TOML."
)
@click.option("--name", default="priced", callback=_name, show_default=True, help="Name of the recommended policy.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="Stop each run after.")
@click.option("--data", multiple=True, callback=moved, metavar="RECORDED=HERE", help="Where recorded data are now.")
@click.option(
    "--isolation", type=click.Choice(["auto", "namespace", "rewrite"]), default="auto", show_default=True,
    help="How the original's files are kept out of reach.",
)  # fmt: skip
@click.option("--trust", is_flag=True, help="Run code from a bundle that was not recorded here.")
@click.option("--markdown", is_flag=True, help="Print Markdown.")
@JSON_OPTION
def command(
    bundle: Path, *, as_json: bool, markdown: bool, output: Path | None, policy: str, switches: dict[str, str],
    target: str | None, rounds: int, budget: float, order_seed: int, name: str, **given: Any,
) -> int:  # fmt: skip
    """Measure what each determinism switch costs on BUNDLE's script, and find the cheapest set for each tier.

    The run is replayed with and without each switch, in rounds, in an order drawn anew. Only switches that concern
    the script's frameworks and devices are tried.

    Exit status: 0 done, 1 no set reached the target, 3 cannot be established here, 130 interrupted.

    \b
    reprokit price train.repro.tar.zst
    reprokit price train.repro.tar.zst --switch torch.aten_cpu_capability=default --target bitwise
    """  # noqa: D301
    from reprokit.policy.policies import parsed_value
    from reprokit.policy.tables import resolve
    from reprokit.schema.config import load_config
    from reprokit.schema.tiers import Tier
    from reprokit.verbs.price import PriceOptions, price
    from reprokit.verbs.replay import ReplayOptions

    options = PriceOptions(
        rounds, budget, resolve(policy, load_config(Path.cwd()).policy),
        {switch: parsed_value(switch, value, "--switch") for switch, value in switches.items()},
        Tier(target) if target else None, order_seed, name, ReplayOptions(**given),
    )  # fmt: skip
    say = progress(as_json=as_json)
    report = price(bundle, options, say)
    say("comparing")  # clears the line
    _print(report, as_json=as_json, markdown=markdown)
    if output is not None:
        _write(report, output)
    return _status(report)


def _print(report: PriceReport, *, as_json: bool, markdown: bool) -> None:
    from reprokit.report.prices import prices_to_markdown, render_prices

    if as_json:
        print_document(report)
    else:
        click.echo(prices_to_markdown(report) if markdown else render_prices(report, screen()), nl=False)


def _write(report: PriceReport, path: Path) -> None:
    from reprokit.launch.writing import write_atomically

    if report.recommended:
        write_atomically(path.resolve(), report.recommended.encode())
        return
    tier = report.target or "bitwise"
    click.echo(f"warning RPK138: no set is known to have reached {tier}: {path} was not written", err=True)


def _status(report: PriceReport) -> int:
    from reprokit.errors import Exit

    if report.stopped == "interrupted":
        return int(Exit.INTERRUPTED)
    if report.status == "unverified":
        return int(Exit.UNVERIFIED)
    return int(Exit.MET if report.met else Exit.NOT_MET)
