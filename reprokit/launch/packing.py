"""Packs a bundle's members with the manifest that lists them, under the name that was asked for."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from reprokit.bundle.names import unescape_name
from reprokit.bundle.writer import pack
from reprokit.errors import UsageError
from reprokit.schema.manifest import MemberEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reprokit.bundle.members import Member
    from reprokit.bundle.writer import Item
    from reprokit.launch.plan import Plan
    from reprokit.schema.manifest import Manifest

SUFFIX = ".repro.tar.zst"


def pack_bundle(plan: Plan, base: Manifest, items: Sequence[Item], *, settled: bool) -> tuple[Path, Manifest]:
    """Writes a bundle.

    Args:
        plan: says where.
        base: the manifest without its members.
        items: the members.
        settled: one of the members speaks of the digests in ``base``, so that these must be those of what is packed.

    Returns:
        The bundle, and its manifest.

    Raises:
        UsageError: RPK003 or RPK005, it cannot be written, or a file changed since its digest was taken.
    """
    written: list[Manifest] = []

    def finish(members: Sequence[Member]) -> bytes:
        manifest = _as_packed(base, members)
        if settled and (manifest.inputs, manifest.outputs) != (base.inputs, base.outputs):
            raise UsageError("RPK005", "a file changed between its digest and its packing")
        entries = [MemberEntry.model_validate(member.to_json()) for member in members]
        written.append(manifest.model_copy(update={"members": entries}))
        return written[0].canonical()

    return _write(plan, items, finish), written[0]


def _as_packed(manifest: Manifest, members: Sequence[Member]) -> Manifest:
    """What is packed counts: a file may have changed since its digest was taken."""
    held = {member.path: {"sha256": member.sha256, "size": member.size} for member in members}
    inputs = [e.model_copy(update=held[unescape_name(e.member)]) if e.member else e for e in manifest.inputs]
    outputs = [e.model_copy(update=held[unescape_name(e.member)]) if e.member else e for e in manifest.outputs]
    return manifest.model_copy(update={"inputs": inputs, "outputs": outputs})


def _write(plan: Plan, items: Sequence[Item], finish: Callable[[Sequence[Member]], bytes]) -> Path:
    """Writes the bundle under the name that was asked for, or under the first free one."""
    if plan.target is not None:
        pack(plan.target, items, finish)
        return plan.target
    handle, name = tempfile.mkstemp(prefix=f".{plan.name}-", suffix=SUFFIX, dir=plan.cwd)
    os.close(handle)
    temporary = Path(name)
    try:
        pack(temporary, items, finish)
        for number in range(1, 100_000):
            target = plan.cwd / (f"{plan.name}{SUFFIX}" if number == 1 else f"{plan.name}-{number}{SUFFIX}")
            try:
                os.link(temporary, target)  # fails when the name is taken, also by another recording right now
            except FileExistsError:
                continue
            except OSError as error:
                raise UsageError("RPK005", f"cannot write {target}: {error.strerror}") from None
            return target
    finally:
        temporary.unlink(missing_ok=True)
    raise UsageError("RPK005", f"no free name for a bundle in {plan.cwd}")
