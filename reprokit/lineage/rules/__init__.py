"""What a graph must hold before a model is released: pure functions of a graph, a policy and a clock.

`judging` is the entry. `chain` finds the runs that something descends from; `integrity`, `completeness` and `freshness`
say what is wrong with them; `sealing` makes a link that was cut be missed. A recording seals and does not judge, so the
rules are loaded when they are asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reprokit.lineage.rules.integrity import FileState
    from reprokit.lineage.rules.judging import Judged, judge_release, judge_several

__all__ = ["FileState", "Judged", "judge_release", "judge_several"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from reprokit.lineage.rules import integrity, judging

    return getattr(integrity if name == "FileState" else judging, name)
