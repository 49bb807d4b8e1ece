"""Resume equals uninterrupted: training that was saved, built anew and restored ends where it would have ended."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reprokit.checks import generators
from reprokit.checks.results import InvarianceError, disagreements, text_of
from reprokit.compare.values import flatten, held
from reprokit.errors import ReprokitError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from reprokit.compare.values import Difference, Leaf

_RNG = "random generators"
_OTHER_SEED = 0x5EED_1E55
_LEAVES_SHOWN = 3
_REMEDY = {
    "model": "model.load_state_dict(saved['model'])",
    "optimizer": "optimizer.load_state_dict(saved['optimizer']), which holds moments and step counts",
    "scheduler": "scheduler.load_state_dict(saved['scheduler'])",
    "scaler": "scaler.load_state_dict(saved['scaler'])",
    _RNG: "random.setstate, numpy.random.set_state, torch.set_rng_state with what was saved",
    "loader": "the loader's position and its generator's state (its state_dict)",
}


@dataclass(frozen=True)
class _Snapshot:
    """All that could be read at one moment: leaves by part. `unread` names parts that have no readable state."""

    parts: dict[str, dict[str, Leaf]]
    unread: tuple[str, ...]


def resume(
    make: Callable[[], Any], train: Callable[[Any, int], Any], steps: int, at: int,
    save: Callable[[Any, Path], Any], load: Callable[[Any, Path], Any],
) -> None:  # fmt: skip
    """Trains ``steps`` steps at one go, and again with an interruption: both must end in the same state, bit by bit.

    The interrupted training goes ``at`` steps, saves, is built anew with ``make`` while the global generators stand
    elsewhere (as in a fresh process), loads, and trains on. Parameters, optimizer, scheduler, scaler, loader, whatever
    else ``make`` returns, the generators that training draws from, and what ``train`` returns are compared.

    Args:
        make: builds the parts: a dictionary or an object with attributes (``model``, ``optimizer``, ``loader`` ...).
        train: from the parts and a number of steps: trains that many further steps.
        steps: all steps.
        at: after how many steps the training is interrupted; between 1 and ``steps`` - 1.
        save: from the parts and a path that does not exist yet: saves them.
        load: from fresh parts and that path: restores them.

    Raises:
        InvarianceError: RPK079, the ends differ: the message names what was not restored; RPK075, the training differs
            from itself without any interruption.
        UsageError: RPK077, ``at`` is not inside, or nothing can be compared.
    """
    if not 0 < at < steps:
        raise UsageError("RPK077", f"at={at} is not between the {steps} steps", f"at=1 to {steps - 1}.")
    with generators.kept() as start, tempfile.TemporaryDirectory(prefix="reprokit-resume-") as directory:
        place = Path(directory, "checkpoint")
        parts = make()
        train(parts, at)
        middle = _snapshot(parts)
        returned = train(parts, steps - at)
        end = _snapshot(parts, returned)
        _check_any(end)

        generators.restore(start)
        parts = make()
        train(parts, at)
        _check_same_way(middle, _snapshot(parts), at)
        save(parts, place)

        generators.reseed(_OTHER_SEED)
        parts = make()
        generators.reseed(_OTHER_SEED + 1)  # `make` may seed them, as a script's beginning does
        load(parts, place)
        restored = _snapshot(parts)
        returned = train(parts, steps - at)
        _check_end(middle, restored, end, _snapshot(parts, returned), (at, steps))


def _snapshot(parts: Any, returned: Any = None) -> _Snapshot:
    found: dict[str, dict[str, Leaf]] = {}
    unread = []
    for name, part in _named(parts).items():
        try:
            found[name] = held(flatten(part))
        except ReprokitError:
            unread.append(name)
    if returned is not None:
        found["what train returned"] = held(flatten(returned))
    found |= {f"{_RNG} ({name})": held(flatten(state)) for name, state in generators.states().items()}
    return _Snapshot(found, tuple(unread))


def _named(parts: Any) -> dict[str, Any]:
    if isinstance(parts, Mapping):
        return {str(name): part for name, part in parts.items()}
    if isinstance(parts, (list, tuple)):
        names = getattr(parts, "_fields", None) or [_kind(part) for part in parts]
        return {f"{name} {n}" if list(names).count(name) > 1 else name: part
                for n, (name, part) in enumerate(zip(names, parts, strict=True))}  # fmt: skip
    inside = {name: part for name, part in getattr(parts, "__dict__", {}).items() if not name.startswith("_")}
    if not inside or callable(getattr(parts, "state_dict", None)):
        return {_kind(parts): parts}
    return inside


def _kind(part: Any) -> str:
    """What a part is, by the names of its class and the classes that this derives from."""
    names = {base.__name__ for base in type(part).__mro__}
    for kind, known in (("model", {"Module"}), ("optimizer", {"Optimizer"}), ("scaler", {"GradScaler"}),
                        ("scheduler", {"LRScheduler", "_LRScheduler"}), ("loader", {"DataLoader"})):  # fmt: skip
        if names & known:
            return kind
    return type(part).__name__


def _check_any(end: _Snapshot) -> None:
    if not any(not name.startswith(_RNG) for name in end.parts):
        names = ", ".join(end.unread) or "none"
        raise UsageError("RPK077", f"make returned nothing whose state can be compared (parts: {names})",
                         "Return a dictionary of model, optimizer, scheduler, scaler and loader.")  # fmt: skip


def _differing(a: _Snapshot, b: _Snapshot) -> dict[str, list[Difference]]:
    """By part, the leaves that differ; parts without a difference are left out."""
    found = {name: list(disagreements(a.parts.get(name, {}), b.parts.get(name, {}))) for name in {**a.parts, **b.parts}}
    return {name: differences for name, differences in found.items() if differences}


def _check_same_way(first: _Snapshot, second: _Snapshot, at: int) -> None:
    if found := _differing(first, second):
        name, differences = next(iter(found.items()))
        message = (
            f"the training is not the same twice, without any interruption: after {at} steps {name} differs: "
            f"{text_of(differences[0])}"
        )
        raise InvarianceError("RPK075", message, "Seed everything in make, and check it with run_to_run first.")


def _check_end(
    middle: _Snapshot, restored: _Snapshot, end: _Snapshot, resumed: _Snapshot, when: tuple[int, int]
) -> None:
    drawn = {name for name in _differing(middle, end) if name.startswith(_RNG)}
    apart = {name: found for name, found in _differing(end, resumed).items()
             if not name.startswith(_RNG) or name in drawn}  # fmt: skip
    if not apart:
        return
    lost = {name: found for name, found in _differing(middle, restored).items()
            if not name.startswith(_RNG) or name in drawn}  # fmt: skip
    at, steps = when
    name, differences = next(iter(apart.items()))
    lines = [
        f"resumed after {at} of {steps} steps, the training ends elsewhere: {name} differs: {text_of(differences[0])}",
        *(f"  not restored: {part}: {_leaves(found)}" for part, found in lost.items()),
        *(f"  not restored, or not readable: {part} has no state that can be read" for part in end.unread),
    ]
    if not lost and not end.unread:
        lines.append(
            "  every part was restored as it was saved, so something lies outside of them: a loader's position, a "
            "step count, a generator of its own. Return it from make too"
        )
    raise InvarianceError("RPK079", "\n".join(lines), _hint([*lost, *end.unread]))


def _leaves(found: list[Difference]) -> str:
    shown = [difference.where for difference in found[:_LEAVES_SHOWN]]
    more = f" and {len(found) - len(shown)} more" if len(found) > len(shown) else ""
    return f"{', '.join(shown)}{more} ({found[0].a} when saved, {found[0].b} when loaded)"


def _hint(parts: list[str]) -> str:
    """What to save and load for the named parts."""
    known = [text for key, text in _REMEDY.items() if any(key in part.lower() for part in parts)]
    return f"Save and restore: {'; '.join(known)}." if known else ""
