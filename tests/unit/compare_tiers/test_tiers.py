from dataclasses import replace

import pytest

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

OUTPUT = OutputEvidence("model.pt", present=True, same_schema=True, equal=True)
METRIC = MetricEvidence("loss", close=True, equal=True)
TRACE = TraceEvidence("rank0", 20, 20, observed=True, comparable=True, equal=True, complete=True)
GOOD = RunEvidence(0, 0, outputs=(OUTPUT,), metrics=(METRIC,), traces=(TRACE,))


def tiers(evidence):
    judgement = judge_run(evidence)
    return judgement.tier.value, judgement.ceiling.value


def test_equal_in_all_is_bitwise():
    assert judge_run(GOOD) == RunJudgement(Tier.BITWISE, Tier.BITWISE, "every output and every traced step is equal")


@pytest.mark.parametrize(
    ("change", "expected", "reason"),
    [
        ({"recorded_exit": 1}, ("none", "none"), "recorded command failed with status 1"),
        ({"recorded_exit": 1, "timed_out": True}, ("none", "none"), "recorded command failed"),
        ({"exit_status": -9}, ("none", "none"), "replay failed with status -9"),
        ({"timed_out": True, "exit_status": None}, ("none", "bitwise"), "timed out"),
        ({"exit_status": None}, ("none", "bitwise"), "did not end by itself"),
        ({"outputs": (replace(OUTPUT, present=False),)}, ("none", "none"), "not written: model.pt"),
        ({"outputs": (replace(OUTPUT, same_schema=False),)}, ("none", "none"), "another schema"),
        ({"outputs": (replace(OUTPUT, equal=False),)}, ("metric-close", "metric-close"), "differing outputs: model.pt"),
        ({"traces": (replace(TRACE, equal=False),)}, ("metric-close", "metric-close"), "the trace diverges in rank0"),
        ({"traces": (replace(TRACE, replayed_steps=19),)}, ("metric-close", "metric-close"), "number of steps"),
        ({"traces": (replace(TRACE, replayed_steps=21),)}, ("metric-close", "metric-close"), "number of steps"),
        ({"traces": (replace(TRACE, observed=False),)}, ("metric-close", "bitwise"), "not observed in the replay"),
        ({"traces": (replace(TRACE, comparable=False),)}, ("metric-close", "bitwise"), "other digests or levels"),
        ({"traces": (replace(TRACE, complete=False),)}, ("metric-close", "bitwise"), "not compared in full"),
        ({"traces": (replace(TRACE, complete=False, replayed_steps=9),)}, ("metric-close", "bitwise"), "in full"),
        ({"outputs": (), "traces": ()}, ("metric-close", "bitwise"), "neither an output nor a traced step"),
    ],
)
def test_one_flaw_at_a_time(change, expected, reason):
    evidence = replace(GOOD, **change)
    assert tiers(evidence) == expected
    assert reason in judge_run(evidence).reason


def test_without_metrics_a_mismatch_leaves_re_runnable_but_does_not_refute_metric_close():
    evidence = replace(GOOD, metrics=(), outputs=(replace(OUTPUT, equal=False),))
    assert tiers(evidence) == ("re-runnable", "metric-close")
    assert "no metric was recorded" in judge_run(evidence).reason


def test_outputs_alone_and_a_trace_alone_can_be_bitwise():
    assert tiers(replace(GOOD, traces=())) == ("bitwise", "bitwise")
    assert tiers(replace(GOOD, outputs=())) == ("bitwise", "bitwise")


def test_a_stream_without_steps_proves_nothing():
    empty = replace(TRACE, recorded_steps=0, replayed_steps=0)
    assert tiers(replace(GOOD, outputs=(), traces=(empty,))) == ("metric-close", "bitwise")


def test_a_stream_that_only_the_replay_has_is_a_mismatch():
    extra = replace(TRACE, stream="worker", recorded_steps=0, replayed_steps=3)
    assert tiers(replace(GOOD, traces=(TRACE, extra))) == ("metric-close", "metric-close")
    silent = replace(extra, replayed_steps=0)
    assert tiers(replace(GOOD, traces=(TRACE, silent))) == ("bitwise", "bitwise")


