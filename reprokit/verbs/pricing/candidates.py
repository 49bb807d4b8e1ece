"""Which switches concern a recorded script: a switch of a framework or a device that it does not use is not tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reprokit.launch.policies import trained
from reprokit.policy.switches import SWITCHES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reprokit.policy.policies import Policy
    from reprokit.policy.switch import Switch
    from reprokit.schema.manifest import Manifest

_ONE_THREAD = {"torch": ("torch.num_threads",),
               "tensorflow": ("tensorflow.intra_op_threads", "tensorflow.inter_op_threads")}  # fmt: skip
_POOLS = {"openblas": "openblas.num_threads", "mkl": "mkl.num_threads", "openmp": "omp.num_threads"}


@dataclass(frozen=True)
class Candidates:
    """What is tried and what is not.

    Attributes:
        values: switch -> value, of everything that is tried.
        policy: the names among them that belong to the policy; the others are alternatives to it.
        passed_over: switch -> its value and why it does not apply.
    """

    values: dict[str, Any]
    policy: frozenset[str]
    passed_over: dict[str, tuple[Any, str]]


@dataclass(frozen=True)
class Facts:
    """What the bundle says of its script.

    Attributes:
        was: switch -> its value after the first step, as it was read back; of several processes the first one's.
        frameworks: import names of those that were used.
        cuda: whether there was a device.
        pools: threads of each kind of library that was loaded.
        set_by_policy: switches that the recorded policy set, so that they are no property of the script.
        traced: whether observers were on that can set switches.
    """

    was: Mapping[str, Any]
    frameworks: frozenset[str]
    cuda: bool
    pools: Mapping[str, int]
    set_by_policy: frozenset[str] = frozenset()
    traced: bool = True


def facts_of(manifest: Manifest, recorded_policy: Policy) -> Facts:
    """Reads the facts out of a manifest."""
    was: dict[str, Any] = {}
    pools: dict[str, int] = {}
    frameworks = {stream.framework for stream in manifest.streams if stream.framework}
    for stream in trained(manifest.streams):
        for name, value in (stream.switches or stream.switches_at_exit or stream.switches_at_start).items():
            was.setdefault(name, value)
            record = SWITCHES.get(name)
            if record is None or record.how in ("call", "seed"):
                frameworks.add(name.partition(".")[0])
        for pool in stream.thread_pools:
            kind = str(pool.get("internal_api"))
            pools[kind] = max(pools.get(kind, 0), int(pool.get("num_threads") or 0))
    cuda = bool((manifest.host.get("gpus") or {}).get("devices"))
    return Facts(
        was, frozenset(frameworks), cuda, pools, frozenset(recorded_policy.switches),
        traced=manifest.run.trace_level != "off",
    )  # fmt: skip


def candidates(facts: Facts, policy: Policy, asked: Mapping[str, Any]) -> Candidates:
    """Chooses what is tried: the policy's switches, what the user asked for, and one thread where there were more.

    Args:
        facts: of the recorded run.
        policy: whose switches are priced.
        asked: further switches, legal values.
    """
    values: dict[str, Any] = {}
    passed_over: dict[str, tuple[Any, str]] = {}
    for name, value in {**policy.switches, **asked}.items():
        reason = _reason(SWITCHES[name], value, facts)
        if reason and name not in asked:
            passed_over[name] = (value, reason)
        else:
            values[name] = value
    ours = frozenset(values) - set(asked) | frozenset(name for name in asked if name in policy.switches)
    for name in _one_thread(facts):
        if name not in policy.switches and name not in asked:
            values[name] = 1
    return Candidates(values, ours, passed_over)


def _reason(record: Switch, value: Any, facts: Facts) -> str:
    """Why a switch does not concern the script; empty when it does."""
    if record.how == "seed":
        return "a replay gives the generators their recorded states"
    if record.frameworks and not facts.frameworks & set(record.frameworks):
        return f"the script does not use {' or '.join(record.frameworks)}"
    if record.devices == ("cuda",) and not facts.cuda:
        return "the recorded run had no CUDA device"
    if record.how in ("call", "process") and not facts.traced:
        return "recorded with --trace off: nothing can set it"
    if record.name not in facts.set_by_policy and record.holds(value, facts.was.get(record.name, "")):
        return f"the script had it already: {facts.was[record.name]}"
    return ""


def _one_thread(facts: Facts) -> list[str]:
    """Switches that leave the script one thread, where it had more; the threads of a framework before its libraries."""
    found: list[str] = []
    for framework, names in _ONE_THREAD.items():
        if framework in facts.frameworks and facts.traced:
            found += [name for name in names if facts.was.get(name) not in (None, 1)]
    covered = any(framework in facts.frameworks for framework in _ONE_THREAD)
    if not covered:
        found += [_POOLS[kind] for kind, threads in facts.pools.items() if kind in _POOLS and threads > 1]
    return found
