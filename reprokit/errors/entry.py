"""One row of the catalogue of codes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One row of the catalogue that ``reprokit explain-code`` prints."""

    title: str
    why: str
    remedy: str
