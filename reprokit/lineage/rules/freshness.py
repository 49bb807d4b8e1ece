"""Freshness and tier: the last rebuild test of a run's bundle is young enough, and reached enough."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from urllib.parse import unquote

from reprokit.lineage.rules.wanting import name_of, wanting
from reprokit.schema.release import RebuildTest
from reprokit.schema.tiers import Status, Tier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reprokit.lineage.graph import Graph
    from reprokit.schema.release import ReleaseFinding, ReleaseRules

DAY = 86_400_000
_WRONG_CLOCK = (
    "Set the clock of the machine that made it, and replay the bundle again; where the test of the future was worse "
    "than that, record the run anew, since nobody can say which test was the last."
)
SKEW = 300_000  # clocks of two machines may differ by so much


def bundle_of(graph: Graph, execution: str) -> str | None:
    """The bundle of a run."""
    for artifact in graph.outputs[execution]:
        node = graph.artifacts.get(artifact)
        if node is not None and node.type == "Bundle":
            return artifact
    run = graph.executions.get(execution)
    stated = run.properties.get("bundle") if run is not None else None
    return str(stated) if stated else None


def last_test(graph: Graph, bundle: str, now: int | None = None) -> RebuildTest | None:
    """The last replay of a bundle that could be judged; of two at the same time, the one that reached less.

    With ``now``, one that a clock that was wrong put into the future counts only where there is no other, or where it
    reached less: nobody can say then which one was the last.
    """
    tests = list(_tests(graph, bundle))
    if now is not None:
        past = [test for test in tests if test.time <= now + SKEW]
        reached = max(past, key=_order, default=None)
        if reached is not None:
            tests = [test for test in tests if test in past or test.tier.rank < reached.tier.rank]
    return max(tests, key=_order, default=None)


def _order(test: RebuildTest) -> tuple[int, int]:
    return test.time, -test.tier.rank


def _tests(graph: Graph, bundle: str) -> Iterator[RebuildTest]:
    replays = {*graph.users[bundle]}
    replays |= {node.id for node in graph.lineage.executions if node.properties.get("bundle") == bundle}
    for event in graph.lineage.events:
        replay, verdict = graph.executions.get(event.execution), graph.artifacts.get(event.artifact)
        if event.is_input or event.execution not in replays or replay is None or verdict is None:
            continue
        if replay.type != "Replay" or verdict.type != "Verdict":
            continue
        if any(node.properties.get("bundle", bundle) != bundle for node in (replay, verdict)):
            continue  # it says itself that it tested another one
        said = [str(node.properties["tier"]) for node in (replay, verdict) if "tier" in node.properties]
        status = [node.properties.get("status", Status.VERIFIED) for node in (replay, verdict)]
        if said and set(said) <= set(Tier) and set(status) == {Status.VERIFIED}:
            tier = min((Tier(one) for one in said), key=lambda one: one.rank)  # where they differ, one was changed
            times = [when for when in (event.time, replay.ended) if when] or [replay.started]
            # The same, where none was changed.
            yield RebuildTest(bundle=bundle, verdict=verdict.id, tier=tier, time=min(times))


def of_run(graph: Graph, execution: str, rules: ReleaseRules, now: int) -> Iterator[ReleaseFinding]:
    """What is wrong with the last rebuild test of a run; ``now`` in milliseconds since the epoch."""
    if math.isinf(rules.max_age_days) and rules.tier is Tier.NONE:
        return
    bundle = bundle_of(graph, execution)
    if bundle is None:
        message = f"{name_of(graph, execution)} has no bundle, so nobody can run it again"
        yield wanting(graph, "RPK177", execution, message, "Make the run under `reprokit record`.")
        return
    test, name = last_test(graph, bundle, now), _placed(graph, bundle)
    if test is None:
        yield wanting(graph, "RPK177", bundle, f"{name} was never replayed with a verdict")
        return
    age = (now - test.time) / DAY
    if test.time > now + SKEW:
        message = f"the last rebuild test of {name} is {-age:.1f} days in the future"
        yield wanting(graph, "RPK177", bundle, message, _WRONG_CLOCK)
    elif age > rules.max_age_days:
        known = f"{age:.1f} days ago" if test.time else "at a time that nobody noted"
        limit = f"{rules.max_age_days:g} days"
        message = f"{name} was last replayed {known}, and the limit is {limit}"
        yield wanting(graph, "RPK177", bundle, message)
    if not test.tier.reaches(rules.tier):
        reached = f"the last replay of {name} reached {test.tier}"
        yield wanting(graph, "RPK178", bundle, f"{reached}, and the policy asks for {rules.tier}")


def _placed(graph: Graph, bundle: str) -> str:
    """A bundle for people, with its file: its name is that of the run, and two stages that DVC ran are both `dvc`."""
    node = graph.artifacts.get(bundle)
    place = node.uri if node is not None else ""
    if place.startswith("file:///"):
        place = unquote(place.removeprefix("file://"))
    return f"{name_of(graph, bundle)} in {place}" if place else name_of(graph, bundle)
