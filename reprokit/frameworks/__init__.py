"""One adapter a framework, all with the same functions.

An adapter is a module with the functions of `AdapterModule`. It is imported in the user's process right after the
framework has been, never before. Nothing here is imported unless the user's script imports the framework.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from reprokit.observe.start import Session

ADAPTERS: dict[str, str] = {
    "torch": "reprokit.frameworks.torch",
    "jax": "reprokit.frameworks.jax",
    "sklearn": "reprokit.frameworks.sklearn",
    "xgboost": "reprokit.frameworks.xgboost",
    "lightgbm": "reprokit.frameworks.lightgbm",
    "keras": "reprokit.frameworks.keras",
    "tensorflow": "reprokit.frameworks.tensorflow",
}
"""Framework's import name -> the adapter's module. Third parties add theirs as entry points ``reprokit.frameworks``."""


def adapters() -> dict[str, str]:
    """All adapters, installed ones of third parties included; ours win where names collide."""
    from importlib.metadata import entry_points

    others = {point.name: point.value for point in entry_points(group="reprokit.frameworks")}
    return {**others, **ADAPTERS}


class AdapterModule(Protocol):
    """The functions of an adapter's module. ``module`` is the framework, imported.

    The session calls ``seed``, then ``apply``, then ``arm``, once, before the script's own import statement returns;
    ``read_back`` after that, after the first step and at exit. One that raises is switched off, and the record says so.
    Only ``arm`` is required; a framework without switches needs none of the others.

    An adapter that learns of an operation without a deterministic kernel says so by
    ``session.note("policy-problem", SWITCH, OPERATION, PLACE)``, ``PLACE`` being ``file.py:12`` in the user's code or
    empty: the record warns of it, and offers the next weaker value of the switch.
    """

    def arm(self, module: Any, session: Session) -> Adapter:
        """Observes the framework in this process."""

    def seed(self, module: Any, seed: int) -> None:
        """Seeds the framework's global generators, from a seed of any size.

        What a generator gets is ``reprokit.policy.seeds.derive(seed, NAME)``, cut to the bits that it takes.
        """

    def apply(self, module: Any, switches: dict[str, Any]) -> dict[str, str]:
        """Sets switches by name; returns those that could not be set, with the reason, and never raises."""

    def read_back(self, module: Any) -> dict[str, Any]:
        """Every switch as it is now, spelled as in `reprokit.policy.switches`, and facts such as the version.

        Values are numbers, texts, truth values or None. What this version of the framework lacks is left out.
        """


class Adapter(Protocol):
    """What observes one framework in one process."""

    def forked(self) -> None:
        """Called in a forked child: forget the parent's trace."""

    def begin(self) -> None:
        """A run begins in a process that may have seen others: forget those, and observe."""

    def stop(self) -> None:
        """Observe no more, until `begin`."""

    def close(self) -> None:
        """Called at exit: write what is left."""
