"""One adapter a framework, all with the same functions.

An adapter is a module with ``arm(module, session) -> Adapter``, called in the user's process right after the framework
has been imported, never before. Nothing here is imported unless the user's script imports the framework.
"""

from __future__ import annotations

from typing import Protocol

ADAPTERS: dict[str, str] = {"torch": "reprokit.frameworks.torch"}
"""Framework's import name -> the adapter's module. Third parties add theirs as entry points ``reprokit.frameworks``."""


def adapters() -> dict[str, str]:
    """All adapters, installed ones of third parties included; ours win where names collide."""
    from importlib.metadata import entry_points

    others = {point.name: point.value for point in entry_points(group="reprokit.frameworks")}
    return {**others, **ADAPTERS}


class Adapter(Protocol):
    """What observes one framework in one process."""

    def forked(self) -> None:
        """Called in a forked child: forget the parent's trace."""

    def begin(self) -> None:
        """A run begins in a process that may have seen others: forget those, and observe."""

    def stop(self) -> None:
        """Observe no more, until `begin`."""

    def close(self) -> None:
        """Called at exit: write what is left, read the switches back."""
