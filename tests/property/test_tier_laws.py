"""Laws of the tier rules: worse evidence never helps, order never matters, and nothing unseen is ever a pass."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from reprokit.compare.tiers import (
    MetricEvidence,
    OutputEvidence,
    RunEvidence,
    RunJudgement,
    TraceEvidence,
    between,
    exit_status,
    judge,
    judge_run,
)
from reprokit.errors import Exit
from reprokit.schema.tiers import Status, Tier

# True is drawn more often, so that high tiers are common and the laws are tested where they matter.
likely = st.sampled_from([True, True, True, True, False])
steps = st.sampled_from([0, 5, 5, 5, 6])
outputs = st.builds(OutputEvidence, st.sampled_from("abc"), likely, likely, likely)
metrics = st.builds(MetricEvidence, st.sampled_from("lmn"), likely, likely, st.booleans())
traces = st.builds(TraceEvidence, st.sampled_from(["rank0", "rank1"]), steps, steps, likely, likely, likely, likely)


def tuples(items):
    return st.lists(items, max_size=3).map(tuple)


evidences = st.builds(
    RunEvidence,
    st.sampled_from([0, 0, 0, 0, 1]),
    st.sampled_from([0, 0, 0, 0, 1, None]),
    likely.map(lambda good: not good),
    tuples(outputs),
    tuples(metrics),
    tuples(traces),
    st.integers(0, 2),
)
judgements = evidences.map(judge_run)
targets = st.sampled_from(list(Tier))


def flawless(trace: TraceEvidence) -> bool:
    uneven = trace.recorded_steps != trace.replayed_steps
    return trace.observed and trace.comparable and trace.equal and trace.complete and not uneven


def worse_versions(evidence: RunEvidence):
    """Every evidence that differs in one fact for the worse."""
    yield replace(evidence, recorded_exit=3)
    yield replace(evidence, exit_status=3)
    yield replace(evidence, exit_status=None)
    yield replace(evidence, timed_out=True)
    yield replace(evidence, unobserved_processes=evidence.unobserved_processes + 1)
    yield replace(
        evidence, outputs=(*evidence.outputs, OutputEvidence("new", present=True, same_schema=True, equal=False))
    )
    yield replace(evidence, metrics=(*evidence.metrics, MetricEvidence("new", close=False, equal=False)))
    extra = TraceEvidence("new", 0, 3, observed=True, comparable=True, equal=True, complete=True)
    yield replace(evidence, traces=(*evidence.traces, extra))
    # Losing what was good is worse; losing what was bad would not be.
    yield replace(evidence, outputs=tuple(o for o in evidence.outputs if not (o.present and o.same_schema and o.equal)))
    yield replace(evidence, metrics=tuple(metric for metric in evidence.metrics if not metric.close))
    yield replace(evidence, traces=tuple(trace for trace in evidence.traces if not flawless(trace)))
    flaws = [
        ("outputs", ("present", "same_schema", "equal")),
        ("metrics", ("close", "equal")),
        ("traces", ("observed", "comparable", "equal", "complete")),
    ]
    for group, facts in flaws:
        items = getattr(evidence, group)
        for index, item in enumerate(items):
            for fact in facts:
                flawed = replace(item, **{fact: False})
                yield replace(evidence, **{group: (*items[:index], flawed, *items[index + 1 :])})
    for index, metric in enumerate(evidence.metrics):
        declared = replace(metric, declared=True)
        yield replace(evidence, metrics=(*evidence.metrics[:index], declared, *evidence.metrics[index + 1 :]))


@given(evidences)
def test_worse_evidence_never_raises_the_tier(evidence):
    tier = judge_run(evidence).tier
    for worse in worse_versions(evidence):
        assert tier.reaches(judge_run(worse).tier), worse


@given(evidences)
def test_the_tier_never_exceeds_the_ceiling(evidence):
    judgement = judge_run(evidence)
    assert judgement.ceiling.reaches(judgement.tier)
    assert judgement.reason


@given(evidences)
def test_bitwise_holds_only_where_everything_seen_is_equal(evidence):
    if judge_run(evidence).tier is not Tier.BITWISE:
        return
    assert evidence.recorded_exit == evidence.exit_status == 0
    assert not evidence.timed_out
    assert all(output.present and output.same_schema and output.equal for output in evidence.outputs)
    stepped = [trace for trace in evidence.traces if trace.recorded_steps or trace.replayed_steps]
    assert all(trace.recorded_steps == trace.replayed_steps for trace in stepped)
    assert all(trace.observed and trace.comparable and trace.equal and trace.complete for trace in stepped)
    assert evidence.outputs or stepped
    assert not any(metric.declared and not metric.close for metric in evidence.metrics)


@given(evidences)
def test_metric_close_holds_only_with_a_metric_and_all_close(evidence):
    if judge_run(evidence).tier is Tier.METRIC_CLOSE:
        assert evidence.metrics
        assert all(metric.close for metric in evidence.metrics)


@given(st.sampled_from(list(Tier)))
def test_each_tier_reaches_all_below_it(tier):
    assert [other for other in Tier if tier.reaches(other)] == list(Tier)[: tier.rank + 1]


@given(st.data(), evidences)
def test_order_within_a_run_changes_nothing(data, evidence):
    shuffled = replace(
        evidence,
        outputs=tuple(data.draw(st.permutations(evidence.outputs))),
        metrics=tuple(data.draw(st.permutations(evidence.metrics))),
        traces=tuple(data.draw(st.permutations(evidence.traces))),
    )
    assert judge_run(shuffled) == judge_run(evidence)


@given(st.data(), st.lists(judgements, max_size=4), targets)
def test_order_of_runs_changes_nothing(data, runs, target):
    shuffled = data.draw(st.permutations(runs))
    assert judge(shuffled, target) == judge(runs, target)
    assert between(shuffled) == between(runs)


@given(st.lists(judgements, max_size=4), judgements, targets)
def test_another_run_never_raises_the_tier(runs, run, target):
    before, after = judge(runs, target), judge([*runs, run], target)
    if runs:
        assert before.tier.reaches(after.tier)
        assert before.met or not after.met


@given(st.lists(judgements, max_size=4), targets)
def test_unverified_is_never_met_and_exit_statuses_follow(runs, target):
    judgement = judge(runs, target)
    if judgement.status is Status.UNVERIFIED:
        assert not judgement.met
        assert exit_status(judgement) is Exit.UNVERIFIED
    else:
        assert runs
        assert exit_status(judgement) is (Exit.MET if judgement.met else Exit.NOT_MET)


@given(st.lists(judgements, min_size=1, max_size=4), targets)
def test_unverified_means_that_nothing_seen_contradicts_the_target(runs, target):
    judgement = judge(runs, target)
    contradicted = any(not run.ceiling.reaches(target) for run in runs)
    assert (judgement.status is Status.UNVERIFIED) == (not judgement.met and not contradicted)


@given(targets)
def test_no_runs_establish_nothing(target):
    judgement = judge([], target)
    assert (judgement.tier, judgement.met, judgement.status) == (Tier.NONE, False, Status.UNVERIFIED)


@given(targets, st.integers(1, 4))
def test_equal_runs_judge_like_one(target, count):
    run = RunJudgement(Tier.METRIC_CLOSE, Tier.BITWISE, "r")
    assert judge([run] * count, target) == judge([run], target)
