"""What a replay left behind, as one side of a comparison."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from typing import TYPE_CHECKING

from reprokit.capture.accesses import Places, may_be_output
from reprokit.capture.files import scan
from reprokit.errors import UnverifiedError
from reprokit.launch.namespace import NOT_POSSIBLE
from reprokit.launch.numbers import collect_metrics
from reprokit.launch.ranks import FINDINGS
from reprokit.launch.recorded_settings import settings_of
from reprokit.launch.sides import Side, Stream, output_key
from reprokit.launch.texts import raw_of, text_of
from reprokit.launch.tracing import collect_streams, folder_of, spoken
from reprokit.observe.reading import read_processes
from reprokit.schema.manifest import Notice
from reprokit.trace.columns import Trace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from reprokit.capture.files import FileState
    from reprokit.launch.isolation import Layout
    from reprokit.launch.runner import Outcome
    from reprokit.schema.manifest import Manifest

_MISSING_MODULE = re.compile(r"(?:ModuleNotFoundError|ImportError): No module named '([^']+)'")


def side_of_replay(
    manifest: Manifest, outcome: Outcome, layout: Layout, room: Path, before: Mapping[str, FileState]
) -> tuple[Side, list[Notice]]:
    """Reads what one replay wrote.

    Args:
        manifest: the recorded run's.
        outcome: how the replay ended.
        layout: its workspace.
        room: the directory that holds ``recording`` and ``logs``, and gets ``columns``.
        before: the files of the workspace before it began, by path relative to the workspace's tree.

    Returns:
        The side, and what there is to warn of.
    """
    config = settings_of(manifest)
    processes = read_processes(room / "recording")
    streams = collect_streams(processes, room / "columns", manifest.run.trace_level)
    warnings = [warning for warning in streams.warnings if warning.code in ("RPK042", "RPK044", *FINDINGS)]
    left = sum(process.entropy_left for process in processes)
    if left:
        warnings.append(Notice(code="RPK048", message=f"{left} recorded seeds were not asked for"))
    side = Side(None if outcome.timed_out else outcome.status, outcome.timed_out, outcome.duration_s)
    side.outputs = _outputs(manifest, layout, before, config.ignore_outputs)
    for summary in streams.streams:
        folder = room / "columns" / folder_of(summary.name)
        trace = Trace.at(folder) if (folder / "index.json").exists() else None
        stdout = streams.sources.get(f"logs/{folder_of(summary.name)}.stdout.txt")
        side.streams[summary.name] = Stream(summary, trace, stdout)
    side.stdout = room / "logs" / "stdout.txt"
    reported = [path for process in processes if (path := process.directory / "metrics.jsonl").exists()]
    if manifest.run.window is not None:  # the record holds what was printed in that part of the script
        log = f"logs/{folder_of(manifest.run.window.process)}.stdout.txt"
        side.stdout = streams.sources.get(log, room / "logs" / "nothing.txt")
        side.stdout.touch()
    by_name = {text_of(key): path for key, path in side.outputs.items()}
    side.metrics = collect_metrics(by_name, spoken(streams, side.stdout), config.metrics, streams.streams, reported)
    return side, warnings


def check_replayable(manifest: Manifest, name: str) -> None:
    """Refuses a bundle that holds no command.

    Raises:
        UnverifiedError: RPK080.
    """
    if manifest.run.interactive:
        raise UnverifiedError("RPK080", f"{name} was recorded in a notebook or at a prompt: it holds no command that "
                              "could be run again")  # fmt: skip


def check_failure(manifest: Manifest, outcome: Outcome, stderr: Path) -> None:
    """Tells a replay that failed from one that could not be established here.

    Raises:
        UnverifiedError: RPK010, a module is missing; RPK013, an output cannot be redirected.
        KeyboardInterrupt: the replay was interrupted.
    """
    if outcome.interrupted:
        raise KeyboardInterrupt
    if outcome.status == 0:
        return
    with stderr.open("rb") as file:
        file.seek(max(0, stderr.stat().st_size - 65536))
        tail = file.read().decode("utf-8", "replace")
    if outcome.status == NOT_POSSIBLE and "reprokit: " in tail:
        raise UnverifiedError("RPK013", f"the workspace could not be mounted: {tail.strip().splitlines()[-1]}")
    if "reprokit: RPK013" in tail:
        raise UnverifiedError("RPK013", "the command tried to write over what the original run wrote, and was "
                              "stopped: the path stands in its code or data")  # fmt: skip
    missing = _MISSING_MODULE.search(tail)
    if missing and manifest.run.exit_status == 0:
        raise UnverifiedError("RPK010", f"the run needs the module {missing[1]!r}, which is not installed here")


def _outputs(
    manifest: Manifest, layout: Layout, before: Mapping[str, FileState], ignored: list[str]
) -> dict[str, Path]:
    """The recorded outputs that the replay left in its workspace, and further files that it wrote."""
    found = {}
    for output in manifest.outputs:
        path = raw_of(output.path)
        place = layout.place(path)
        if place.is_file():
            found[output_key(path, layout.root)] = place
    places = Places(layout.root, tuple(manifest.run.prefixes), ())
    if manifest.run.window is not None:  # the script writes more, before and after that part of it
        return found
    for name, state in scan(layout.tree).items():
        path = f"/{name}"
        if path in layout.linked:  # a mount point that the namespace made: what stands there is an input
            continue
        inside = path.startswith(layout.root.rstrip("/") + "/")
        if inside and not state.is_link and before.get(name) != state and may_be_output(path, places):
            found.setdefault(output_key(path, layout.root), layout.place(path))
    return {key: path for key, path in found.items() if not any(fnmatch(key, glob) for glob in ignored)}
