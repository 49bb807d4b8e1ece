"""Checks a bundle without running anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from reprokit.bundle.names import unescape_name
from reprokit.errors import CorruptBundleError
from reprokit.launch.opening import open_bundle
from reprokit.launch.tracing import folder_of
from reprokit.schema.base import Document
from reprokit.schema.manifest import Notice
from reprokit.trace.columns import Trace

if TYPE_CHECKING:
    from pathlib import Path

    from reprokit.bundle.reader import BundleReader
    from reprokit.schema.manifest import Manifest


class Verified(Document):
    """What `verify` found; it is only made of bundles that are whole. ``bytes`` counts uncompressed content."""

    schema_id: Literal["reprokit.verify/1"] = Field(default="reprokit.verify/1", alias="schema")
    bundle: str
    id: str
    valid: bool = True
    members: int
    bytes: int
    inputs: int
    referenced: list[str] = []
    outputs: int
    traced_steps: int
    incomplete: bool = False
    warnings: list[Notice] = []


def verify(bundle: Path) -> Verified:
    """Checks every bit of the container and that the manifest speaks of what is there.

    Raises:
        UsageError: RPK003, there is no such file.
        CorruptBundleError: it is damaged, hostile, or contradicts itself.
    """
    with open_bundle(bundle) as (reader, manifest, bundle_id):
        reader.verify()
        _check_references(reader, manifest)
        _check_traces(reader, manifest)
        return Verified(
            bundle=bundle.name,
            id=bundle_id,
            members=len(reader.members),
            bytes=sum(member.size for member in reader.members),
            inputs=len(manifest.inputs),
            referenced=[entry.path for entry in manifest.inputs if entry.member is None],
            outputs=len(manifest.outputs),
            traced_steps=sum(stream.steps for stream in manifest.streams),
            incomplete=manifest.run.incomplete,
            warnings=manifest.warnings,
        )


def _check_references(reader: BundleReader, manifest: Manifest) -> None:
    """Every file that a stream names is there; `open_bundle` has checked those of inputs and outputs."""
    held = {member.path for member in reader.members}
    for stream in manifest.streams:
        for name in stream.members:
            if unescape_name(name) not in held:
                raise CorruptBundleError("RPK027", f"the stream {stream.name} names a member that is not there: {name}")


def _check_traces(reader: BundleReader, manifest: Manifest) -> None:
    """Every trace can be read and has as many steps as the manifest says."""
    held = {member.path for member in reader.members}
    for stream in manifest.streams:
        folder = f"trace/{folder_of(stream.name)}"
        if f"{folder}/index.json" not in held:
            if stream.steps:
                raise CorruptBundleError("RPK027", f"the stream {stream.name} has {stream.steps} steps and no trace")
            continue
        trace = Trace(lambda name, at=folder: reader.open_member(f"{at}/{name}"))  # type: ignore[misc]
        if trace.count != stream.steps:
            raise CorruptBundleError(
                "RPK027", f"the trace of {stream.name} has {trace.count} steps, its manifest says {stream.steps}"
            )
        for part in trace.parts.values():
            if len(part.keys):
                part.read(len(part.keys) - 1, len(part.keys))
