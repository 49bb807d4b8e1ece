"""The exit status that a verdict stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprokit.errors import Exit

if TYPE_CHECKING:
    from reprokit.schema.verdict import Verdict


def status_of(verdict: Verdict) -> int:
    """0 met, 1 not met, 3 unverified."""
    if verdict.met:
        return int(Exit.MET)
    return int(Exit.UNVERIFIED if verdict.status == "unverified" else Exit.NOT_MET)
