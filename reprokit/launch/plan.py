"""What is settled before a recorded command starts."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from reprokit.capture.accesses import Places
    from reprokit.policy.policies import Policy
    from reprokit.schema.config import Config
    from reprokit.schema.manifest import Notice, Window


def new_run_id() -> str:
    """``urn:uuid:…`` of a run or a replay that begins now."""
    return uuid.uuid4().urn


@dataclass(frozen=True)
class RecordOptions:
    """What a user can say about a recording; None and empty stand for the configuration's value."""

    output: Path | None = None
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    trace: str | None = None
    policy: str | Policy | None = None
    seed: int | None = None
    embed_limit: int | None = None
    name: str | None = None
    image_digest: str | None = None
    lineage: bool | None = None
    run_id: str | None = None
    manifests: tuple[Path, ...] = ()
    stdout: int | None = 1
    stderr: int | None = 2


@dataclass
class Plan:
    """Everything that is settled before the command starts.

    Attributes:
        command: as the user typed it; ``executable`` is its program, resolved.
        root: the git checkout around ``cwd``, else ``cwd``.
        target: the bundle's path, or None to choose a free name in ``cwd``.
        directory: the recording's own directory, for what the observers write.
        limit: size in bytes up to which inputs go into the bundle.
        started: seconds since the epoch.
        hash_seed: empty where it is not known.
        interactive: there is no command that could be run again.
        run_id: what the run is called in the lineage graph, everywhere.
        manifests: the project's dataset manifests, in which what the run reads is looked for.
        window: which ``reprokit.run`` of its process this is, where the process itself records.
    """

    command: list[str]
    executable: str
    cwd: Path
    root: Path
    config: Config
    options: RecordOptions
    policy: Policy
    level: str
    target: Path | None
    name: str
    hash_seed: str
    environment: dict[str, str]
    directory: Path
    places: Places
    limit: int
    started: float
    warnings: list[Notice] = field(default_factory=list)
    run_id: str = field(default_factory=new_run_id)
    manifests: list[Path] = field(default_factory=list)
    interactive: bool = False
    window: Window | None = None

    @property
    def lineage(self) -> bool:
        """Whether the run is added to the lineage graph."""
        asked = self.options.lineage
        return self.config.lineage.record if asked is None else asked

    @property
    def collector(self) -> str:
        """URL of the collector that is told of the run; empty where none is."""
        return self.config.lineage.openlineage if self.lineage else ""
