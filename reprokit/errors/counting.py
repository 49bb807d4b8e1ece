"""Numbers of things, as messages and reports say them."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """``1 model``, ``2,000 models``; the noun's plural ends in ``s``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
