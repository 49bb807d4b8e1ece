"""Makes a bundle of what was gathered: members, manifest, file."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import reprokit
from reprokit.bundle.names import unescape_name
from reprokit.bundle.writer import Item, pack
from reprokit.capture.accesses import Places
from reprokit.capture.environment import capture_environment
from reprokit.capture.host import host
from reprokit.capture.secrets import scrub_arguments, scrub_bytes
from reprokit.digest import sha256_bytes
from reprokit.errors import UsageError
from reprokit.launch.documents import Documents, plain
from reprokit.launch.gathering import Gathered, Gatherer, expand
from reprokit.launch.numbers import collect_metrics
from reprokit.launch.policies import policy_fields, policy_notices
from reprokit.launch.recording import bootstrap_directory
from reprokit.launch.reported import Reported, reported_by
from reprokit.launch.texts import raw_of, text_of
from reprokit.launch.tracing import Streams, collect_streams, main_steps, spoken
from reprokit.launch.unobserved import unobserved_processes
from reprokit.launch.workplace import remember_recorded
from reprokit.observe.reading import broken_starts, read_files, read_processes
from reprokit.schema.manifest import Manifest, MemberEntry, Metric, Notice, RunConfig
from reprokit.schema.record import RecordReport

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reprokit.bundle.members import Member
    from reprokit.capture.keeper import InputKeeper
    from reprokit.launch.plan import Plan
    from reprokit.launch.runner import Outcome
    from reprokit.launch.watching import Sightings
    from reprokit.observe.reading import ObservedProcess

SUFFIX = ".repro.tar.zst"


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
    gathered = _gather(plan, processes, sightings, keeper, failed=bool(outcome.status))
    if steady:
        _copy_fresh_outputs(gathered, plan.directory / "steady")
    streams = collect_streams(processes, plan.directory / ("columns-again" if steady else "columns"), plan.level)
    documents = Documents(plan, processes)
    outputs = {o.path: gathered.sources[unescape_name(o.member)] for o in gathered.outputs if o.member}
    logged = spoken(streams, plan.directory / "logs" / "stdout.txt")
    reported = [path for process in processes if (path := process.directory / "metrics.jsonl").exists()]
    metrics = collect_metrics(outputs, logged, plan.config.metrics, streams.streams, reported)
    warnings = [
        *plan.warnings, *sightings.warnings, *gathered.warnings, *streams.warnings,
        *_process_warnings(plan, processes, sightings, outcome), *documents.warnings,
    ]  # fmt: skip
    prefixes = sorted({p for process in processes for p in (process.prefix, process.base_prefix) if p})
    facts = _Facts(prefixes, _found_directories(gathered, sightings))
    said = reported_by(processes, plan.policy.name)
    warnings += said.warnings + policy_notices(plan.policy, streams.streams)
    base = _manifest(plan, gathered, streams, documents, outcome, metrics, warnings, facts, said)
    written: list[Manifest] = []

    def finish(members: Sequence[Member]) -> bytes:
        entries = [MemberEntry.model_validate(member.to_json()) for member in members]
        written.append(_as_packed(base, members).model_copy(update={"members": entries}))
        return written[0].canonical()

    items = [Item(name, path, name in gathered.executable) for name, path in gathered.sources.items()]
    items += [_log(name, path) for name, path in streams.sources.items()]
    target = _write(plan, [*items, *documents.items], finish)
    manifest = written[0]
    bundle_id = sha256_bytes(manifest.canonical())
    remember_recorded(bundle_id)
    return RecordReport(
        bundle=text_of(str(target)), id=bundle_id, exit_status=outcome.status, steps=main_steps(manifest.streams),
        inputs=manifest.inputs, outputs=manifest.outputs, streams=manifest.streams, observers=manifest.observers,
        warnings=manifest.warnings, size=target.stat().st_size, duration_s=outcome.duration_s,
    )  # fmt: skip


def _as_packed(manifest: Manifest, members: Sequence[Member]) -> Manifest:
    """What is packed counts: a file may have changed since its digest was taken."""
    held = {member.path: {"sha256": member.sha256, "size": member.size} for member in members}
    inputs = [e.model_copy(update=held[unescape_name(e.member)]) if e.member else e for e in manifest.inputs]
    outputs = [e.model_copy(update=held[unescape_name(e.member)]) if e.member else e for e in manifest.outputs]
    return manifest.model_copy(update={"inputs": inputs, "outputs": outputs})


_FRESH_S = 60.0


def _copy_fresh_outputs(gathered: Gathered, room: Path) -> None:
    """Packs copies of the outputs that were written a moment ago; one that vanishes is left out."""
    room.mkdir()
    for number, (name, path) in enumerate(list(gathered.sources.items())):
        with suppress(FileNotFoundError):
            if not name.startswith("outputs/") or path.stat().st_mtime < time.time() - _FRESH_S:
                continue
            gathered.sources[name] = Path(shutil.copyfile(path, room / str(number)))
            continue
        if name.startswith("outputs/"):
            del gathered.sources[name]
            gathered.outputs = [o for o in gathered.outputs if o.member is None or unescape_name(o.member) != name]


def _log(name: str, path: Path) -> Item:
    return Item(name, scrub_bytes(path.read_bytes())[0]) if name.startswith("logs/") else Item(name, path)


def _gather(
    plan: Plan, processes: list[ObservedProcess], sightings: Sightings, keeper: InputKeeper, *, failed: bool
) -> Gathered:
    prefixes = {p for process in processes for p in (process.prefix, process.base_prefix) if p}
    places = Places(plan.places.root, tuple({*plan.places.packages, *prefixes}), plan.places.own, plan.places.home)
    gatherer = Gatherer(plan.directory, places, sightings, read_files(plan.directory), keeper, plan.limit)
    declared = (*plan.config.outputs, *plan.options.outputs)
    return gatherer.gather(
        [*expand((*plan.config.inputs, *plan.options.inputs), plan.cwd, "input"), *_reported(processes, "inputs")],
        [] if failed else [*expand(declared, plan.cwd, "output"), *_reported(processes, "outputs")],
        plan.config.ignore_outputs,
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


def _found_directories(gathered: Gathered, sightings: Sightings) -> list[str]:
    """Directories of outputs that the run found rather than made."""
    wanted = {os.path.dirname(raw_of(output.path)) for output in gathered.outputs}
    return sorted(wanted & sightings.directories)


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
    extra = (*plan.config.env, *plan.options.env)
    captured = capture_environment(plan.environment, extra, (str(bootstrap_directory()),))
    command, redacted = scrub_arguments([text_of(argument) for argument in plan.command])
    if redacted:
        warnings.append(Notice(code="RPK045", message=f"arguments {redacted} looked like credentials"))
    machine = plain(asdict(host()))
    if plan.options.image_digest:
        machine["container"]["image_digest"] = plan.options.image_digest
    run = RunConfig(
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
        directories=[text_of(directory) for directory in facts.directories],
        prefixes=[text_of(prefix) for prefix in facts.prefixes],
        declared_outputs=[text_of(p) for p in (*plan.config.outputs, *plan.options.outputs)],
        config=plan.config.model_dump(mode="json"),
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


def _unique(warnings: list[Notice]) -> list[Notice]:
    return list({(warning.code, warning.message): warning for warning in warnings}.values())


def _write(plan: Plan, items: list[Item], finish: Callable[[Sequence[Member]], bytes]) -> Path:
    """Writes the bundle under the name that was asked for, or under the first free one."""
    if plan.target is not None:
        pack(plan.target, items, finish)
        return plan.target
    handle, name = tempfile.mkstemp(prefix=f".{plan.name}-", suffix=SUFFIX, dir=plan.cwd)
    os.close(handle)
    temporary = Path(name)
    try:
        pack(temporary, items, finish)
        for number in range(1, 100_000):
            target = plan.cwd / (f"{plan.name}{SUFFIX}" if number == 1 else f"{plan.name}-{number}{SUFFIX}")
            try:
                os.link(temporary, target)  # fails when the name is taken, also by another recording right now
            except FileExistsError:
                continue
            except OSError as error:
                raise UsageError("RPK005", f"cannot write {target}: {error.strerror}") from None
            return target
    finally:
        temporary.unlink(missing_ok=True)
    raise UsageError("RPK005", f"no free name for a bundle in {plan.cwd}")
