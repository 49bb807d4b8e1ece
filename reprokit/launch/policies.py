"""The policy of a recording or a replay: which it is, what it asks of the observers, and whether it held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reprokit.errors import UsageError
from reprokit.launch.texts import text_of
from reprokit.policy.policies import BUILT_IN, FIRST_DETERMINISTIC, Policy, calls_of, in_process, seeds_of
from reprokit.policy.seeds import parse_seed
from reprokit.policy.switches import SWITCHES
from reprokit.policy.tables import RECORDED, check_tables, resolve
from reprokit.schema.manifest import Notice
from reprokit.schema.release import asks_of_releases

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reprokit.schema.config import Config
    from reprokit.schema.manifest import Manifest, TraceSummary


def policy_of_recording(given: str | Policy | None, seed: int | None, config: Config) -> Policy:
    """The policy under which a command is to be recorded.

    Args:
        given: as the user said it, or a policy itself; None for the configuration's.
        seed: of all generators, if the user gave one; it stands above the policy's.
        config: the project's.

    Raises:
        UsageError: RPK120, RPK121, RPK122 or RPK129; any policy of the configuration may be at fault.
    """
    check_tables({name: table for name, table in config.policy.items() if not asks_of_releases(table)})
    policy = given if isinstance(given, Policy) else resolve(given or config.record_policy, config.policy)
    return policy if seed is None else policy.with_seed(seed)


def policy_fields(policy: Policy) -> dict[str, Any]:
    """What a bundle keeps of the policy it was recorded under."""
    switches = dict(policy.switches)
    return {"policy": policy.name, "policy_version": policy.version, "policy_seed": policy.seed, "switches": switches}


def recorded_policy(manifest: Manifest) -> Policy:
    """The policy that a bundle was recorded under, switch by switch as it was then.

    A switch that this version does not know, or of which it no longer takes the value, is left out.
    """
    run = manifest.run
    seed = None if run.policy_seed is None else parse_seed(run.policy_seed)
    if run.policy_version is None:  # recorded before policies had versions
        return FIRST_DETERMINISTIC if run.policy == "deterministic" else BUILT_IN["none"]
    known = {name: v for name, v in run.switches.items() if name in SWITCHES and SWITCHES[name].holds(v, v)}
    try:
        return Policy(run.policy, run.policy_version, known, seed)
    except UsageError:  # two of them contradict each other by now: those in effect are in the environment and traces
        return Policy(run.policy, run.policy_version, {}, seed)


def policy_of_replay(given: str | Policy, manifest: Manifest, here: Mapping[str, Mapping[str, Any]]) -> Policy:
    """The policy under which a bundle is to be replayed.

    Seeds belong to the run and not to the way in which it is repeated: they are always the recorded ones.

    Args:
        given: ``recorded``, a policy's name, or a policy itself.
        manifest: the bundle's. A policy that its project defined is known by its name.
        here: the policies that the project here defines; they stand above the recorded project's.

    Raises:
        UsageError: RPK120, RPK121, RPK122 or RPK129.
    """
    recorded = recorded_policy(manifest)
    if given == RECORDED:
        return recorded
    tables = {**manifest.run.config.get("policy", {}), **here}
    policy = given if isinstance(given, Policy) else resolve(given, tables)
    seeds = {name: value for name, value in recorded.switches.items() if SWITCHES[name].how == "seed"}
    others = {name: value for name, value in policy.switches.items() if SWITCHES[name].how != "seed"}
    return Policy(policy.name, policy.version, {**others, **seeds}, recorded.seed)


def asked_of_observers(policy: Policy) -> dict[str, Any]:
    """The fields of an `reprokit.launch.recording.Observation` that a policy fills."""
    return {"switches": calls_of(policy), "seeds": seeds_of(policy), "process_switches": in_process(policy)}


def environment_without(policy: Policy, environment: Mapping[str, str]) -> dict[str, str]:
    """A recorded environment without what the recorded policy had put there."""
    found = dict(environment)
    for name, value in policy.switches.items():
        record = SWITCHES[name]
        if record.variable is None or record.variable not in found:
            continue
        if record.how == "options":
            kept = [word for word in found[record.variable].split() if word not in record.text(value).split()]
            found[record.variable] = " ".join(kept)
        if not found[record.variable] or found[record.variable] == record.text(value):
            del found[record.variable]
    return found


def recorded_values(manifest: Manifest, policy: Policy) -> dict[str, dict[str, dict[str, Any]]]:
    """What a replay brings each process to when a framework is imported: the recorded process's values at its start.

    That is where a script that sets nothing takes its number of threads from. What the recorded policy had set is left
    to the policy of the replay, and numbers of threads too where that policy speaks of any.

    Returns:
        Process key -> framework -> switch -> value.
    """
    before = recorded_policy(manifest).switches
    threads = any(name.endswith("_threads") for name in (*before, *policy.switches))
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for stream in manifest.streams:
        for name, value in stream.switches_at_start.items():
            record = SWITCHES.get(name)
            if record is None or record.how != "call" or name in before or name in policy.switches:
                continue
            if value is None or (threads and name.endswith("_threads")):
                continue
            found.setdefault(stream.name, {}).setdefault(record.framework, {})[name] = value
    return found


def policy_notices(policy: Policy, streams: list[TraceSummary]) -> list[Notice]:
    """What there is to warn of: switches that could not be set or were undone, operations without a kernel.

    Processes that trained are looked at, or where none did those that nobody of the run started: a DataLoader's workers
    have other numbers of threads by design.
    """
    found = []
    for stream in trained(streams):
        for name, reason in stream.switches_refused.items():
            if name in policy.switches:
                found.append(_notice("RPK123", f"{stream.name}: {name} could not be set: {reason}"))
        for name, was, when in undone(policy, stream):
            text = f"asked {_text(policy.switches[name])}, was {_text(was)} {when}"
            found.append(_notice("RPK124", f"{stream.name}: {name}: {text}"))
    for stream in streams:
        found += [_notice("RPK125", _problem(policy, stream.name, *problem)) for problem in stream.policy_problems]
    return list(dict.fromkeys(found))


def not_held(policy: Policy, streams: list[TraceSummary]) -> list[str]:
    """The switches of a policy that were not in effect throughout, in any process that counts."""
    found = {
        name
        for stream in trained(streams)
        for name in (
            *(n for n in stream.switches_refused if n in policy.switches),
            *(u[0] for u in undone(policy, stream)),
        )
    }
    return sorted(found)


def trained(streams: list[TraceSummary]) -> list[TraceSummary]:
    """The processes that trained, or else those that no other process of the run started.

    A process may have further streams, of fits or rounds. The switches are the process's, so it stands for them.
    """
    known = {stream.name: stream for stream in streams}
    found = {}
    for stream in streams:
        if stream.steps:
            further = stream.parent is not None and stream.name == f"{stream.parent}/{stream.role}"
            process = known.get(stream.parent or "", stream) if further else stream
            found[process.name] = process
    return list(found.values()) or [stream for stream in streams if not stream.parent]


def undone(policy: Policy, stream: TraceSummary) -> list[tuple[str, Any, str]]:
    """The switches that a process did not have as asked, although its framework was there: name, value, when.

    One that could not be set in the first place is not named here.
    """
    found = []
    for name, asked in policy.switches.items():
        record = SWITCHES[name]
        if record.how == "seed" or name in stream.switches_refused:
            continue
        for values, when in ((stream.switches, "after the first step"), (stream.switches_at_exit, "at exit")):
            there = record.how != "call" or any(known.startswith(f"{record.framework}.") for known in values)
            if values and there and not record.holds(asked, values.get(name)):
                found.append((name, values.get(name), when))
                break
        else:
            later = [was for was in stream.switches_between.get(name, []) if not record.holds(asked, was)]
            found += [(name, was, "at a later step") for was in later[:1]]
    return found


def _problem(policy: Policy, stream: str, name: str, operation: str, place: str) -> str:
    text = f"{stream}: {operation}{f' at {place}' if place else ''} has no deterministic kernel"
    record, asked = SWITCHES.get(name), policy.switches.get(name)
    if record is None or asked is None:
        return text
    weaker = record.weaker(asked)
    offer = "" if weaker is None else f"; the next weaker setting is {_text(weaker)}"
    return f"{text} ({name} = {_text(asked)}{offer})"


def _text(value: Any) -> str:
    return "unset" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _notice(code: str, message: str) -> Notice:
    return Notice(code=code, message=text_of(message))
