"""Parts of the graph that `record` and `replay` left for a collector, as events of its spool."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from reprokit.errors import ReprokitError
from reprokit.lineage.merging import normal
from reprokit.lineage.standards.openlineage.events import lines_of
from reprokit.lineage.standards.openlineage.spool import Spool
from reprokit.schema.lineage import Lineage

if TYPE_CHECKING:
    from pathlib import Path


def take_parts(directory: Path) -> int:
    """Turns the parts that wait into events of the spool; returns how many there were."""
    spool, taken = Spool(directory), 0
    for path in sorted((directory / "parts").glob("*.json"), key=_age):
        try:
            lineage = Lineage.parse(path.read_bytes(), str(path))
        except FileNotFoundError:  # another sender was faster
            continue
        except ReprokitError:
            with contextlib.suppress(OSError):
                path.rename(path.with_suffix(".refused"))
            continue
        spool.put(lines_of(normal(lineage)))
        path.unlink(missing_ok=True)
        taken += 1
    return taken


def _age(path: Path) -> tuple[int, str]:
    try:
        return path.stat().st_mtime_ns, path.name
    except OSError:
        return 0, path.name
