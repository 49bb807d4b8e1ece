"""One step while it is under way: what went into its calls, and what came out."""

from __future__ import annotations

import weakref
from time import perf_counter
from typing import TYPE_CHECKING, Any

from reprokit.frameworks.jax.trees import part_of
from reprokit.trace.raw import BACKWARD, CORE, ENTRY, MOMENTS, OPAQUE, Column

if TYPE_CHECKING:
    from reprokit.frameworks.jax.jitted import Seen
    from reprokit.frameworks.jax.steps import JaxObserver
    from reprokit.frameworks.jax.trees import Call

_INPUTS = 64  # leaves of a batch that are told apart

Digests = list[tuple[Column, bytes]]


class Made:
    """One call of a step: its inputs as digests, its outputs as arrays until `Update.settle`."""

    def __init__(self, seen: Seen, named: Call, shapes: list[tuple[Any, Any]], *, applies: bool) -> None:
        self.seen, self.named, self.shapes, self.applies = seen, named, shapes, applies
        self.inputs: list[tuple[int, Column, bytes]] = []
        self.outputs: list[Any] | None = None
        self.given: list[tuple[int, Column, bytes]] = []
        self.given_arrays: dict[int, Any] = {}
        self.gradients: set[int] = set()  # inputs that are gradients of this step
        self.loss: tuple[float, bytes, str] | None = None


