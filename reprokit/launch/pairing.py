"""Which output and which stream of one run stand for which of another, where their names differ."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from reprokit.launch.texts import raw_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

    from reprokit.launch.sides import Side
    from reprokit.schema.manifest import TraceSummary

_CHANGING = re.compile(r"[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}|[0-9a-f]{12,}|\d[\d_:.T-]{3,}\d|\d{4,}")
# TensorBoard's events.out.tfevents.TIME.HOST.PID.NUMBER.v2 (tensorflow/core/util/events_writer.cc), which PyTorch
# puts into runs/Nov23_00-41-39_HOST by default.
_EVENTS = re.compile(
    r"(?P<folder>^|.*/)events\.out\.tfevents\.(?P<time>\d+)"
    r"(?P<host>\.[^/]*?)??(?:\.(?P<pid>\d+))?(?:\.(?P<number>\d+))?(?P<suffix>(?:\.[A-Za-z][\w-]*)*)"
)
_RUN = re.compile(r"(^|/)[A-Z][a-z]{2}\d\d_\d\d-\d\d-\d\d_[^/]*")
# W&B's wandb/offline-run-20261123_083145-2catnxpq/run-2catnxpq.wandb (wandb/sdk/wandb_settings.py); the id is drawn.
_TRACKED = re.compile(r"(^|/)wandb/(?P<how>(?:offline-)?run)-(?P<time>\d{8}_\d{6})-(?P<own>[^/]+)(?P<rest>/.*)")


def paired_names(recorded: AbstractSet[str], other: AbstractSet[str]) -> dict[str, str]:
    """Outputs whose names differ only in what changes from run to run: a time stamp, a UUID, a process id.

    TensorBoard's event files of one directory, and W&B's runs, are paired in the order in which they were begun, which
    their names tell; everything else only where one name on each side fits the same pattern.

    Returns:
        Recorded name -> the other run's name.
    """
    patterns: dict[str, tuple[list[str], list[str]]] = {}
    for side, names in enumerate((recorded - other, other - recorded)):
        for name in names:
            patterns.setdefault(_pattern(name), ([], []))[side].append(name)
    pairs: dict[str, str] = {}
    for a, b in patterns.values():
        if len(a) == len(b) and (len(a) == 1 or _EVENTS.fullmatch(a[0]) or _TRACKED.fullmatch(a[0])):
            pairs.update(zip(sorted(a, key=_begun), sorted(b, key=_begun), strict=True))
    return pairs


def _pattern(name: str) -> str:
    """The name without what changes; of an event file also without its host, which is a machine's and not a run's."""
    if found := _TRACKED.fullmatch(name):
        return f"{name[: found.start('how')]}{found['how']}-#{found['rest'].replace(found['own'], '#')}"
    found = _EVENTS.fullmatch(name)
    stem = f"{found['folder']}events.out.tfevents{found['suffix']}" if found else name
    return _CHANGING.sub("#", _RUN.sub(r"\1#", stem))


def _begun(name: str) -> tuple[int, int, str]:
    """When an event file or a run was begun, by its name: the second, and an event file's number within the process."""
    if found := _TRACKED.fullmatch(name):
        return int(found["time"].replace("_", "")), 0, name
    found = _EVENTS.fullmatch(name)
    return (int(found["time"]), int(found["number"] or 0), name) if found else (0, 0, name)


def paired_streams(recorded: Side, other: Side) -> dict[str, str]:
    """Streams that stand for each other and have other names: recorded name -> the other's.

    Ranks are paired by rank, however they were started; otherwise two runs of one training process each are paired.
    """
    ranks = [_by_rank(side) for side in (recorded, other)]
    if all(ranks):
        named = {name: ranks[1][rank] for rank, name in ranks[0].items() if rank in ranks[1]}
        return {name: partner for name, partner in named.items() if name != partner}
    alone = [
        [name for name, stream in side.streams.items() if stream.summary.steps and name not in against.streams]
        for side, against in ((recorded, other), (other, recorded))
    ]
    return {alone[0][0]: alone[1][0]} if len(alone[0]) == len(alone[1]) == 1 else {}


def claims(streams: Iterable[TraceSummary]) -> dict[str, list[str]]:
    """The keys that a replay's processes are to have, by what they are started with.

    Returns:
        Arguments, without the program and joined by NUL, -> names of the recorded streams, in the order of their
        numbers. Forked processes have their parent's arguments and are known by their numbers alone.
    """
    found: dict[str, list[str]] = {}
    for stream in sorted(streams, key=lambda stream: (len(stream.name), stream.name)):
        if stream.role != "fork" and stream.arguments:
            with suppress(ValueError):  # no such arguments were recorded: somebody else wrote them there
                found.setdefault("\0".join(map(raw_of, stream.arguments[1:])), []).append(stream.name)
    return found


def _by_rank(side: Side) -> dict[int, str]:
    """The stream that trained as each rank; nothing where a rank is not known or stands twice."""
    trained = [(stream.summary.rank, name) for name, stream in side.streams.items() if stream.summary.steps]
    found = {rank: name for rank, name in trained if rank is not None}
    return found if len(found) == len(trained) else {}