def test_a_distant_number_that_was_only_printed_cannot_lower_a_bitwise_run():
    printed = MetricEvidence("epoch_time", close=False, equal=False)
    evidence = replace(GOOD, metrics=(METRIC, printed))
    assert tiers(evidence) == ("bitwise", "bitwise")
    assert "epoch_time" in judge_run(evidence).reason


def test_a_distant_declared_metric_can():
    declared = MetricEvidence("loss", close=False, equal=False, declared=True)
    assert tiers(replace(GOOD, metrics=(declared,))) == ("re-runnable", "re-runnable")


def test_a_distant_metric_without_proof_of_equality_is_a_mismatch():
    distant = replace(METRIC, close=False)
    evidence = replace(GOOD, metrics=(distant,), traces=(replace(TRACE, observed=False),))
    assert tiers(evidence) == ("re-runnable", "re-runnable")


def test_unobserved_processes_are_named_when_nothing_else_was_seen():
    reason = judge_run(RunEvidence(0, 0, unobserved_processes=2)).reason
    assert "2 processes were not observed" in reason


def test_a_broken_observer_keeps_bitwise_from_being_established_and_refutes_nothing():
    assert tiers(GOOD)[0] == "bitwise"
    judged = judge_run(replace(GOOD, broken_observers=("jax",)))
    assert (judged.tier.value, judged.ceiling.value) == ("metric-close", "bitwise")
    assert "an observer switched itself off, so steps may be missing: jax" in judged.reason
    assert judge([judged], Tier.BITWISE).status is Status.UNVERIFIED


def test_long_lists_are_cut():
    outputs = tuple(replace(OUTPUT, path=f"o{i}", equal=False) for i in range(9))
    assert "o0, o1, o2 and 6 more" in judge_run(replace(GOOD, outputs=outputs)).reason


def run(tier, ceiling, reason="r"):
    return RunJudgement(Tier(tier), Tier(ceiling), reason)


@pytest.mark.parametrize(
    ("runs", "target", "tier", "met", "status", "code"),
    [
        ([("bitwise", "bitwise")] * 3, "bitwise", "bitwise", True, "verified", Exit.MET),
        ([("bitwise", "bitwise")], "re-runnable", "bitwise", True, "verified", Exit.MET),
        ([("bitwise", "bitwise"), ("metric-close", "bitwise")], "bitwise", "metric-close", False, "unverified",
         Exit.UNVERIFIED),
        ([("none", "bitwise"), ("metric-close", "metric-close")], "bitwise", "none", False, "verified", Exit.NOT_MET),
        ([("none", "bitwise")], "re-runnable", "none", False, "unverified", Exit.UNVERIFIED),
        ([("none", "none")], "none", "none", True, "verified", Exit.MET),
        ([], "none", "none", False, "unverified", Exit.UNVERIFIED),
        ([], "bitwise", "none", False, "unverified", Exit.UNVERIFIED),
    ],
)  # fmt: skip
def test_verdicts(runs, target, tier, met, status, code):
    judgement = judge([run(*each) for each in runs], Tier(target))
    assert (judgement.tier, judgement.met, judgement.status) == (Tier(tier), met, Status(status))
    assert exit_status(judgement) is code


def test_the_reason_is_that_of_the_run_that_refutes_the_target():
    runs = [run("none", "bitwise", "timed out"), run("metric-close", "metric-close", "differs")]
    assert judge(runs, Tier.BITWISE).reason == "differs"
    assert judge(runs, Tier.METRIC_CLOSE).reason == "timed out"


def test_between_replays():
    assert between([]) is None
    assert between([run("bitwise", "bitwise"), run("re-runnable", "bitwise")]) is Tier.RE_RUNNABLE


def test_an_output_that_could_not_be_compared_here_keeps_bitwise_open():
    unread = OutputEvidence("model.h5", present=True, same_schema=True, equal=False, established=False)
    run = judge_run(RunEvidence(0, 0, outputs=(OUTPUT, unread)))
    assert (run.tier, run.ceiling) == (Tier.RE_RUNNABLE, Tier.BITWISE)
    assert "could not be compared here: model.h5" in run.reason
    assert judge([run], Tier.BITWISE).status is Status.UNVERIFIED
