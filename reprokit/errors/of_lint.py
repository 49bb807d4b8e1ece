"""Codes of `reprokit lint`: RPK130 to RPK134. What it finds in code has codes of its own, which begin with RPL."""

from __future__ import annotations

from reprokit.errors.entry import Entry

LINT: dict[str, Entry] = {
    "RPK130": Entry(
        "wrong setting of lint",
        "A rule's code in --select, --ignore or [tool.reprokit.lint] is none, or a version cannot be read. Silently "
        "passing over a misspelt code would leave a check out.",
        "The documentation's page on lint lists the rules; a version is written like 2.13.",
    ),
    "RPK131": Entry(
        "nothing to lint",
        "The given paths hold no Python file or notebook, or all of them are excluded, so there is nothing to say "
        "about the code.",
        "Give the directory that holds the training code, and look at `exclude` in [tool.reprokit.lint].",
    ),
}