class Update:
    """Gathers a step. What is digested is decided when it begins."""

    def __init__(self, observer: JaxObserver, seen: Seen) -> None:
        self._observer = observer
        self._digester = observer.digester
        self.seen = seen
        self.flags = observer.recorder.flags
        self.calls: list[Made] = []
        self.ended = False
        self._rng: list[tuple[int, bytes]] = []
        self._after: Digests = []

    @property
    def differentiates(self) -> bool:
        """Whether one of its calls takes a gradient."""
        return any(made.seen.differentiates for made in self.calls)

    @property
    def role(self) -> str:
        """The role of the function that was called last."""
        return self.calls[-1].seen.role if self.calls else ""

    @property
    def marker(self) -> int:
        """How the step is delimited, and whether it was compiled as a whole."""
        by_hand = self.role == "gradient" and not self.ended
        return (BACKWARD if by_hand else 0) | (OPAQUE if self.role in ("update", "") and self.differentiates else 0)

    def generators(self) -> None:
        """The generators of Python and NumPy, before the first call."""
        if self.flags & CORE:
            recorder = self._observer.recorder
            names, digests = recorder.generators.digests(recorder.hash, [])
            columns = tuple(Column(f"before forward/{name}", f"{name} (before forward)") for name in names)
            if columns:
                self._rng.append((recorder.block("rng", columns), b"".join(digests)))

    def enter(self, seen: Seen, named: Call, inputs: list[Any], *, applies: bool) -> None:
        """Digests what a call is given, before it may be donated."""
        if not self.calls:
            self.generators()
        made = Made(seen, named, [_shape(leaf) for leaf in inputs], applies=applies)
        if not self.calls and seen.role != "update":
            made.given_arrays = {i: weakref.ref(leaf) for i, leaf in enumerate(inputs) if self._digester.is_array(leaf)}
        self.calls.append(made)
        if not self.flags & CORE or applies:
            return
        digester = self._digester
        for index, (name, leaf) in enumerate(zip(named.inputs, inputs, strict=False)):
            if digester.is_known(leaf):
                made.inputs.append((index, _column(digester, name, leaf), digester.one(leaf)))

    def leave(self, outputs: list[Any]) -> None:
        """Keeps what a call gave."""
        self.calls[-1].outputs = outputs

    def settle(self) -> None:
        """Digests what the last call gave; it waits for XLA."""
        made = self.calls[-1] if self.calls else None
        if made is None or made.outputs is None:
            return
        outputs, made.outputs = made.outputs, None
        self._observer.last.keep(made.seen, made.named, outputs)
        digester, at = self._digester, made.named.loss
        if 0 <= at < len(outputs):
            raw, dtype = digester.read(outputs[at])
            made.loss = (digester.number(raw, dtype), raw, dtype)
        if not self.flags & CORE:
            return
        self._observer.jax.block_until_ready([leaf for leaf in outputs if _waits(leaf)])
        started = perf_counter()
        for index, (name, leaf) in enumerate(zip(made.named.outputs, outputs, strict=False)):
            if index != at and digester.is_known(leaf):
                made.given.append((index, _column(digester, name, leaf), digester.one(leaf)))
        self._observer.recorder.spent += perf_counter() - started

    def has_same_parameters(self, inputs: list[Any]) -> bool:
        """Whether what its first call took gradients of is given again: gradients are being accumulated."""
        made = self.calls[0]
        wanted = set(made.named.mirrored.values()) & made.given_arrays.keys()
        return bool(wanted) and all(i < len(inputs) and made.given_arrays[i]() is inputs[i] for i in wanted)

    def applied(self, inputs: list[Any]) -> None:
        """The parameters that the next call of the gradient's function is given are the ones that this step gave."""
        made = self.calls[-1]
        mirrored = sorted(set(made.named.mirrored.values()))
        chosen = [(made.named.inputs[i], inputs[i]) for i in mirrored if i < len(inputs)]
        self.parameters([name for name, _ in chosen], [leaf for _, leaf in chosen])

    def is_ended(self) -> None:
        """Its gradients have been applied, so what gave them gives gradients."""
        self.ended = True
        for made in self.calls:
            if made.seen.differentiates and not made.seen.role:
                made.seen.role = "gradient"

    def parameters(self, names: list[str], leaves: list[Any]) -> None:
        """The parameters after the update."""
        self._observer.last.applied(names, leaves)
        if self.flags & CORE:
            digester = self._digester
            known = [(name, leaf) for name, leaf in zip(names, leaves, strict=True) if digester.is_known(leaf)]
            self._after += [(_column(digester, name, leaf), digester.one(leaf)) for name, leaf in known]

    def write(self, recorder: Any) -> None:
        """Hands everything to the recorder, part by part in execution order."""
        for made in self.calls:
            if made.loss is not None and not made.applies:
                recorder.add_loss(*made.loss)
        if not self.flags & CORE:
            return
        parts: dict[str, Digests] = {}
        for number, made in enumerate(self.calls, 1):
            self._sort(made, "" if number == 1 else f"call {number}: ", parts)
        parts.setdefault("parameters", []).extend(self._after)
        for number, digests in self._rng:
            recorder.add(number, digests, "rng")
        for part, found in parts.items():
            wanted = {"entry": self.flags & ENTRY, "optimizer": self.flags & MOMENTS}.get(part, True)
            unique = {column.key: (column, digest) for column, digest in found}
            if unique and wanted:
                columns = tuple(column for column, _ in unique.values())
                recorder.add(recorder.block(part, columns), b"".join(d for _, d in unique.values()), part)

    def _sort(self, made: Made, prefix: str, parts: dict[str, Digests]) -> None:
        """Puts inputs and outputs of one call into the parts of a step."""
        named = made.named
        feeds = made.seen.role in ("update", "apply") and bool(named.pairs)
        state = named.pairs if feeds else named.mirrored
        fed = _with_whole_arguments(named, set(state.values()))
        batch = 0
        for index, column, digest in made.inputs:
            if index in fed:
                if not prefix:
                    parts.setdefault("entry", []).append((column, digest))
                continue
            kind = "rng" if column.dtype.startswith("key<") else "batch"
            batch += 1
            if batch <= _INPUTS:
                parts.setdefault(kind, []).append((_named(column, f"{prefix}{column.name}"), digest))
        gradient = made.seen.differentiates and made.seen.role == "gradient"
        for index, column, digest in made.given:
            name = named.inputs[state[index]] if index in state else column.name
            if index in state and gradient:
                parts.setdefault("gradients", []).append((_named(column, f"{prefix}{name}"), digest))
            elif index in state or (feeds and _belongs(index, state)):
                parts.setdefault(part_of(name, column.dtype), []).append((_named(column, name), digest))
            else:
                parts.setdefault("loss", []).append((_named(column, f"{prefix}{name}"), digest))


def _with_whole_arguments(named: Call, fed: set[int]) -> set[int]:
    """An argument of which one leaf is state is state: step counters and keys come back beside the floats."""
    groups = {named.groups[index] for index in fed if index < len(named.groups)}
    return {index for index, group in enumerate(named.groups) if group in groups}


def _belongs(index: int, state: dict[int, int]) -> bool:
    """Whether an output stands among state: between the first and the last leaf that came back."""
    return min(state) <= index <= max(state)


def _column(digester: Any, name: str, leaf: Any) -> Column:
    return Column(name, name, *digester.describe(leaf))


def _named(column: Column, name: str) -> Column:
    return Column(name, name, column.dtype, column.shape)


def _shape(leaf: Any) -> tuple[Any, Any]:
    return (leaf.shape, str(leaf.dtype)) if hasattr(leaf, "dtype") and hasattr(leaf, "shape") else (None, None)


def _waits(leaf: Any) -> bool:
    return hasattr(leaf, "block_until_ready") and not (hasattr(leaf, "is_deleted") and leaf.is_deleted())
