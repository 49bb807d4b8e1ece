"""Laws of the rules: taking a link away never helps, and what is not asked about changes nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reprokit.lineage.merging import normal
from reprokit.lineage.rules import integrity, judge_release
from reprokit.lineage.rules.sealing import sealed
from reprokit.schema.lineage import Artifact, Event, Execution, Lineage
from reprokit.schema.release import ReleaseRules
from reprokit.schema.tiers import Tier

pytestmark = pytest.mark.slow
NOW, DAY = 1_800_000_000_000, 86_400_000
FULL = {"command": "t", "git_commit": "c", "git_dirty": False, "image_digest": "d", "seed": 1, "exit_status": 0}
DEFECTS = [("git_dirty", True), ("git_commit", None), ("image_digest", None), ("seed", None), ("exit_status", 1)]
LAW = settings(max_examples=200, deadline=None)
SELDOM = st.integers(0, 5).map(lambda drawn: drawn == 5)


@st.composite
def runs(draw, number):
    """A run that says everything, and now and then what a policy refuses."""
    facts = {**FULL, "bundle": f"b{number}"}
    if draw(SELDOM):
        facts.update([draw(st.sampled_from(DEFECTS))])
    started = draw(st.sampled_from([0, NOW - (40 - number) * DAY]))
    return Execution(
        id=f"r{number}", type="Run", started=started, ended=started and started + DAY,
        properties={name: value for name, value in facts.items() if value is not None},
    )  # fmt: skip


@st.composite
def rebuild_tests(draw, number):
    """A replay of a run's bundle: young or old, of some tier."""
    time = NOW - draw(st.sampled_from([1, 1, 2, 40])) * DAY
    tier = draw(st.sampled_from([Tier.BITWISE, Tier.BITWISE, Tier.BITWISE, Tier.NONE]))
    name = f"{number}-{draw(st.integers(0, 99))}"
    return (
        Execution(id=f"p{name}", type="Replay", started=time, ended=time),
        Artifact(id=f"v{name}", type="Verdict", properties={"tier": str(tier), "status": "verified"}),
        [Event(execution=f"p{name}", artifact=f"b{number}", type="INPUT", time=time),
         Event(execution=f"p{name}", artifact=f"v{name}", type="OUTPUT", time=time)],
    )  # fmt: skip


@st.composite
def graphs(draw):
    """Runs in a row that mostly hold every rule, with side ways, second makers, and now and then a defect."""
    count = draw(st.integers(1, 4))
    artifacts = [Artifact(id="manifest", type="DatasetManifest"), Artifact(id="other", type="DatasetManifest")]
    executions, events = [], []
    for number in range(count):
        run = draw(runs(number))
        executions.append(run)
        artifacts += [Artifact(id=f"b{number}", type="Bundle"),
                      Artifact(id=f"f{number}", type=draw(st.sampled_from(["Model", "File"])))]  # fmt: skip
        earlier = ["manifest", "other", *(f"f{n}" for n in range(number))]
        if not draw(SELDOM):
            used = draw(st.sets(st.sampled_from(earlier), min_size=1, max_size=3))
            events += [Event(execution=run.id, artifact=one, type="INPUT") for one in sorted(used)]
        made = [f"f{number}", f"b{number}", *([f"f{number - 1}"] if number and draw(SELDOM) else [])]
        events += [Event(execution=run.id, artifact=one, type="OUTPUT") for one in made]
        for tested in draw(st.lists(rebuild_tests(number), min_size=number == count - 1, max_size=2)):
            executions.append(tested[0])
            artifacts.append(tested[1])
            events += tested[2]
    dropped = draw(st.sampled_from(artifacts)) if draw(SELDOM) else None
    lineage = Lineage(artifacts=[one for one in artifacts if one != dropped], executions=executions, events=events)
    return sealed(normal(lineage))


SUBJECTS = st.sampled_from([f"{kind}{number}" for kind in "fbr" for number in range(4)])


