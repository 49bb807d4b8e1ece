"""Whether a policy held: from what a process read back, never assumed."""

import pytest

from reprokit.launch.policies import (
    environment_without,
    not_held,
    policy_notices,
    policy_of_replay,
    recorded_policy,
    recorded_values,
    trained,
)
from reprokit.policy.policies import BUILT_IN, Policy
from reprokit.schema.manifest import Manifest, RunConfig, TraceSummary

ASKED = Policy("mine", "1", {"torch.deterministic_algorithms": "warn", "mkl.cbwr": "AUTO"})
AS_ASKED = {"torch.deterministic_algorithms": "warn", "mkl.cbwr": "AUTO"}


def stream(first=None, last=None, **more):
    first = AS_ASKED if first is None else first
    values = {"name": "train", "steps": 3, "switches": first, "switches_at_exit": first if last is None else last}
    return TraceSummary(**values | more)


@pytest.mark.parametrize(
    ("one", "missing", "said"),
    [
        (stream(), [], ""),
        (stream({**AS_ASKED, "torch.deterministic_algorithms": True}), [], ""),
        (stream({**AS_ASKED, "torch.deterministic_algorithms": False}), ["torch.deterministic_algorithms"],
         "asked warn, was false after the first step"),
        (stream(last={**AS_ASKED, "torch.deterministic_algorithms": False}), ["torch.deterministic_algorithms"],
         "was false at exit"),
        (stream(switches_between={"torch.deterministic_algorithms": [True, False]}), ["torch.deterministic_algorithms"],
         "was false at a later step"),
        (stream(switches_between={"torch.deterministic_algorithms": [True]}), [], ""),
        (stream({"torch.deterministic_algorithms": "warn"}), ["mkl.cbwr"], "was unset"),
        (stream({"mkl.cbwr": "AUTO"}), [], ""),  # no PyTorch in this process
        (stream(switches_refused={"torch.deterministic_algorithms": "too old"}), ["torch.deterministic_algorithms"],
         "could not be set: too old"),
    ],
)  # fmt: skip
def test_a_switch_that_did_not_hold_is_named(one, missing, said):
    assert not_held(ASKED, [one]) == missing
    text = " ".join(notice.message for notice in policy_notices(ASKED, [one]))
    assert said in text
    assert bool(text) == bool(missing)


def test_workers_that_did_not_train_have_switches_of_their_own():
    worker = stream({**AS_ASKED, "torch.deterministic_algorithms": False}, name="train/spawn", steps=0, parent="train")
    assert not_held(ASKED, [stream(), worker]) == []
    assert not_held(ASKED, [stream(steps=0), worker]) == []


def test_a_process_stands_for_its_streams_of_fits_and_rounds():
    """Switches are read in the process; what a second stream has of them is nothing, which once held anything."""
    process = TraceSummary(name="train", switches={"python.file_order": "system"})
    fits = TraceSummary(name="train/fits", role="fits", parent="train", steps=3)
    forked = TraceSummary(name="train/fork-1", role="fork", parent="train", steps=3)
    assert trained([process, fits]) == [process]
    assert trained([process, fits, forked]) == [process, forked]
    asked = Policy("mine", "1", {"python.file_order": "sorted"})
    assert not_held(asked, [process, fits]) == ["python.file_order"]


def test_an_operation_without_a_kernel_is_named_with_the_next_weaker_setting():
    one = stream(policy_problems=[["torch.deterministic_algorithms", "aten::put_", "train.py:12"]])
    (notice,) = policy_notices(Policy("mine", "1", {"torch.deterministic_algorithms": "strict"}), [
        one.model_copy(update={"switches": {"torch.deterministic_algorithms": True}, "switches_at_exit": {}})
    ])  # fmt: skip
    assert notice.code == "RPK125"
    assert "aten::put_ at train.py:12" in notice.message
    assert "the next weaker setting is warn" in notice.message


def manifest(policy, **stream_values):
    run = RunConfig(
        name="train", command=["train"], working_directory="/", root="/", executable="/bin/true", started="",
        duration_s=1.0, exit_status=0, policy=policy.name, policy_version=policy.version, policy_seed=policy.seed,
        switches=dict(policy.switches), config={"policy": {"mine": {"torch.num_threads": 3}}},
    )  # fmt: skip
    return Manifest(reprokit="0", run=run, streams=[stream(**stream_values)])


def test_a_recorded_policy_is_what_it_was():
    policy = BUILT_IN["deterministic"].with_seed(2**90)
    assert recorded_policy(manifest(policy)) == policy
    assert policy_of_replay("recorded", manifest(policy), {}) == policy


def test_a_bundle_from_before_versions_has_the_switches_of_its_time():
    old = manifest(BUILT_IN["deterministic"])
    old = old.model_copy(update={"run": old.run.model_copy(update={"policy_version": None, "switches": {}})})
    found = recorded_policy(old)
    assert found.version == "1"
    assert "python.file_order" not in found.switches
    assert found.seed is None


def test_another_policy_keeps_the_recorded_seed():
    recorded = manifest(BUILT_IN["none"].with_seed(5))
    assert policy_of_replay("strict", recorded, {}).seed == 5
    assert policy_of_replay("fast", manifest(BUILT_IN["none"]), {}).seed is None
    assert policy_of_replay("mine", recorded, {}).switches["torch.num_threads"] == 3
    assert policy_of_replay("mine", recorded, {"mine": {"torch.num_threads": 4}}).switches["torch.num_threads"] == 4


def test_what_the_recorded_policy_put_into_the_environment_goes_with_it():
    environment = {
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        "XLA_FLAGS": "--a=1 --xla_gpu_deterministic_ops=true",
        "TZ": "X",
    }
    assert environment_without(BUILT_IN["deterministic"], environment) == {"XLA_FLAGS": "--a=1", "TZ": "X"}


def test_a_replay_brings_a_process_to_where_it_was_unless_the_policy_speaks_of_it():
    start = {"torch.num_threads": 2, "torch.sdpa": "math", "torch.version": "2", "mkl.cbwr": "AUTO"}
    recorded = manifest(BUILT_IN["none"], switches_at_start=start)
    values = {"train": {"torch": {"torch.num_threads": 2, "torch.sdpa": "math"}}}
    assert recorded_values(recorded, BUILT_IN["none"]) == values
    threads = Policy("mine", "1", {"omp.num_threads": 1})
    assert recorded_values(recorded, threads) == {"train": {"torch": {"torch.sdpa": "math"}}}
