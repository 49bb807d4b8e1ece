"""Prints the commands of the README's quick start, so that CI runs what the README says.

Usage: python docs/tools/quickstart.py [1|2]
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def commands(text: str) -> list[str]:
    """The lines of the first fenced block under "## Quick start"; a line that ends in a backslash goes on."""
    section = re.split(r"^## ", text.split("\n## Quick start\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    block = re.search(r"^```\w*\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    if block is None:
        raise ValueError("the quick start has no fenced block")
    joined = block[1].replace("\\\n", "")
    return [line for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]


if __name__ == "__main__":
    found = commands(README.read_text(encoding="utf-8"))
    print("\n".join(found[int(sys.argv[1]) - 1 : int(sys.argv[1])] if len(sys.argv) > 1 else found))
