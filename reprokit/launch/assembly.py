"""Makes a bundle of what was gathered: members, manifest, file."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import reprokit
from reprokit.bundle.names import unescape_name
from reprokit.bundle.writer import Item
from reprokit.capture.accesses import Places
from reprokit.capture.dvc_files import unreplayed_globs
from reprokit.capture.environment import Captured, capture_environment
from reprokit.capture.host import host
from reprokit.capture.secrets import scrub_arguments, scrub_bytes
from reprokit.digest import sha256_bytes, sha256_file
from reprokit.errors import UsageError
from reprokit.launch.declared import expand
from reprokit.launch.documents import Documents, plain
from reprokit.launch.gathering import Gathered, Gatherer
from reprokit.launch.lineage_listing import Listing
from reprokit.launch.lineage_parts import MEMBER, carried_part, hand_over, whole_part, with_place
from reprokit.launch.numbers import collect_metrics
from reprokit.launch.packing import pack_bundle
from reprokit.launch.policies import policy_fields, policy_notices
from reprokit.launch.recording import bootstrap_directory
from reprokit.launch.reported import Reported, reported_by
from reprokit.launch.texts import raw_of, text_of
from reprokit.launch.tracing import Streams, collect_streams, main_steps, spoken
from reprokit.launch.unobserved import unobserved_processes
from reprokit.launch.workplace import remember_recorded
from reprokit.observe.reading import broken_starts, read_files, read_processes
from reprokit.schema.manifest import Manifest, Metric, Notice, RunConfig
from reprokit.schema.record import RecordReport

if TYPE_CHECKING:
    from reprokit.capture.keeper import InputKeeper
    from reprokit.launch.plan import Plan
    from reprokit.launch.runner import Outcome
    from reprokit.launch.watching import Sightings
    from reprokit.observe.reading import ObservedProcess
    from reprokit.schema.lineage import Lineage


def assemble(plan: Plan, sightings: Sightings, keeper: InputKeeper, outcome: Outcome) -> RecordReport:
    """Bundles a run that has ended.

    Raises:
        UsageError: RPK005, the bundle cannot be written; RPK006, a declared file does not exist.
    """
    processes = read_processes(plan.directory)
    try:
        return _bundle(plan, processes, sightings, keeper, outcome)
    except UsageError as error:
        if error.code not in ("RPK003", "RPK005"):
            raise
    # A file was written to, or vanished, while it was being packed: another run works here, or a child still does.
    return _bundle(plan, processes, sightings, keeper, outcome, steady=True)


def _bundle(
    plan: Plan,
    processes: list[ObservedProcess],
    sightings: Sightings,
    keeper: InputKeeper,
    outcome: Outcome,
    *,
    steady: bool = False,
) -> RecordReport:
    listing = Listing(plan.manifests if plan.lineage else ())
    gathered = _gather(plan, processes, sightings, keeper, listing, failed=bool(outcome.status))
    if steady:
        _copy_fresh_outputs(gathered, plan.directory / "steady")
    streams = collect_streams(processes, plan.directory / ("columns-again" if steady else "columns"), plan.level)
    documents = Documents(plan, processes, gathered.inputs)
    outputs = {o.path: gathered.sources[unescape_name(o.member)] for o in gathered.outputs if o.member}
    logged = spoken(streams, plan.directory / "logs" / "stdout.txt")
    reported = [path for process in processes if (path := process.directory / "metrics.jsonl").exists()]
    metrics = collect_metrics(outputs, logged, plan.config.metrics, streams.streams, reported)
    warnings = [
        *plan.warnings, *sightings.warnings, *gathered.warnings, *streams.warnings,
        *_process_warnings(plan, processes, sightings, outcome), *documents.warnings,
    ]  # fmt: skip
    prefixes = sorted({p for process in processes for p in (process.prefix, process.base_prefix) if p})
    facts = _Facts(prefixes, _found_directories(gathered, sightings), gathered.left)
    said = reported_by(processes, plan.policy.name)
    warnings += said.warnings + policy_notices(plan.policy, streams.streams)
    base = _manifest(plan, gathered, streams, documents, outcome, metrics, warnings, facts, said)
    carried, noticed = carried_part(base, plan.config, listing) if plan.lineage else (None, [])
    base = base.model_copy(update={"warnings": _unique([*base.warnings, *noticed])})
    items = [Item(name, path, name in gathered.executable) for name, path in gathered.sources.items()]
    items += [Item(MEMBER, carried.canonical())] if carried is not None else []
    items += [_log(name, path) for name, path in streams.sources.items()]
    target, manifest = pack_bundle(plan, base, [*items, *documents.items], settled=carried is not None and not steady)
    return _report(plan, target, manifest, carried, outcome)


def _report(plan: Plan, target: Path, manifest: Manifest, carried: Lineage | None, outcome: Outcome) -> RecordReport:
    """Remembers the bundle, hands its part of the graph over, and says what came of the recording."""
    bundle_id = sha256_bytes(manifest.canonical())
    remember_recorded(bundle_id)
    size = target.stat().st_size
    later: list[Notice] = []
    if carried:
        part = with_place(whole_part(manifest, bundle_id, size, carried), bundle_id, target)
        later = hand_over(part, plan.config, plan.cwd)
    return RecordReport(
        bundle=text_of(str(target)), id=bundle_id, exit_status=outcome.status, steps=main_steps(manifest.streams),
        inputs=manifest.inputs, outputs=manifest.outputs, streams=manifest.streams, observers=manifest.observers,
        warnings=[*manifest.warnings, *later], size=size, duration_s=outcome.duration_s,
    )  # fmt: skip


_FRESH_S = 60.0


def _copy_fresh_outputs(gathered: Gathered, room: Path) -> None:
    """Packs copies of the outputs that were written a moment ago; one that vanishes is left out."""
    room.mkdir()
    for number, (name, path) in enumerate(list(gathered.sources.items())):
        with suppress(FileNotFoundError):
            if not name.startswith("outputs/") or path.stat().st_mtime < time.time() - _FRESH_S:
                continue
            copy = gathered.sources[name] = Path(shutil.copyfile(path, room / str(number)))
            facts = {"sha256": sha256_file(copy), "size": copy.stat().st_size}
            gathered.outputs = [
                o.model_copy(update=facts) if o.member and unescape_name(o.member) == name else o
                for o in gathered.outputs
            ]
            continue
        if name.startswith("outputs/"):
            del gathered.sources[name]
            gathered.outputs = [o for o in gathered.outputs if o.member is None or unescape_name(o.member) != name]


def _log(name: str, path: Path) -> Item:
    return Item(name, scrub_bytes(path.read_bytes())[0]) if name.startswith("logs/") else Item(name, path)


def _gather(
    plan: Plan,
    processes: list[ObservedProcess],
    sightings: Sightings,
    keeper: InputKeeper,
    listing: Listing,
    *,
    failed: bool,
) -> Gathered:
    prefixes = {p for process in processes for p in (process.prefix, process.base_prefix) if p}
    places = Places(plan.places.root, tuple({*plan.places.packages, *prefixes}), plan.places.own, plan.places.home)
    records = read_files(plan.directory)
    gatherer = Gatherer(plan.directory, places, sightings, records, keeper, plan.limit, listing)
    declared = (*plan.config.outputs, *plan.options.outputs)
    return gatherer.gather(
        [*expand((*plan.config.inputs, *plan.options.inputs), plan.cwd, "input"), *_reported(processes, "inputs")],
        [] if failed else [*expand(declared, plan.cwd, "output"), *_reported(processes, "outputs")],
        [*plan.config.ignore_outputs, *unreplayed_globs(record.path for record in records if record.kind == "r")],
    )


def _reported(processes: list[ObservedProcess], role: str) -> list[Path]:
    """The files that the script itself declared, by ``run.input`` and ``run.output``."""
    found: list[Path] = []
    for path in dict.fromkeys(Path(path) for process in processes for path in getattr(process, role)):
        found += [file for file in sorted(path.rglob("*")) if file.is_file()] if path.is_dir() else [path]
    return found


def _process_warnings(
    plan: Plan, processes: list[ObservedProcess], sightings: Sightings, outcome: Outcome
) -> list[Notice]:
    said = [("RPK042", f"the observer could not start in a process: {r}") for r in broken_starts(plan.directory)]
    if plan.level != "off":
        unseen = unobserved_processes(sightings.processes, processes, plan.command)
        said += [("RPK041", text) for text in unseen]
    said += [
        ("RPK006", f"{path} was declared as an output and was not written")
        for process in processes for path in process.outputs if not os.path.lexists(path)
    ]  # fmt: skip
    names = sorted({name for process in processes for name in process.environment_reads})
    said += [("RPK046", f"the script read {name}, which the bundle does not keep") for name in names]
    if outcome.status:
        ended = f"was ended by signal {outcome.signal}" if outcome.signal else f"exited with status {outcome.status}"
        said.append(("RPK030", f"the command {ended}"))
    return [Notice(code=code, message=text_of(text)) for code, text in said]


@dataclass(frozen=True)
class _Facts:
    prefixes: list[str]
    directories: list[str]
    left: list[str]

    @property
    def fields(self) -> dict[str, Any]:
        """As they stand in a manifest."""
        return {name: [text_of(path) for path in paths] for name, paths in vars(self).items()}


def _found_directories(gathered: Gathered, sightings: Sightings) -> list[str]:
    """Directories of outputs that the run found rather than made, and those beside which it looked for a free name."""
    wanted = {os.path.dirname(raw_of(output.path)) for output in gathered.outputs}
    return sorted((wanted & sightings.directories) | gathered.directories)


def _manifest(
    plan: Plan,
    gathered: Gathered,
    streams: Streams,
    documents: Documents,
    outcome: Outcome,
    metrics: list[Metric],
    warnings: list[Notice],
    facts: _Facts,
    reported: Reported,
) -> Manifest:
    captured = _captured_environment(plan)
    command, redacted = scrub_arguments([text_of(argument) for argument in plan.command])
    if redacted:
        warnings.append(Notice(code="RPK045", message=f"arguments {redacted} looked like credentials"))
    machine = plain(asdict(host()))
    if plan.options.image_digest:
        machine["container"]["image_digest"] = plan.options.image_digest
    run = RunConfig(
        id=plan.run_id,
        name=plan.name,
        command=command,
        redacted_arguments=redacted,
        working_directory=text_of(str(plan.cwd)),
        root=text_of(str(plan.root)),
        executable=text_of(plan.executable),
        started=datetime.fromtimestamp(plan.started, UTC).isoformat(timespec="milliseconds"),
        duration_s=round(outcome.duration_s, 3),
        exit_status=outcome.status,
        signal=outcome.signal,
        incomplete=outcome.signal is not None or outcome.interrupted,
        environment={name: text_of(value) for name, value in captured.values.items()},
        withheld_environment=captured.withheld,
        **policy_fields(plan.policy),
        hash_seed=plan.hash_seed or None,
        trace_level=plan.level,
        **facts.fields,
        declared_outputs=[text_of(p) for p in (*plan.config.outputs, *plan.options.outputs)],
        # A database's URL may hold a password, and what a release asks for is said when it is released.
        config=plan.config.model_dump(mode="json", exclude={"lineage", "release", "dataset"}),
        **reported.fields,
        interactive=plan.interactive,
        window=plan.window,
    )
    observers = sorted({name for stream in streams.streams for name in stream.observers})
    return Manifest(
        reprokit=reprokit.__version__, run=run, inputs=gathered.inputs, outputs=gathered.outputs,
        streams=streams.streams, metrics=metrics, git=documents.git, host=machine, packages=documents.packages,
        observers=observers, warnings=_unique(warnings),
    )  # fmt: skip


def _captured_environment(plan: Plan) -> Captured:
    kept = (*plan.config.env, *plan.options.env)
    return capture_environment(plan.environment, kept, (str(bootstrap_directory()),))


def _unique(warnings: list[Notice]) -> list[Notice]:
    return list({(warning.code, warning.message): warning for warning in warnings}.values())
