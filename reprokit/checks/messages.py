"""What a failed check says: what differs, where, how far, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from reprokit.checks.closeness import Judgement
    from reprokit.checks.fingerprints import Fingerprint
    from reprokit.compare.values import Difference
    from reprokit.schema.tiers import Tier

_SHOWN = 5


def missing(name: str, path: Path, command: str, *, in_ci: bool) -> tuple[str, str]:
    """Message and hint for a check without a baseline."""
    run = f"{command} --repro-update-new-only" if command else "pytest --repro-update-new-only"
    if in_ci:
        return (
            f"{name!r} has no baseline in {path}, and CI writes none",
            f"Run on your machine, then commit {path.parent.name}/: {run}",
        )
    return f"{name!r} has no baseline in {path}", f"Make it, look at it, and commit it: {run}"


def differing(
    name: str, found: Mapping[str, Judgement], path: Path, served_by: tuple[str, Mapping[str, str]],
    here: Fingerprint, needed: Tier, reached: Tier,
) -> str:  # fmt: skip
    """Message for a value that is not what the baseline holds."""
    unequal = {leaf: judgement for leaf, judgement in found.items() if not judgement.equal}
    first = {leaf: judgement for leaf, judgement in unequal.items() if not judgement.close} or unequal
    lines = [f"{name!r} differs from its baseline: {needed} asked, {reached} reached"]
    for leaf, judgement in list(first.items())[:_SHOWN]:
        lines.append(f"  {leaf or '(value)'}: {described(judgement.difference)} (judged by {judgement.basis})")
    if len(first) > _SHOWN:
        lines.append(f"  … and {len(first) - _SHOWN} more of {len(found)} leaves")
    lines.append(f"  baseline: {path}, fingerprint {served_by[0]}")
    if served_by[0] != here.id:
        lines.append(f"  this machine is {here.id}: {', '.join(changed_facts(served_by[1], here.facts)) or 'unknown'}")
    return "\n".join(lines)


def changed_facts(recorded: Mapping[str, str], here: Mapping[str, str]) -> list[str]:
    """The facts of two fingerprints that differ, as text."""
    names = sorted({**recorded, **here})
    return [
        f"{n} {recorded.get(n, '(none)')} -> {here.get(n, '(none)')}" for n in names if recorded.get(n) != here.get(n)
    ]


def described(found: Difference | None) -> str:
    """One difference in a line: first place, both values, how far, how many."""
    if found is None:
        return "differs"
    place = f" at {list(found.index)}" if found.index is not None else ""
    far = [] if found.max_abs is None else [f"max abs {found.max_abs:.6g}"]
    if found.max_ulp is not None:
        far.append(f"max {found.max_ulp} ULP")
    return "; ".join([f"{found.a} -> {found.b}{place}", *far, found.detail])
