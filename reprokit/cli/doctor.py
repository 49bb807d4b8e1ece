"""``reprokit doctor``."""

from __future__ import annotations

import click

from reprokit.cli.output import JSON_OPTION, print_document, screen


@click.command()
@click.option("--no-probe", is_flag=True, help="Do not train anything.")
@click.option("--switches", is_flag=True, help="List what a policy can set, and look at nothing.")
@JSON_OPTION
def command(*, no_probe: bool, switches: bool, as_json: bool) -> int:
    """Say what this machine can establish, and train a few steps twice to see whether bits hold.

    Exit status: 0 all well, 1 something is wrong.
    """
    if switches:
        return _list_switches(as_json=as_json)
    from reprokit.errors import Exit
    from reprokit.verbs.doctor import doctor

    found = doctor(probe=not no_probe)
    status = int(Exit.MET if found.healthy else Exit.NOT_MET)
    if as_json:
        print_document(found)
        return status
    cpu = found.host["cpu"]
    click.echo(f"reprokit {found.reprokit} on {found.machine}, {cpu['model']}, {cpu['usable']} processors")
    installed = ", ".join(f"{name} {v}" for name, v in found.frameworks.items() if v)
    click.echo(
        f"frameworks: {installed}; missing: {', '.join(n for n, v in found.frameworks.items() if not v) or 'none'}\n"
    )
    width = max(len(check.name) for check in found.checks)
    for check in found.checks:
        mark = {True: "ok   ", False: "WRONG", None: "     "}[check.good]
        click.echo(f"{mark} {check.name:<{width}}  {check.found}")
        if check.remedy:
            click.echo(f"      {'':<{width}}  {check.remedy}")
    return status


def _list_switches(*, as_json: bool) -> int:
    from reprokit.verbs.switches import list_switches

    found = list_switches()
    if as_json:
        print_document(found)
        return 0
    from reprokit.report.switches import render_switches

    click.echo(render_switches(found, screen()), nl=False)
    return 0
