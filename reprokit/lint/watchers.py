"""Which rule watches which call: the tables of all families in `checks`, joined."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprokit.lint.checks import (
    entropy,
    generators,
    indexing,
    keys,
    loading,
    operations,
    resuming,
    seeding,
    sharing,
    switches,
    tfdata,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from reprokit.lint.checks.invocation import Invocation
    from reprokit.lint.values import Value

    Check = Callable[[Invocation], Value | None]

_FAMILIES = (entropy, generators, indexing, keys, loading, operations, resuming, seeding, sharing, switches, tfdata)

CALLS: dict[str, Check] = {}
"""Dotted name -> the rule that watches calls of it; it may give the call's value."""
METHODS: dict[str, Check] = {}
"""Name of a method on whatever -> the rule that watches it."""
HEADS: dict[str, list[Check]] = {}
"""First part of a dotted name -> rules that look at every call below it; the empty one sees all calls."""

for _family in _FAMILIES:
    CALLS.update(getattr(_family, "CALLS", {}))
    METHODS.update(getattr(_family, "METHODS", {}))
    for _head, _watches in getattr(_family, "HEADS", {}).items():
        HEADS.setdefault(_head, []).extend(_watches)
