"""What a script tells reprokit by itself: numbers that matter. Without a recording it is a no-op."""

from __future__ import annotations

import json
import os

from reprokit.observe import start
from reprokit.observe.sink import Sink


def report_metric(name: str, value: float, step: int | None) -> None:
    """Adds one line to this process's metrics; never raises on account of the recording.

    Raises:
        TypeError: ``value`` is not a number.
    """
    number = float(value)
    session = start.current()
    if session is None:
        return
    line = json.dumps({"name": str(name), "value": number, "step": step})
    try:
        Sink(os.path.join(session.process.directory, "metrics.jsonl")).write(line.encode() + b"\n")
    except OSError as error:
        session.failed("metrics", error)