def policies():
    """Strict and lenient ones."""
    answers = st.sampled_from(["allow", "refuse"])
    names = ("unknown_commit", "dirty_tree", "unknown_image", "unknown_seed", "failed_run")
    return st.builds(
        ReleaseRules, manifests=st.booleans(), **dict.fromkeys(names, answers),
        max_age_days=st.sampled_from([30.0, float("inf")]), tier=st.sampled_from([Tier.NONE, Tier.BITWISE]),
    )  # fmt: skip


def passes(lineage, subject, rules):
    return judge_release(lineage, subject, rules, NOW).findings == []


@LAW
@given(graphs(), policies(), SUBJECTS, st.data())
def test_taking_links_away_never_makes_a_failing_graph_pass(lineage, rules, subject, data):
    gone = data.draw(st.sets(st.integers(0, len(lineage.events) - 1), min_size=1, max_size=2))
    fewer = lineage.model_copy(update={"events": [e for n, e in enumerate(lineage.events) if n not in gone]})
    if passes(fewer, subject, rules):
        assert passes(lineage, subject, rules)


@LAW
@given(graphs(), policies(), SUBJECTS)
def test_judging_is_a_function_of_the_graph_and_not_of_its_order(lineage, rules, subject):
    turned = lineage.model_copy(
        update={name: getattr(lineage, name)[::-1] for name in ("artifacts", "executions", "events")}
    )
    assert judge_release(turned, subject, rules, NOW) == judge_release(lineage, subject, rules, NOW)


@LAW
@given(graphs(), SUBJECTS)
def test_a_lenient_policy_never_refuses_what_a_strict_one_takes(lineage, subject):
    lenient = ReleaseRules(
        manifests=False, unknown_commit="allow", dirty_tree="allow", unknown_image="allow", unknown_seed="allow",
        failed_run="allow", max_age_days=float("inf"), tier=Tier.NONE,
    )  # fmt: skip
    if passes(lineage, subject, ReleaseRules()):
        assert passes(lineage, subject, lenient)


@LAW
@given(graphs())
def test_sealing_is_idempotent_and_finds_no_cut_in_what_it_sealed(lineage):
    assert sealed(lineage) == lineage
    assert "RPK170" not in {one.code for one in judge_release(lineage, "nothing", ReleaseRules(), NOW).findings}


def test_the_graphs_are_near_enough_to_the_border_for_the_laws_to_say_something():
    counted = {True: 0, False: 0}

    @settings(max_examples=200, deadline=None, database=None)
    @given(graphs(), policies(), SUBJECTS)
    def count(lineage, rules, subject):
        counted[passes(lineage, subject, rules)] += 1

    count()
    assert min(counted.values()) > 20, counted


def test_without_seals_a_cut_link_would_hide_a_run_with_a_dirty_tree(monkeypatch):
    """The law's planted fault."""
    facts = {**FULL, "git_dirty": True}
    node = [Execution(id="r0", type="Run", properties=facts), Execution(id="r1", type="Run", properties=FULL)]
    files = [Artifact(id="m", type="DatasetManifest"), Artifact(id="f0", type="File"), Artifact(id="f1", type="Model")]
    links = [("r0", "m", "INPUT"), ("r0", "f0", "OUTPUT"), ("r1", "m", "INPUT"), ("r1", "f1", "OUTPUT")]
    links.append(("r1", "f0", "INPUT"))
    events = [Event(execution=run, artifact=file, type=kind) for run, file, kind in links]
    whole = sealed(Lineage(artifacts=files, executions=node, events=events))
    cut = whole.model_copy(update={"events": events[:-1]})
    rules = ReleaseRules(max_age_days=float("inf"), tier=Tier.NONE)
    assert not passes(whole, "f1", rules)
    assert not passes(cut, "f1", rules)
    monkeypatch.setattr(integrity, "cut_executions", lambda _graph: {})
    assert passes(cut, "f1", rules)
