"""Runs a command and writes what it was and did into one bundle."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import reprokit
from reprokit.capture.accesses import Places, below
from reprokit.capture.environment import capture_environment
from reprokit.errors import ReprokitError, UsageError
from reprokit.frameworks import adapters
from reprokit.launch.assembly import assemble
from reprokit.launch.lineage_events import announce, call_off, collectors_directory, starting
from reprokit.launch.lineage_manifests import manifest_files
from reprokit.launch.packing import SUFFIX
from reprokit.launch.plan import Plan, RecordOptions, new_run_id
from reprokit.launch.policies import asked_of_observers, policy_of_recording
from reprokit.launch.recording import OBSERVE, Observation, armed_environment, prepare, unarmed_environment
from reprokit.launch.rooms import held, keep, sweep
from reprokit.launch.runner import Command, Outcome, run
from reprokit.launch.texts import text_of
from reprokit.launch.watching import Watch
from reprokit.observe.process import script_name
from reprokit.policy.policies import settled_environment
from reprokit.schema.config import load_config
from reprokit.schema.manifest import Notice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reprokit.schema.record import RecordReport

__all__ = ["RecordOptions", "record"]

_ROOM = "reprokit-record-"


def record(command: Sequence[str], options: RecordOptions | None = None) -> RecordReport:
    """Runs ``command`` under observation and bundles it; a failed run is bundled too.

    Args:
        command: the program and its arguments, as typed.
        options: what to keep, where to write.

    Returns:
        The report; its ``exit_status`` is the command's own.

    Raises:
        UsageError: RPK002 the command cannot be started; RPK004 bad configuration; RPK005 the bundle cannot be
            written (the raw recording is kept then); RPK006 a declared file does not exist.
    """
    plan = make_plan(list(command), options or RecordOptions())
    with held(plan.directory):
        announce(starting(plan), plan.collector)
        try:
            watch, outcome = _observe(plan)
        except BaseException:
            call_off(starting(plan), plan.collector)
            shutil.rmtree(plan.directory, ignore_errors=True)
            raise
        return finish(plan, watch, outcome)


def finish(plan: Plan, watch: Watch, outcome: Outcome) -> RecordReport:
    """Bundles a run that has ended, and removes its raw recording.

    Raises:
        UsageError: RPK005, RPK006; the raw recording is kept then.
    """
    kept = False
    try:
        return assemble(plan, watch.after(), watch.keeper, outcome)
    except ReprokitError as error:
        kept = True
        keep(plan.directory)
        call_off(starting(plan), plan.collector)
        raise type(error)(
            error.code,
            f"{error.message} (the command ended with status {outcome.status}; its raw recording is kept in "
            f"{plan.directory})",
            error.hint,
        ) from None
    finally:
        if not kept:
            shutil.rmtree(plan.directory, ignore_errors=True)


def make_plan(command: list[str], options: RecordOptions, *, running: bool = False) -> Plan:
    """Settles everything before a run.

    Args:
        command: what is to be run.
        options: what the user said.
        running: the command is this process, so its interpreter and its hash seed are what they are.

    Raises:
        UsageError: RPK001, RPK002, RPK003, RPK004 or RPK005; nothing has been run.
    """
    if not command:
        raise UsageError("RPK001", "no command was given", "Write it after `--`: reprokit record -- python train.py")
    cwd = _working_directory()
    config = load_config(cwd)
    executable = sys.executable if running else shutil.which(command[0])
    if executable is None:
        raise UsageError("RPK002", f"cannot start {command[0]!r}: not found, or not executable")
    policy = policy_of_recording(options.policy, options.seed, config)
    environment = unarmed_environment(dict(os.environ))
    settled, gone = settled_environment(policy, environment)
    if running:
        settled.pop("PYTHONHASHSEED", None)
    environment.update(settled)
    hash_seed = environment.get("PYTHONHASHSEED", "")
    if not hash_seed.isdigit():  # unset or `random`: it cannot be read back later, so it is drawn now
        hash_seed = "" if running else str(secrets.randbelow(2**32 - 1) + 1)
    if hash_seed:
        environment["PYTHONHASHSEED"] = hash_seed
    name = options.name or _name_of(command)
    target = options.output
    if target is not None:
        target = target if target.name.endswith(".zst") or target.suffix else target.with_name(target.name + SUFFIX)
        _check_target(target.absolute())
        target = target.absolute()
    else:
        _check_directory(cwd)
    root = _project_root(cwd)
    directory = _new_directory(running=running)
    own = (str(directory), str(Path(reprokit.__file__).parent), *_told_places())
    packages_of = tuple(dict.fromkeys(os.path.realpath(p) for p in (sys.prefix, sys.base_prefix)))
    places = Places(str(root), packages_of, own, str(Path.home()) if "HOME" in os.environ else "")
    limit = options.embed_limit if options.embed_limit is not None else config.embed_limit
    return Plan(
        command, executable, cwd, root, config, options, policy, options.trace or config.trace, target, name,
        hash_seed, environment, directory, places, limit, time.time(),
        [Notice(code="RPK126", message=text_of(text)) for text in gone],
        run_id=options.run_id or new_run_id(),
        manifests=manifest_files(config, cwd, _given_manifests(options)),
    )  # fmt: skip


def _new_directory(*, running: bool) -> Path:
    """For what the observers write; before, what recordings left there that were killed outright goes."""
    if running:
        return Path(tempfile.mkdtemp(prefix="reprokit-run-"))
    sweep(Path(tempfile.gettempdir()), _ROOM)
    return Path(tempfile.mkdtemp(prefix=_ROOM))


def _told_places() -> tuple[str, ...]:
    """Where a process writes, during the run, that tells a collector of it."""
    try:
        place = str(collectors_directory())
    except RuntimeError:  # no home directory
        return ()
    return tuple(dict.fromkeys((place, os.path.realpath(place))))


def _given_manifests(options: RecordOptions) -> tuple[Path, ...]:
    for path in options.manifests:
        if not path.is_file():
            raise UsageError("RPK003", f"the dataset manifest {path} does not exist")
    return options.manifests


def _working_directory() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise UsageError("RPK003", "the current directory does not exist any more") from None


def _name_of(command: list[str]) -> str:
    """A bundle's name: the script's or module's, else the program's."""
    program = Path(command[0]).name
    name = script_name(command) if program.startswith(("python", "pypy")) else Path(command[0]).stem
    for argument in command[1:]:
        if argument.endswith((".py", ".sh")) and not program.startswith("python"):
            name = Path(argument).stem
            break
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in name).strip(".") or "run"


def _project_root(cwd: Path) -> Path:
    """The git checkout around the working directory, else the directory itself."""
    for directory in (cwd, *cwd.parents):
        if (directory / ".git").exists() and directory != Path.home() and directory != Path("/"):
            return directory
    return cwd


def _check_directory(directory: Path) -> None:
    if not directory.is_dir():
        raise UsageError("RPK005", f"cannot write the bundle: the directory {directory} does not exist")
    if not os.access(directory, os.W_OK | os.X_OK):
        raise UsageError("RPK005", f"cannot write the bundle: the directory {directory} is not writable")


def _check_target(target: Path) -> None:
    """Fails before the run rather than after it, and never replaces what is not a bundle."""
    _check_directory(target.parent)
    if target.is_dir():
        raise UsageError("RPK005", f"cannot write the bundle: {target} is a directory")
    if target.exists() and target.stat().st_size:
        with target.open("rb") as file:
            if file.read(4) != b"\x28\xb5\x2f\xfd":
                raise UsageError("RPK005", f"{target} exists and is not a bundle; it will not be replaced")


def observation_of(plan: Plan) -> Observation:
    """What the observers of a recording are asked to do."""
    captured = capture_environment(plan.environment, (*plan.config.env, *plan.options.env))
    asked = asked_of_observers(plan.policy)
    return Observation(
        root=str(plan.root),
        level=plan.level,
        ignored=plan.places.own,
        stored_environment=(*captured.values, *_EVERYDAY),
        frameworks=adapters() if plan.level != "off" or asked["switches"] or asked["seeds"] else {},
        **asked,
    )


def prepare_watch(plan: Plan) -> tuple[Watch, dict[str, Any]]:
    """Makes the recording's directory, and a watch that looks at the run from outside from now on.

    Returns:
        The watch and the observers' configuration.
    """
    (plan.directory / "logs").mkdir()
    config = prepare(plan.directory, observation_of(plan))
    watch = Watch(plan.directory, plan.root, _directories_in(plan), plan.places, plan.limit)
    watch.before()
    return watch, config


def _observe(plan: Plan) -> tuple[Watch, Outcome]:
    watch, _config = prepare_watch(plan)
    logs = plan.directory / "logs"
    command = Command(
        plan.command, plan.cwd, armed_environment(plan.environment, plan.directory), logs,
        plan.options.stdout, plan.options.stderr,
    )  # fmt: skip
    outcome = run(command, watch.started)
    return watch, outcome


_EVERYDAY = ("HOME", "PATH", "USER", "LOGNAME", "TMPDIR", "SHELL", "TERM", "PWD", "COLUMNS", "LINES", OBSERVE)


def _directories_in(plan: Plan) -> list[Path]:
    """Directories outside the project that the arguments name: native code may read and write there unseen."""
    found: dict[Path, None] = {}
    for argument in plan.command[1:]:
        text = argument.partition("=")[2] if argument.startswith("-") and "=" in argument else argument
        path = Path(os.path.normpath(plan.cwd / text)) if text and "\0" not in text else plan.cwd
        with suppress(OSError):
            directory = path if path.is_dir() else path.parent
            wide = directory in (Path("/"), Path("/tmp"), Path.home(), Path("/usr"), Path("/etc"))  # noqa: S108
            if directory.is_dir() and not wide and not below(str(directory), str(plan.root)):
                found[directory] = None
    return list(found)
