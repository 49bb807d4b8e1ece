"""Leaves of values on their way from a fresh process to the one that compares."""

from __future__ import annotations

from reprokit.compare.values.stored import Store, take

__all__ = ["Store", "take"]
