"""The verbs below `reprokit manifest` and `reprokit lineage`: their help and their options are a contract."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from reprokit.cli import lineage, manifest

if TYPE_CHECKING:
    from tests.conftest import CommandLine

GOLDEN = Path(__file__).parent / "help"
READING = {"--threads", "--paranoid", "--no-cache", "--json"}
OPT_OUT = {"--opt-out", "--opt-out-key", "--opt-out-version", "--opt-out-hashed"}
MANIFEST = {
    "create": {"--dataset", "--query", "--database", "--order", "--name", "--version", "--exclude", "--format",
               "--dtype", "--split", "--split-column", "--seed", "--strategy", "--licence", "--no-read", "-o",
               "--output", *OPT_OUT, *READING},
    "check": {"--database", *OPT_OUT, *READING},
    "diff": {"--json"},
    "show": {"--json"},
}  # fmt: skip
AUDIT = {"--from", "--bundle", "--json"}
WALK = {"--format", "-o", "--output", "--depth", "--json"}
LINEAGE = {
    "up": WALK,
    "down": WALK,
    "show": {"--json"},
    "add": {"--json"},
    "impact": {"--opt-out", "--json"},
    "audit": AUDIT,
    "export": {"--to", "--of", "--list", "--json"},
    "import": {"--from", "--json"},
}

GROUPS = {"manifest": (manifest.command, MANIFEST), "lineage": (lineage.command, LINEAGE)}


@pytest.mark.parametrize("group", GROUPS)
def test_options_are_frozen(group: str) -> None:
    command, options = GROUPS[group]
    found = {
        name: {
            text for one in verb.params if isinstance(one, click.Option) for text in (*one.opts, *one.secondary_opts)
        }
        for name, verb in command.commands.items()
    }
    assert found == options


@pytest.mark.parametrize(
    ("group", "name"), [(group, name) for group, (_, options) in GROUPS.items() for name in options]
)
def test_help(reprokit: CommandLine, tmp_path: Path, group: str, name: str) -> None:
    """`REWRITE_HELP=1` writes the files anew, as in `test_cli_contract`."""
    done = reprokit(group, name, "--help", cwd=tmp_path, env={"COLUMNS": "80"})
    assert (done.status, done.stderr) == (0, b"")
    golden = GOLDEN / f"{group}-{name}.txt"
    if os.environ.get("REWRITE_HELP"):
        golden.write_bytes(done.stdout)
    assert done.stdout.decode() == golden.read_text()
