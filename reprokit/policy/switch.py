"""One switch as a record: what it sets, how, for whom, since when, at what cost, and where that is documented."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from reprokit.policy.values import Values

How = Literal["variable", "options", "call", "process", "seed"]
"""How a switch is set.

- ``variable``: an environment variable before the command starts
- ``options``: added to the options that stand in an environment variable, before the command starts
- ``call``: by the framework's adapter, right after the framework's import and before the script goes on
- ``process``: by the observer, in every process, before the script starts
- ``seed``: seeds a generator right after the import of its module
"""


@dataclass(frozen=True)
class Switch:
    """One thing that can be set for determinism.

    Attributes:
        name: dotted; it begins with the framework's import name where an adapter sets it.
        values: what it can be set to.
        how: see `How`.
        meaning: what the strongest value does.
        cost: what it costs according to its documentation.
        source: where it is documented.
        since: the first version that has it, for example ``torch 1.8``.
        frameworks: import names of those that it concerns; empty for any program.
        devices: where it matters.
        variable: of ``variable`` and ``options``.
        order: values from the weakest to the strongest, where they can be ordered.
    """

    name: str
    values: Values
    how: How
    meaning: str
    cost: str
    source: str
    since: str = ""
    frameworks: tuple[str, ...] = ()
    devices: tuple[str, ...] = ("cpu", "cuda")
    variable: str | None = None
    order: tuple[Any, ...] = ()

    @property
    def needs_start(self) -> bool:
        """Whether it can be set only before the process starts."""
        return self.variable is not None

    @property
    def framework(self) -> str:
        """The import name of the framework whose adapter sets it; empty for the other switches."""
        return self.name.partition(".")[0] if self.how in ("call", "seed") else ""

    def parse(self, value: Any) -> Any:
        """The one spelling of ``value``.

        Raises:
            ValueError: it is not legal; the text says what is.
        """
        return self.values.parse(value)

    def weaker(self, value: Any) -> Any | None:
        """The next weaker value, or None where there is none.

        >>> from reprokit.policy.switches import SWITCHES
        >>> SWITCHES["torch.deterministic_algorithms"].weaker("strict")
        'warn'
        """
        known = self.parse(value)
        at = self.order.index(known) if known in self.order else 0
        return self.order[at - 1] if at else None

    def holds(self, asked: Any, was: Any) -> bool:
        """Whether what was read back is at least what a policy asked for."""
        try:
            wanted, found = self.parse(asked), self.parse(was)
        except ValueError:
            return False
        if self.how == "options":
            return set(str(wanted).split()) <= set(str(found).split())
        if wanted in self.order and found in self.order:
            return self.order.index(found) >= self.order.index(wanted)
        return bool(wanted == found)

    def text(self, value: Any, before: str = "") -> str:
        """What goes into the environment variable.

        Args:
            value: a legal value.
            before: what the variable holds already; options are added to it, the last of equal ones counts.
        """
        known = self.parse(value)
        if self.how == "options":
            ours = {word.partition("=")[0] for word in known.split()}
            kept = [word for word in before.split() if word.partition("=")[0] not in ours]
            return " ".join([*kept, known]).strip()
        return str(int(known)) if isinstance(known, bool) else str(known)
