"""The hole in DVC's locks: a dependency that is edited while its stage runs is locked with its new digest.

DVC computes the digests of dependencies after the command has ended, so the lock names content that the stage never
read, and ``dvc status`` calls it up to date. What a recorded run was seen to read tells.
Source: https://github.com/treeverse/dvc/issues/11058
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from reprokit.lineage.standards.dvc.content import Contents
from reprokit.lineage.standards.dvc.graph import root_of
from reprokit.lineage.standards.dvc.lock import lock_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True)
class Seen:
    """A file as a recorded run read it: its SHA-256 then, and the MD5 of that content where it is at hand."""

    sha256: str
    md5: str | None = None


@dataclass(frozen=True)
class Finding:
    """A dependency and what is known of it; ``same`` needs no action.

    Attributes:
        stage: the stage that depends on it.
        path: where it is, absolute.
        state: ``changed`` when the lock names other content than the run read; ``unknown`` when that cannot be told.
    """

    stage: str
    path: str
    locked: str
    state: Literal["same", "changed", "unknown"]


def changed_while_it_ran(lock: str, seen: Mapping[str, Seen], stages: Iterable[str] | None = None) -> list[Finding]:
    """Compares a lock file with what a run was seen to read; files that the run did not read are left out.

    Args:
        lock: path of ``dvc.lock``.
        seen: absolute path -> the content that the run read.
        stages: names of the stages that the run ran; all by default.

    Raises:
        CorruptBundleError, UsageError: as `lock_in`.
    """
    file = Path(lock).absolute()
    contents = Contents(root_of(file.parent))
    wanted = None if stages is None else set(stages)
    findings = []
    for name, stage in lock_in(file).stages.items():
        if wanted is not None and name not in wanted:
            continue
        for data in stage.deps:
            if data.md5 is None or data.hash != "md5":
                continue
            place = Path(os.path.normpath(file.parent / data.path))
            findings += _of_dependency(name, place, data.md5, seen, contents)
    return findings


def _of_dependency(stage: str, place: Path, md5: str, seen: Mapping[str, Seen], contents: Contents) -> list[Finding]:
    """What is known of those files of a dependency that the run read."""
    if not md5.endswith(".dir"):
        known = seen.get(str(place))
        return [Finding(stage, str(place), md5, _state(contents, place, md5, known))] if known is not None else []
    inside = [Path(path) for path in seen if Path(path).is_relative_to(place)]
    listed = contents.listed(md5, place) if inside else {}
    if listed is None:  # nobody knows what was in it
        return [Finding(stage, str(place), md5, "unknown")]
    findings = []
    for path in inside:
        own = listed.get(path.relative_to(place).as_posix())
        # A file that is not in the list was removed meanwhile, or DVC was told to ignore it.
        state = "unknown" if own is None else _state(contents, path, own, seen[str(path)])
        findings.append(Finding(stage, str(path), own or md5, state))
    return findings


def _state(contents: Contents, path: Path, md5: str, seen: Seen) -> Literal["same", "changed", "unknown"]:
    if seen.md5 is not None:
        return "same" if seen.md5 == md5 else "changed"
    found = contents.sha256(md5, path)
    if found is None:
        return "unknown"
    return "same" if found[0] == seen.sha256 else "changed"
