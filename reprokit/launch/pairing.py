"""Which output and which stream of one run stand for which of another, where their names differ."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reprokit.launch.sides import Side

_CHANGING = re.compile(r"[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}|[0-9a-f]{12,}|\d[\d_:.T-]{3,}\d|\d{4,}")


def paired_names(recorded: set[str], other: set[str]) -> dict[str, str]:
    """Outputs whose names differ only in what changes from run to run: a time stamp, a UUID, a process id.

    Returns:
        Recorded name -> the other run's name, where exactly one name on each side fits the same pattern.
    """
    patterns: dict[str, tuple[list[str], list[str]]] = {}
    for side, names in enumerate((recorded - other, other - recorded)):
        for name in names:
            patterns.setdefault(_CHANGING.sub("#", name), ([], []))[side].append(name)
    return {a[0]: b[0] for a, b in patterns.values() if len(a) == len(b) == 1}


def paired_streams(recorded: Side, other: Side) -> dict[str, str]:
    """Two runs of scripts with other names, one training process each: recorded name -> the other's."""
    alone = [
        [name for name, stream in side.streams.items() if stream.summary.steps and name not in against.streams]
        for side, against in ((recorded, other), (other, recorded))
    ]
    return {alone[0][0]: alone[1][0]} if len(alone[0]) == len(alone[1]) == 1 else {}
