"""Lists every switch that a policy can set. Nothing is imported or tried."""

from __future__ import annotations

from reprokit.policy.switches import SWITCHES
from reprokit.schema.switches import SwitchEntry, SwitchList


def list_switches() -> SwitchList:
    """Every switch, in the order of the reference."""
    return SwitchList(
        switches=[
            SwitchEntry(
                name=one.name, values=one.values.shown, meaning=one.meaning, cost=one.cost, since=one.since,
                variable=one.variable, source=one.source,
            )
            for one in SWITCHES.values()
        ]
    )  # fmt: skip
