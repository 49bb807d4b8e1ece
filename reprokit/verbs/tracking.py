"""Records a command as a run that MLflow tracks: both know the run by one identifier."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from reprokit.errors import ReprokitError, UsageError
from reprokit.launch.lineage_parts import part_of_bundle
from reprokit.launch.opening import open_bundle
from reprokit.launch.plan import RecordOptions
from reprokit.launch.texts import raw_of, text_of
from reprokit.schema.manifest import Notice
from reprokit.verbs.record import record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reprokit.schema.record import RecordReport


def record_tracked(
    command: Sequence[str], options: RecordOptions | None = None, place: str | None = None
) -> RecordReport:  # fmt: skip
    """Records a command; with a run of MLflow's, the command continues it and the bundle is logged with it.

    The recording never depends on the server: where it does not take the bundle, the report says so (RPK186).

    Args:
        command: the program and its arguments.
        options: as of `record`.
        place: ``RUN``, or ``URI#RUN`` for another server than that of MLflow's own settings; None for no tracking.

    Raises:
        UsageError: RPK184, it names no run; and as `record`.
    """
    if place is None:
        return record(command, options)
    uri, _, run_id = place.rpartition("#")
    if not re.fullmatch("[0-9a-f]{32}", run_id):
        raise UsageError("RPK184", f"{place!r} names no run of MLflow: it has 32 hexadecimal digits")
    from reprokit.lineage.standards.mlflow.saying import execution_of

    with _environment({"MLFLOW_RUN_ID": run_id, **({"MLFLOW_TRACKING_URI": uri} if uri else {})}):
        report = record(command, replace(options or RecordOptions(), run_id=execution_of(run_id)))
        try:
            _log(f"{uri}#{run_id}", report)
        except (ReprokitError, OSError) as error:
            said = Notice(code="RPK186", message=text_of(f"the bundle is not logged with run {run_id}: {error}"))
            return report.model_copy(update={"warnings": [*report.warnings, said]})
    return report


def _log(place: str, report: RecordReport) -> None:
    from reprokit.lineage.standards.mlflow import log_bundle

    path = Path(raw_of(report.bundle))
    with open_bundle(path) as (reader, manifest, bundle_id):
        lineage = part_of_bundle(reader, manifest, bundle_id, path.stat().st_size)
    log_bundle(place, str(path), bundle_id, lineage)


@contextmanager
def _environment(settings: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
