"""What differed already before two recorded runs began: command, code, data, policy."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from reprokit.launch.sides import output_key
from reprokit.launch.texts import raw_of

if TYPE_CHECKING:
    from reprokit.schema.manifest import Manifest


def changed(first: Manifest, second: Manifest) -> list[str]:
    """Sentences such as ``code train.py differs``; the first run's value stands first.

    Args:
        first: the reference's manifest.
        second: the other one's.
    """
    said = []
    if first.run.command != second.run.command:
        said.append(f"command: {shlex.join(first.run.command)} -> {shlex.join(second.run.command)}")
    if first.run.policy != second.run.policy:
        said.append(f"policy: {first.run.policy} -> {second.run.policy}")
    inputs = [
        {output_key(raw_of(entry.path), raw_of(manifest.run.root)): entry for entry in manifest.inputs}
        for manifest in (first, second)
    ]
    for name in sorted({*inputs[0], *inputs[1]}):
        a, b = inputs[0].get(name), inputs[1].get(name)
        entry = a or b
        if entry is None or entry.listed:
            continue
        if (a is None or b is None) and entry.seen_by == ["process"]:
            continue  # seen by sampling: that the other run's was not seen says nothing
        if a is None or b is None:
            said.append(f"{entry.role} {name}: read by the {'second' if a is None else 'first'} run only")
        elif a.sha256 != b.sha256:
            said.append(f"{entry.role} {name} differs")
    environment = {*first.run.environment.items()} ^ {*second.run.environment.items()}
    names = sorted({name for name, _ in environment} - {"PYTHONHASHSEED"})  # drawn anew for each recording
    said += [f"{n}: {first.run.environment.get(n)} -> {second.run.environment.get(n)}" for n in names]
    return said
