"""What a script reports by itself: metrics, parameters, inputs and outputs."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from reprokit.observe import start
from reprokit.observe.sink import Sink

if TYPE_CHECKING:
    from reprokit.observe.start import Session


def report_metric(name: str, value: float, step: int | None) -> None:
    """Adds one line to this process's metrics; never raises on account of the recording.

    Raises:
        TypeError: ``value`` is not a number.
    """
    try:
        number = float(value)
    except ValueError:
        raise TypeError(f"the metric {name} is {value!r}, which is not a number") from None
    session = start.current()
    if session is None or not session.reporting:
        return
    line = json.dumps({"name": str(name), "value": number, "step": step})
    sink = Sink(os.path.join(session.process.directory, "metrics.jsonl"))
    try:
        sink.write(line.encode() + b"\n")
    except OSError as error:
        session.failed("metrics", error)
    finally:
        sink.close()


def report_param(session: Session, name: str, value: Any) -> None:
    """Notes one parameter of the run; ``value`` is JSON."""
    if session.reporting:
        session.note("param", name, json.dumps(value))


def report_seed(session: Session, seed: int) -> None:
    """Notes the seed that the run was given."""
    if session.reporting:
        session.note("seed", str(seed))


def report_policy(session: Session, policy: str) -> None:
    """Notes that a run which joined this recording asked for a policy."""
    if session.reporting:
        session.note("policy", policy)


def report_file(session: Session, role: str, path: str) -> None:
    """Notes a declared file; ``role`` is ``input`` or ``output``, ``path`` absolute."""
    if session.reporting:
        session.note(role, path)
