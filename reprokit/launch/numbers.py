"""The metrics of a run: from its files, its standard output, its trace and the API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from reprokit.compare.metrics import from_file, from_stdout, is_metric_file
from reprokit.schema.base import plain_numbers
from reprokit.schema.manifest import Metric

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from reprokit.schema.manifest import TraceSummary

_TEXT_BYTES = 64 << 20


def collect_metrics(
    outputs: Mapping[str, Path],
    stdout: Path | None,
    patterns: Sequence[str],
    streams: Iterable[TraceSummary],
    reported: Iterable[Path] = (),
) -> list[Metric]:
    """All metrics of a run.

    Args:
        outputs: name -> file.
        stdout: what the run printed.
        patterns: the configured patterns for standard output.
        streams: the traces; their final losses are metrics.
        reported: files with what ``reprokit.metric()`` reported, one JSON object a line.
    """
    found: list[Metric] = []
    for name, path in sorted(outputs.items()):
        if is_metric_file(name) and path.is_file():
            found += from_file(path, name).metrics
    for path in reported:
        found += _reported(path)
    for stream in streams:
        if stream.final_loss is not None:
            found.append(
                Metric(name=f"loss ({stream.name})", value=stream.final_loss, source="trace", step=stream.steps)
            )
    if stdout is not None and stdout.is_file():
        with stdout.open("rb") as file:
            text = file.read(_TEXT_BYTES).decode("utf-8", "replace")
        found += from_stdout(text, patterns).metrics
    return found


def _reported(path: Path) -> list[Metric]:
    metrics = []
    for line in path.read_text(errors="replace").splitlines():
        try:
            row = json.loads(line)
            metrics.append(
                Metric(name=str(row["name"]), value=plain_numbers(row["value"]), source="api", step=row.get("step"))
            )
        except (ValueError, KeyError, TypeError):
            continue
    return metrics
