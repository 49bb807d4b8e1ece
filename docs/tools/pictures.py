"""Draws the README's pictures from a real session: a run is recorded, replayed and broken, and its reports are drawn.

Usage: python docs/tools/pictures.py [DIRECTORY]   (replay.svg, divergence.svg and badge.svg; docs/assets by default)

It runs `reprokit demo`, so the pictures show the run of the best framework that is installed.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.sax.saxutils import escape

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from reprokit.report.badge import badge_svg
from reprokit.report.screen import Screen
from reprokit.report.terminal import render_verdict
from reprokit.schema.verdict import Verdict

ASSETS = Path(__file__).parents[1] / "assets"
WIDTH = 84
# Colours of the report on a dark ground, with a contrast of at least 4.5:1 each.
THEME = TerminalTheme(
    (13, 17, 23),
    (230, 237, 243),
    [(72, 79, 88), (255, 123, 114), (63, 185, 80), (210, 153, 34), (88, 166, 255), (188, 140, 255), (57, 197, 207),
     (177, 186, 196)],
)  # fmt: skip
FORMAT = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {terminal_width} {terminal_height}" role="img">
<title>TITLE</title>
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<rect width="{terminal_width}" height="{terminal_height}" rx="8" fill="#0d1117"/>
<g transform="translate(14, 16)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def picture(command: str, report: str, title: str) -> str:
    """A terminal with one command and its report, as an SVG that needs no network."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi(f"$ {command}"))
    console.print(Text.from_ansi(report.rstrip("\n")))
    drawn = console.export_svg(title=title, theme=THEME, code_format=FORMAT, unique_id="t", font_aspect_ratio=0.602)
    return re.sub(r' clip-path="url\([^"]*\)"', "", drawn).replace(
        "TITLE", escape(title)
    )  # its clip paths are left out


def main(target: Path) -> None:
    """Runs the demo and writes the pictures."""
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as room:
        command = [sys.executable, "-c", "from reprokit.cli import main; main()", "demo", f"{room}/demo", "--json"]
        done = subprocess.run(command, check=True, capture_output=True, timeout=600)
    document = json.loads(done.stdout)
    screen = Screen(width=WIDTH, color=True)
    for name, key, runs in (("replay", "verdict", " --runs 2"), ("divergence", "fault", "")):
        verdict = Verdict.parse(json.dumps(document[key]).encode(), key)
        report = render_verdict(verdict, screen, ["train.repro.tar.zst"])
        shown = f"reprokit replay train.repro.tar.zst{runs}"
        (target / f"{name}.svg").write_text(picture(shown, report, f"{shown}: {verdict.tier}"), encoding="utf-8")
        if key == "verdict":
            (target / "badge.svg").write_text(badge_svg(verdict), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ASSETS)
