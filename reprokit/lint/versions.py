"""Which version of a framework the tables are asked about: the given one, the installed one, or the newest."""

from __future__ import annotations

import re
from importlib import metadata

from reprokit.errors import UsageError

NEWEST = {"torch": "2.14", "tensorflow": "2.21"}
"""The newest versions whose documentation the tables were made from."""
_DISTRIBUTIONS = {"torch": ("torch",), "tensorflow": ("tensorflow", "tensorflow-cpu", "tensorflow-intel", "tf-nightly")}


def parsed(text: str) -> tuple[int, ...]:
    """The numbers of a version: ``2.13.0+cpu`` is (2, 13, 0).

    Raises:
        UsageError: RPK130, it has none.
    """
    found = re.match(r"\s*v?(\d+(?:\.\d+)*)", text)
    if not found:
        raise UsageError("RPK130", f"{text!r} is not a version such as 2.13")
    return tuple(int(part) for part in found[1].split("."))


def installed(framework: str) -> str | None:
    """The installed version, read from its metadata; nothing is imported."""
    for name in _DISTRIBUTIONS[framework]:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None


def versions_of(given: dict[str, str]) -> tuple[dict[str, tuple[int, ...]], dict[str, str]]:
    """The versions to look up, as tuples and as text.

    Raises:
        UsageError: RPK130, a version that was given cannot be read.
    """
    shown = {name: given.get(name) or installed(name) or newest for name, newest in NEWEST.items()}
    return {name: parsed(text) for name, text in shown.items()}, shown
