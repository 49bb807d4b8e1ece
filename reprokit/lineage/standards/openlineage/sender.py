"""A process of its own that sends to a collector: ``python -m …sender DIRECTORY``.

`record` and `replay` start it and do not wait. Parts of the graph in ``parts/`` become events in the spool, and the
spool is sent. What cannot be done now is done by the next one: nothing is taken away before it is safe.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from reprokit.errors import ReprokitError

VARIABLE = "REPROKIT_COLLECTOR"
"""Holds the collector's URL."""


def deliver(url: str, directory: Path) -> None:
    """Sends all that waits for a collector.

    Raises:
        UsageError: RPK166, not a URL, or the directory cannot be written.
        UnverifiedError: RPK169, the collector did not take all of it.
        ImportError: the client of OpenLineage is missing.
    """
    from reprokit.lineage.standards.openlineage.sending import send

    send([], url, spool=directory)


if __name__ == "__main__":
    with contextlib.suppress(ImportError, OSError, ReprokitError):  # it waits; `reprokit lineage export` says why
        deliver(os.environ[VARIABLE], Path(sys.argv[1]))
