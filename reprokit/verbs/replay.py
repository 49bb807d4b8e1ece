"""Runs a bundle again, in a fresh process and directory, and judges how close it came."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import reprokit
from reprokit.capture.files import scan
from reprokit.capture.packages import packages
from reprokit.compare.tiers import between, judge, judge_run
from reprokit.errors import CorruptBundleError, ReprokitError, UnverifiedError
from reprokit.frameworks import adapters
from reprokit.launch.fingerprint import differences, here_fingerprint, machine_text, recorded_fingerprint
from reprokit.launch.interpreters import Program, current_program, rebuilt_program
from reprokit.launch.isolation import Isolated, isolate
from reprokit.launch.lineage_parts import keep_replay
from reprokit.launch.lineage_replays import told_replay
from reprokit.launch.opening import open_bundle
from reprokit.launch.pairing import claims
from reprokit.launch.ranks import FINDINGS, changed_ranks
from reprokit.launch.recorded_settings import settings_of
from reprokit.launch.recording import Observation, armed_environment, prepare, unarmed_environment
from reprokit.launch.replay_policy import ReplayPolicy
from reprokit.launch.replayed import check_failure, check_replayable, side_of_replay
from reprokit.launch.rooms import new_room
from reprokit.launch.runner import Command, run
from reprokit.launch.sides import Side, side_of_bundle
from reprokit.launch.texts import raw_of, unique_notices
from reprokit.launch.trackers import tracking_apart
from reprokit.launch.workplace import recorded_here
from reprokit.launch.workspace import Relocations, lay_out, locate_inputs
from reprokit.schema.manifest import Notice
from reprokit.schema.tiers import Tier
from reprokit.schema.verdict import Verdict
from reprokit.verbs.advice import advice
from reprokit.verbs.compare import Compared, compare_sides, run_verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from reprokit.bundle.reader import BundleReader
    from reprokit.policy.policies import Policy
    from reprokit.schema.manifest import Manifest

_OPERATIONAL = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TERM", "LD_LIBRARY_PATH", "SSL_CERT_FILE",
                "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "DISPLAY")  # fmt: skip


@dataclass(frozen=True)
class ReplayOptions:
    """How to replay. Durations in seconds; ``stdout`` and ``stderr`` are descriptors or None for silence.

    ``extra`` arguments are appended to the recorded command: that is how a control plants its fault. ``lineage`` says
    whether the replay is added to the lineage graph; None leaves it to the settings.
    """

    runs: int = 1
    policy: str | Policy = "recorded"
    target: Tier | None = None
    timeout: float | None = None
    env: str = "current"
    trust: bool = False
    data: dict[str, str] = field(default_factory=dict)
    isolation: str = "auto"
    stdout: int | None = None
    stderr: int | None = None
    extra: tuple[str, ...] = ()
    lineage: bool | None = None


def replay(bundle: Path, options: ReplayOptions, progress: Callable[[str], None] = lambda _text: None) -> Verdict:
    """Replays a bundle.

    Args:
        bundle: the file.
        options: how.
        progress: is told, in a few words, what happens.

    Raises:
        UsageError: RPK003, there is no such file.
        CorruptBundleError: it is damaged, hostile, newer, or not trusted (RPK026).
        UnverifiedError: RPK080, it was recorded in an interactive session; or it cannot be run here: RPK010 and RPK011
            software is missing, RPK012 data differ, RPK013 an output cannot be redirected, RPK016 the environment
            cannot be rebuilt.
    """
    with (
        open_bundle(bundle) as (reader, manifest, bundle_id),
        new_room("replay") as place,
    ):
        check_replayable(manifest, bundle.name)
        if not options.trust and not recorded_here(bundle_id):
            raise CorruptBundleError("RPK026", f"{bundle.name} was not recorded here, and replaying runs its code")
        reader.verify()
        size = bundle.stat().st_size
        with told_replay(manifest, wanted=options.lineage) as run:
            verdict = Replaying(reader, manifest, bundle_id, options, place, progress).verdict()
        unkept = keep_replay(reader, manifest, size, verdict, run, wanted=options.lineage)
        return verdict.model_copy(update={"warnings": unique_notices([*verdict.warnings, *unkept])})


class Replaying:
    """The runs of one bundle: `prepare` once, then `run` or `verdict`."""

    def __init__(
        self,
        reader: BundleReader,
        manifest: Manifest,
        bundle_id: str,
        options: ReplayOptions,
        room: Path,
        progress: Callable[[str], None],
    ) -> None:
        self.reader, self.manifest, self.bundle_id = reader, manifest, bundle_id
        self.options, self.room, self.progress = options, room, progress
        self.config = settings_of(manifest)
        self.warnings = [notice for notice in manifest.warnings if notice.code in ("RPK041", *FINDINGS)]
        self.policy = ReplayPolicy(options.policy, manifest)
        self.method = ""

    def prepare(self) -> None:
        """Finds the program and the data, and reads the record."""
        self.program = self._program()
        self.linked = locate_inputs(self.manifest, Relocations(self.options.data, self.program.prefixes))
        (self.room / "record").mkdir()
        self.recorded = side_of_bundle(self.reader, self.manifest, self.room / "record")
        self.ambient = self._extract_ambient()

    def verdict(self) -> Verdict:
        """Prepares, runs, compares, judges."""
        options = self.options
        self.prepare()
        sides: list[Side] = []
        for number in range(1, options.runs + 1):
            self.progress(f"replay {number} of {options.runs}")
            sides.append(self.run(number))
            if sides[-1].timed_out:
                break
        self.progress("comparing")
        compared = [compare_sides(self.recorded, side, self.config, i) for i, side in enumerate(sides, 1)]
        return self._judge(sides, compared)

    def _program(self) -> Program:
        if self.options.env == "rebuilt":
            self.progress("rebuilding the environment")
            program = rebuilt_program(self.reader, self.manifest, self.room / "environment")
        else:
            program = current_program(self.manifest)
        self.warnings += [Notice(code="RPK050", message=note) for note in program.notes]
        return program

    def _extract_ambient(self) -> Path:
        directory = self.room / "ambient"
        directory.mkdir()
        for member in self.reader.members:
            if member.path.startswith("ambient/"):
                self.reader.extract(member.path, directory / member.path.removeprefix("ambient/"))
        return directory

    def _keep(self) -> tuple[str, ...]:
        """Directories that the command needs even when they lie below the recorded project."""
        python = Path(self.program.python or self.program.executable)
        found = [
            str(self.room),
            str(Path(reprokit.__file__).parent),
            str(python.parent.parent),
            os.path.realpath(python.parent.parent),
        ]
        found += list(self.program.prefixes.values()) + [p for p in self.manifest.run.prefixes if Path(p).is_dir()]
        found += [str(Path(os.path.realpath(self.program.executable)).parent)]
        root = raw_of(self.manifest.run.root)
        return tuple(dict.fromkeys(p for p in found if p not in ("/", "/usr", "/usr/local") and p != root))

    def _environment(self) -> dict[str, str]:
        current = unarmed_environment(dict(os.environ))
        run_config = self.manifest.run
        wanted = (*_OPERATIONAL, *run_config.withheld_environment)
        environment, warnings = self.policy.environment({name: current[name] for name in wanted if name in current})
        self.warnings += warnings
        environment["PATH"] = os.pathsep.join([*self.program.path, environment.get("PATH", os.defpath)])
        return environment

    def run(self, number: int) -> Side:
        """Runs the command once, in a room ``run-NUMBER`` of its own.

        Raises:
            UnverifiedError: it cannot be run here.
            KeyboardInterrupt: it was interrupted.
        """
        room = self.room / f"run-{number}"
        room.mkdir()
        layout = lay_out(self.reader, self.manifest, room, self.linked, self._keep())
        command = self._command()
        environment = tracking_apart(self.manifest, self.recorded.outputs, layout) | self._environment()
        isolated = isolate(layout, command, self.program.executable, environment, self.options.isolation)
        self.method = isolated.method
        recording = room / "recording"
        (room / "logs").mkdir()
        prepare(recording, self._observation(isolated))
        before = scan(layout.tree)
        outcome = run(
            Command(
                isolated.arguments, isolated.directory, armed_environment(isolated.environment, recording),
                room / "logs", self.options.stdout, self.options.stderr,
                self.options.timeout or self.config.timeout, own_session=True,
            )
        )  # fmt: skip
        check_failure(self.manifest, outcome, room / "logs" / "stderr.txt")
        side, warnings = side_of_replay(self.manifest, outcome, layout, room, before)
        if isolated.method == "rewrite":
            side.moved = (str(layout.tree), os.path.realpath(layout.tree))
        self.warnings += [*warnings, *changed_ranks(self.recorded, side)]
        return side

    def _command(self) -> list[str]:
        run_config = self.manifest.run
        if run_config.redacted_arguments:
            raise UnverifiedError(
                "RPK011", f"arguments {run_config.redacted_arguments} were credentials and are not in the bundle",
                "Pass credentials by environment variables when recording.",
            )  # fmt: skip
        return [*(raw_of(argument) for argument in run_config.command), *self.options.extra]

    def _observation(self, isolated: Isolated) -> Observation:
        run_config, asked = self.manifest.run, self.policy.observers()
        plans = {
            name: stream.trace.plan() for name, stream in self.recorded.streams.items() if stream.trace is not None
        }
        return Observation(
            root=raw_of(run_config.root) if isolated.method == "namespace" else str(isolated.directory),
            level=run_config.trace_level,
            ignored=(str(Path(reprokit.__file__).parent),),
            stored_environment=tuple(run_config.environment),
            ambient=str(self.ambient),
            plans=plans,
            claims=claims(self.manifest.streams),
            guarded=isolated.guarded,
            frameworks=adapters() if run_config.trace_level != "off" or asked["switches"] or asked["seeds"] else {},
            **asked,
            window=(run_config.window.process, run_config.window.number) if run_config.window else None,
        )

    def _judge(self, sides: list[Side], compared: list[Compared]) -> Verdict:
        target = self.options.target or self.config.target
        judged = [judge_run(one.evidence) for one in compared]
        result = judge(judged, target)
        among = self._between(sides)
        missing, warnings = self.policy.missing(sides)
        self.warnings += warnings
        if result.tier is not Tier.BITWISE:  # what a replay did not get may be why
            self.warnings += [notice for notice in self.manifest.warnings if notice.code == "RPK046"]
        worst = min(range(len(judged)), key=lambda i: judged[i].tier.rank)
        chosen = compared[worst]
        divergences = [one.divergence for one in compared if one.divergence is not None]
        return Verdict(
            bundle=self.bundle_id, tier=result.tier, target=target, met=result.met, status=result.status,
            reason=result.reason, between_replays=among, policy=self.policy.name,
            advice="" if result.tier.reaches(target)
            else advice(self.manifest.run, self.policy.policy, missing, result.tier, among, result.status),
            runs=[
                run_verdict(i, side, one, judgement.tier, judgement.reason)
                for i, (side, one, judgement) in enumerate(zip(sides, compared, judged, strict=True), 1)
            ],
            outputs=chosen.outputs, metrics=chosen.metrics, traces=chosen.traces,
            divergence=min(divergences, key=lambda d: (d.step if d.step is not None else 1 << 62, d.run), default=None),
            scope=self._scope(sides, compared) | {"policy_not_held": missing}, warnings=unique_notices(self.warnings),
        )  # fmt: skip

    def _between(self, sides: list[Side]) -> Tier | None:
        pairs = [compare_sides(sides[0], side, self.config, i) for i, side in enumerate(sides[1:], 2)]
        return between([judge_run(pair.evidence) for pair in pairs]) if pairs else None

    def _scope(self, sides: list[Side], compared: list[Compared]) -> dict[str, Any]:
        streams = [stream.summary for stream in sides[0].streams.values()] if sides else []
        here_packages: dict[str, Any] = {}
        if self.program.python:
            try:
                here_packages = asdict(packages(self.program.python))
            except ReprokitError as error:
                self.warnings.append(Notice(code=error.code, message=error.message))
        recorded, here = recorded_fingerprint(self.manifest), here_fingerprint(here_packages, streams)
        different = differences(recorded, here)
        if different:
            self.warnings.append(Notice(code="RPK050", message="; ".join(different)))
        return {
            "runs": len(sides),
            "machine": machine_text(self.manifest.host) if not here else str(here["machine"]),
            "policy": self.policy.name,
            "threads": here.get("torch.num_threads"),
            "fingerprint": {"recorded": recorded, "here": here, "differences": different},
            "traced_steps": min((sum(t.steps_compared for t in one.traces) for one in compared), default=0),
            "not_compared": sorted({text for one in compared for t in one.traces for text in t.not_compared}),
            "isolation": self.method,
        }
