"""Draws the README's pictures from a real session: a run is recorded, replayed and broken, and its reports are drawn.

Usage: python docs/tools/pictures.py [DIRECTORY]   (demo, divergence, badge and lineage .svg; docs/assets by default)

It runs `reprokit demo`, so the pictures show the run of the best framework that is installed.
"""

from __future__ import annotations

import io
import json
import os
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
FORMAT = """<svg xmlns="http://www.w3.org/2000/svg" role="img"
viewBox="0 0 SIZE={terminal_width} SIZE={terminal_height}">
<title>TITLE</title>
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<rect width="SIZE={terminal_width}" height="SIZE={terminal_height}" rx="8" fill="#0d1117"/>
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
    console.print(Text.from_ansi(command))
    console.print(Text.from_ansi(report.rstrip("\n")))
    drawn = console.export_svg(title=title, theme=THEME, code_format=FORMAT, unique_id="t", font_aspect_ratio=0.602)
    drawn = re.sub(r' clip-path="url\([^"]*\)"', "", drawn).replace("TITLE", escape(title))
    return re.sub(r"SIZE=([\d.]+)", lambda m: f"{float(m[1]) + 28:.0f}", drawn)


def demo(*options: str) -> str:
    """What `reprokit demo` prints, in colour."""
    command = [sys.executable, "-c", "from reprokit.cli import main; main()", "demo", *options]
    environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(WIDTH), "PYTHONIOENCODING": "utf-8"}
    with tempfile.TemporaryDirectory() as room:
        done = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, timeout=600, cwd=room, env=environment, encoding="utf-8"
        )
    return done.stdout.replace(f"{room}/", "")


PIPELINE = {
    "pyproject.toml": """[tool.reprokit.dataset.corpus]
path = "corpus.jsonl"
version = "2026-11"
opt-out = [{ list = "opt-out.txt", key = "id", version = "3" }]
""",
    "raw.jsonl": "".join(json.dumps({"id": row, "text": f"text number {row}"}) + "\n" for row in range(50)),
    "opt-out.txt": "3\n7\n",
    "filter.py": """import json
out = set(open("opt-out.txt").read().split())
rows = [line for line in open("raw.jsonl") if str(json.loads(line)["id"]) not in out]
open("corpus.jsonl", "w").writelines(rows)
""",
    "train.py": """import json
texts = [json.loads(line)["text"] for line in open("corpus.jsonl")]
json.dump({"mean": sum(map(len, texts)) / len(texts)}, open("model.ckpt", "w"))
""",
}
COMMANDS = ["manifest create raw.jsonl", "record -- python filter.py", "manifest create --dataset corpus",
            "record -- python train.py", "lineage up model.ckpt --format svg -o lineage.svg"]  # fmt: skip


def lineage() -> str:
    """What `lineage up --format svg` draws of a model that two recorded stages made."""
    with tempfile.TemporaryDirectory() as room:
        for name, text in PIPELINE.items():
            Path(room, name).write_text(text, encoding="utf-8")
        environment = {**os.environ, "REPROKIT_HOME": f"{room}/home"}
        for command in COMMANDS:
            call = [sys.executable, "-c", "from reprokit.cli import main; main()", *command.split()]
            subprocess.run(call, check=True, capture_output=True, timeout=600, cwd=room, env=environment)
        return Path(room, "lineage.svg").read_text(encoding="utf-8")


def main(target: Path) -> None:
    """Runs the demo and writes the pictures."""
    target.mkdir(parents=True, exist_ok=True)
    (target / "demo.svg").write_text(picture("$ reprokit demo", demo(), "reprokit demo"), encoding="utf-8")
    document = json.loads(demo("--json"))
    fault = Verdict.parse(json.dumps(document["fault"]).encode(), "fault")
    report = render_verdict(fault, Screen(width=WIDTH, color=True), ["train.repro.tar.zst"])
    shown = "# the replay in which the demo moves one weight by one unit in the last place at step 17"
    (target / "divergence.svg").write_text(picture(shown, report, "A divergence"), encoding="utf-8")
    verdict = Verdict.parse(json.dumps(document["verdict"]).encode(), "verdict")
    (target / "badge.svg").write_text(badge_svg(verdict), encoding="utf-8")
    (target / "lineage.svg").write_text(lineage(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ASSETS)
