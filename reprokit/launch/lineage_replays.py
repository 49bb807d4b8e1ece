"""Tells a collector of a replay when it begins, as it is told of a run."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING

from reprokit.errors import ReprokitError
from reprokit.launch.lineage_events import announce, call_off
from reprokit.launch.plan import new_run_id
from reprokit.schema.config import load_config
from reprokit.schema.lineage import Execution

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reprokit.schema.manifest import Manifest


@contextlib.contextmanager
def told_replay(manifest: Manifest, *, wanted: bool | None) -> Iterator[Execution]:
    """A replay that begins; the collector is told, and told that it came to nothing where it fails.

    Args:
        manifest: of the bundle.
        wanted: whether the replay is for the graph; None leaves it to the project in the working directory.
    """
    begun = int(time.time() * 1000)
    run = Execution(id=new_run_id(), type="Replay", name=manifest.run.name, state="RUNNING", started=begun)
    url = _collector(wanted)
    announce(run, url)
    try:
        yield run
    except BaseException:
        call_off(run, url)
        raise


def _collector(wanted: bool | None) -> str:  # noqa: FBT001 - as the option has it
    try:
        settings = load_config(Path.cwd()).lineage
    except (OSError, ReprokitError):  # it is said when the replay is kept
        return ""
    return settings.openlineage if (settings.record if wanted is None else wanted) else ""
