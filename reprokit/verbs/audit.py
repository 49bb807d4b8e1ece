"""What the runs of other systems lack, so that nobody could run them again and get the same."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from reprokit.bundle.names import unescape_name
from reprokit.errors import CATALOGUE, UsageError
from reprokit.launch.opening import open_bundle
from reprokit.launch.texts import raw_of
from reprokit.schema.audit import AuditLack, AuditReport

if TYPE_CHECKING:
    from reprokit.lineage.standards.dvc import Seen


def audit_mlflow(source: str) -> AuditReport:
    """Looks at a run that MLflow tracked.

    Args:
        source: ``URI#RUN``.

    Raises:
        UsageError: RPK184, there is no such run. UnverifiedError: RPK168 or RPK185.
    """
    from reprokit.lineage.standards.mlflow import audit

    run = source.rpartition("#")[2]
    lacks = [AuditLack(name=one.name, node=run, why=one.why, remedy=one.remedy) for one in audit(source)]
    return AuditReport(system="mlflow", source=source, met=not lacks, lacks=lacks)


def audit_dvc(source: str, bundle: Path | None) -> AuditReport:
    """Compares a lock file with what a recorded ``dvc repro`` was seen to read.

    Args:
        source: ``dvc.lock``, or its directory.
        bundle: of the run that wrote it.

    Raises:
        UsageError: RPK001, no bundle; RPK184, no lock file. CorruptBundleError: a file is broken.
    """
    from reprokit.lineage.standards.dvc import changed_while_it_ran

    if bundle is None:
        raise UsageError("RPK001", "what a stage read is known from a recording", "add --bundle BUNDLE")
    lock = Path(source) / "dvc.lock" if Path(source).is_dir() else Path(source)
    findings = changed_while_it_ran(str(lock), seen_in(bundle))
    lacks = [
        AuditLack(
            name="edited while it ran", node=one.stage,
            why=f"{one.path} is locked as md5 {one.locked}, and the stage read other content",
            remedy=CATALOGUE["RPK187"].remedy,
        )
        for one in findings if one.state == "changed"
    ]  # fmt: skip
    unknown = [f"{one.path} of stage {one.stage}" for one in findings if one.state == "unknown"]
    if not findings:
        unknown = [f"the recorded run read no dependency of {lock}"]
    return AuditReport(system="dvc", source=source, met=not lacks and not unknown, lacks=lacks, unknown=unknown)


def seen_in(bundle: Path) -> dict[str, Seen]:
    """The files that a recorded run read, with the MD5 of those that the bundle holds."""
    from reprokit.lineage.standards.dvc import Seen

    found = {}
    with open_bundle(bundle) as (reader, manifest, _):
        for entry in manifest.inputs:
            if entry.listed:
                continue
            md5 = None
            if entry.member is not None:
                state = hashlib.md5(usedforsecurity=False)
                with reader.open_member(unescape_name(entry.member)) as file:
                    while block := file.read(2**20):
                        state.update(block)
                md5 = state.hexdigest()
            found[raw_of(entry.path)] = Seen(entry.sha256, md5)
    return found
