"""``reprokit completion``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> int:
    """Print the completion script of SHELL: `eval "$(reprokit completion bash)"`."""
    from reprokit.cli import program

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(program, {}, "reprokit", "_REPROKIT_COMPLETE").source())
    return 0
