"""Reads the documentation's pages: the files that they show, and the commands with what those print."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(
    r'^```(?P<language>\w+)?[ ]*(?:title="(?P<title>[^"]+)")?[ ]*\n(?P<body>.*?)^```$', re.MULTILINE | re.DOTALL
)
_STATUS = re.compile(r"\s+# exit status (\d+)$")


@dataclass(frozen=True)
class File:
    """A file that the reader is asked to write."""

    name: str
    text: str


@dataclass
class Command:
    """A command that the reader is asked to run: its exit status, and lines that it prints, ``…`` for anything."""

    text: str
    status: int = 0
    shown: list[str] = field(default_factory=list)


def pages() -> list[Path]:
    """README and every page of the documentation."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def read_page(text: str) -> list[File | Command]:
    """What a page asks its reader to do, in order; the README's quick start is left to CI, which installs by it."""
    text = re.sub(r"^## Quick start\n.*?(?=^## )", "", text, flags=re.MULTILINE | re.DOTALL)
    found: list[File | Command] = []
    for block in _FENCE.finditer(text):
        if block["title"]:
            found.append(File(block["title"], block["body"]))
        elif block["language"] == "console":
            found += _session(block["body"])
        elif block["language"] == "bash":
            found += [_command(line) for line in block["body"].splitlines() if line.strip()]
    return found


def _session(body: str) -> list[Command]:
    commands: list[Command] = []
    for line in body.splitlines():
        if line.startswith("$ "):
            commands.append(_command(line[2:]))
        elif line.strip():
            commands[-1].shown.append(line)
    return commands


def _command(line: str) -> Command:
    status = _STATUS.search(line)
    return Command(_STATUS.sub("", line), int(status[1]) if status else 0)


def missing_line(shown: list[str], printed: str) -> str | None:
    """The first line of ``shown`` that does not occur in ``printed``, after the ones before it; None if all do."""
    lines = iter([" ".join(line.split()) for line in printed.splitlines()])
    for wanted in shown:
        pieces = [re.escape(" ".join(piece.split())) for piece in wanted.split("…")]
        pattern = re.compile(r"\s*.*\s*".join(pieces))
        if not any(pattern.fullmatch(line) for line in lines):
            return wanted
    return None
