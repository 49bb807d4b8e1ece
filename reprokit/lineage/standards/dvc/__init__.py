"""DVC 3: stages that ran, from ``dvc.lock`` and ``dvc.yaml``, and data that is tracked, from ``.dvc`` files.

DVC knows content by MD5, the graph by SHA-256. Where the content is at hand, in the workspace or in DVC's cache, and
is what the lock says, both are computed from it, so that DVC's stages and recorded runs meet in one graph. Where it is
not, the artifact is called ``md5:HEX``. The command `dvc` is not needed.
Source: https://dvc.org/doc/user-guide/project-structure
"""

from __future__ import annotations

from reprokit.lineage.standards.dvc.graph import read
from reprokit.lineage.standards.dvc.holes import Seen, changed_while_it_ran

__all__ = ["EXTRA", "LOSES", "TITLE", "Seen", "changed_while_it_ran", "read"]

TITLE = "DVC 3 (dvc.yaml, dvc.lock, .dvc)"
EXTRA = "dvc"
LOSES = (
    "When a stage ran: a lock file has no times.",
    "Stages of `dvc.yaml` that are not locked: they have not run.",
    "Where imported data came from (`dvc import`), and the lock's own table of data sets (`dvc ds`).",
    "Remotes, plots, artifacts and queued experiments: the graph has no place for them.",
)
