"""The three tiers, in order, and the two answers that a verdict can have."""

from __future__ import annotations

from enum import StrEnum


class Tier(StrEnum):
    """How close a replay came; each tier implies the ones before it."""

    NONE = "none"
    RE_RUNNABLE = "re-runnable"
    METRIC_CLOSE = "metric-close"
    BITWISE = "bitwise"

    @property
    def rank(self) -> int:
        """0 for none to 3 for bitwise."""
        return _ORDER.index(self)

    def reaches(self, target: Tier) -> bool:
        """Whether this tier is at least ``target``."""
        return self.rank >= target.rank


_ORDER = [Tier.NONE, Tier.RE_RUNNABLE, Tier.METRIC_CLOSE, Tier.BITWISE]


class Status(StrEnum):
    """Whether a verdict could be established at all."""

    VERIFIED = "verified"
    UNVERIFIED = "unverified"
