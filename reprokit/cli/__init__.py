"""The command line. This file knows the verbs by name; a verb's own file is imported when it is called."""

from __future__ import annotations

import importlib
import os
import sys

import click

import reprokit

VERBS: dict[str, str] = {
    "record": "Run a command and bundle what it read, wrote and traced.",
    "replay": "Run a bundle again and say how close it came.",
    "compare": "Compare two bundles, or two directories of results.",
    "verify": "Check a bundle's integrity; runs nothing.",
    "inspect": "Show what a bundle says of its run.",
    "ls": "List the files in a bundle.",
    "unpack": "Extract a bundle into a directory.",
    "manifest": "Describe a dataset: what it holds, where it came from, what may be done with it.",
    "lineage": "Ask which data made which model, and what came of it.",
    "rebuild": "Replay the bundles whose last rebuild is too long ago.",
    "badge": "Draw the badge of a verdict, or check one.",
    "doctor": "Say what this machine can establish.",
    "price": "Measure what each determinism switch costs on a script.",
    "lint": "Name what in training code will make two runs differ; runs nothing.",
    "explain-code": "Explain an error or warning code such as RPK022.",
    "demo": "Record, replay and judge a real training run, here and now.",
    "completion": "Print the shell completion script.",
}
"""Name and one line of help of every verb; its command is ``reprokit.cli.NAME:command``."""


class _Verbs(click.Group):
    """Lists the verbs without importing them."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return None
        module = importlib.import_module(f"reprokit.cli.{name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(reprokit.__version__, prog_name="reprokit")
def program() -> None:
    """Record a training run, replay it, and say how close it came: re-runnable, metric-close or bitwise.

    \b
    reprokit record -- python train.py --epochs 3
    reprokit replay train.repro.tar.zst
    """  # noqa: D301 - \b is click's mark for text that keeps its lines


def main() -> None:
    """The console script ``reprokit``."""
    if "_REPROKIT_COMPLETE" in os.environ:
        program(prog_name="reprokit")
    from reprokit.cli.ending import run_program

    sys.exit(run_program(program, sys.argv[1:]))
