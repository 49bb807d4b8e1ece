"""What the last updates gave, for the row of the state at exit.

Of most steps of a fast loop only the loss is noted, and a loss can hide that the parameters differ: the state at exit
cannot. Where it is small it is held until then, as the script may have let go of it.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from reprokit.frameworks.jax.trees import Call, part_of
from reprokit.trace.raw import Column

if TYPE_CHECKING:
    from collections.abc import Callable

    from reprokit.frameworks.jax.arrays import LeafDigester
    from reprokit.frameworks.jax.jitted import Seen
    from reprokit.observe.recorder import Recorder

_HELD_BYTES = 64 << 20
_FUNCTIONS = 16  # functions that update, of which the state is kept
_APPLIED = "applied"


class LastState:
    """The newest state that each function of the script gave."""

    def __init__(self, digester: LeafDigester) -> None:
        self._digester = digester
        self._kept: dict[Any, tuple[list[tuple[str, str]], Callable[[], list[Any]]]] = {}
        self._names: dict[int, tuple[Call, list[tuple[str, str]]]] = {}

    def keep(self, seen: Seen, named: Call, outputs: list[Any]) -> None:
        """Keeps the state, or the gradients, that a call of ``seen`` gave."""
        gradients = seen.role == "gradient"
        chosen = named.mirrored if gradients else named.pairs if seen.role in ("update", "apply") else {}
        if not chosen or max(chosen) >= len(outputs):
            return
        known = self._names.get(id(named))
        if known is None or known[0] is not named or len(known[1]) != len(chosen):
            labels = [named.inputs[index] for index in chosen.values()]
            parts = ["gradients" if gradients else part_of(name, "") for name in labels]
            known = self._names[id(named)] = named, list(zip(parts, labels, strict=True))
        self._put(seen, known[1], [outputs[index] for index in chosen])

    def applied(self, names: list[str], leaves: list[Any]) -> None:
        """Keeps parameters that were updated outside of compiled functions."""
        self._put(_APPLIED, [("parameters", name) for name in names], leaves)

    def _put(self, key: Any, names: list[tuple[str, str]], leaves: list[Any]) -> None:
        if key not in self._kept and len(self._kept) >= _FUNCTIONS:
            return
        if sum(getattr(leaf, "nbytes", 0) for leaf in leaves if self._digester.is_array(leaf)) <= _HELD_BYTES:
            self._kept[key] = names, lambda: leaves
            return
        references = [weakref.ref(leaf) if self._digester.is_array(leaf) else None for leaf in leaves]
        self._kept[key] = names, lambda: [None if one is None else one() for one in references]

    def write(self, recorder: Recorder) -> None:
        """Writes the row, once; what was donated or is gone is left out."""
        kept, self._kept = self._kept, {}
        if recorder.light or not recorder.step:
            return
        parts: dict[str, dict[str, tuple[Column, bytes]]] = {}
        for number, (names, leaves) in enumerate(kept.values()):
            for (part, name), leaf in zip(names, leaves(), strict=True):
                if self._digester.is_array(leaf) and not leaf.is_deleted():
                    kind = "rng" if str(leaf.dtype).startswith("key<") else part
                    column = Column(f"{number}/{name}", name, *self._digester.describe(leaf))
                    parts.setdefault(kind, {})[column.key] = column, self._digester.one(leaf)
        blocks = []
        for part, found in parts.items():
            columns = tuple(column for column, _ in found.values())
            blocks.append((recorder.block(part, columns), b"".join(digest for _, digest in found.values())))
        if blocks:
            recorder.final(blocks)
