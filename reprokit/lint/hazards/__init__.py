"""Operations that their framework documents as nondeterministic, as records; one file a framework."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reprokit.lint.checks.invocation import Invocation

    Version = tuple[int, ...]


class Status(Enum):
    """What the framework's deterministic mode does about an operation."""

    ALTERNATIVE = "a deterministic kernel is used"
    RAISES = "an error is raised"


@dataclass(frozen=True)
class Hazard:
    """One operation.

    Args:
        name: as the documentation names it.
        condition: when it is nondeterministic.
        spans: (since, status), oldest first; status None: documented as deterministic, or not at all, from then on.
        calls: dotted names of functions and classes.
        methods: names of tensor methods.
        own_methods: those of them that nothing but a tensor has.
        devices: ``cpu``, ``cuda``.
        arguments: keyword -> values for which it applies; an argument that cannot be read applies when
            ``None`` is among them.
        positions: keyword -> position.
        common: so widely used that one note a file says it all.
        settled_by: switches that settle it beside the deterministic mode.
        remedy: what the documentation offers; empty for the mode itself.
        source: where it is documented.
    """

    name: str
    condition: str
    spans: tuple[tuple[Version, Status | None], ...]
    calls: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    own_methods: tuple[str, ...] = ()
    devices: tuple[str, ...] = ("cuda",)
    arguments: tuple[tuple[str, tuple[object, ...]], ...] = ()
    positions: tuple[tuple[str, int], ...] = ()
    common: bool = False
    settled_by: tuple[str, ...] = ()
    remedy: str = ""
    source: str = ""

    def status(self, version: Version) -> Status | None:
        """What holds in a version; None where it is no hazard there."""
        found: Status | None = None
        for since, status in self.spans:
            if version >= since:
                found = status
        return found

    def applies(self, made: Invocation) -> bool:
        """Whether the arguments of a call are those for which it is a hazard; ``...`` stands for any value given."""
        places = dict(self.positions)
        for name, allowed in self.arguments:
            value = made.argument(name, places.get(name))
            if value is None or value.kind == "none":
                if None not in allowed:
                    return False
            elif ... not in allowed and (value.detail is None or value.detail not in allowed):
                return False
        return True
