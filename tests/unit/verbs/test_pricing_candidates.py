"""Which switches are tried on a script, and why the others are not."""

from __future__ import annotations

import pytest

from reprokit.policy.policies import BUILT_IN, Policy
from reprokit.verbs.pricing.candidates import Facts, candidates

DETERMINISTIC = BUILT_IN["deterministic"]
TORCH = {"torch.deterministic_algorithms": "off", "torch.fill_uninitialized_memory": True, "torch.num_threads": 2,
         "torch.cudnn.benchmark": False, "python.file_order": "system"}  # fmt: skip


def facts(was=TORCH, frameworks=("torch",), cuda=False, pools=None, by_policy=(), traced=True):
    return Facts(was, frozenset(frameworks), cuda, pools or {}, frozenset(by_policy), traced)


def test_a_script_of_pytorch_on_a_cpu():
    found = candidates(facts(), DETERMINISTIC, {})
    assert found.values == {
        "torch.deterministic_algorithms": "warn",
        "python.file_order": "sorted",
        "torch.num_threads": 1,
    }
    assert found.policy == {"torch.deterministic_algorithms", "python.file_order"}
    reasons = {name: reason for name, (_, reason) in found.passed_over.items()}
    assert reasons["cublas.workspace"] == reasons["torch.cudnn.benchmark"] == "the recorded run had no CUDA device"
    assert reasons["tensorflow.op_determinism"] == "the script does not use tensorflow"
    assert reasons["torch.fill_uninitialized_memory"] == "the script had it already: True"


def test_every_switch_of_the_policy_is_either_tried_or_passed_over_with_a_reason():
    for policy in BUILT_IN.values():
        for frameworks in ((), ("torch",), ("tensorflow", "keras"), ("jax",)):
            found = candidates(facts(frameworks=frameworks), policy, {})
            assert set(policy.switches) <= set(found.values) | set(found.passed_over)
            assert not set(found.values) & set(found.passed_over)
            assert all(reason for _, reason in found.passed_over.values())


def test_a_gpu_brings_its_switches():
    found = candidates(facts(cuda=True), DETERMINISTIC, {})
    assert {"cublas.workspace", "torch.cudnn.deterministic"} <= set(found.values)
    assert found.passed_over["torch.cudnn.benchmark"][1] == "the script had it already: False"


def test_what_the_recorded_policy_set_is_no_property_of_the_script():
    was = {**TORCH, "torch.deterministic_algorithms": "warn"}
    assert "torch.deterministic_algorithms" in candidates(facts(was), DETERMINISTIC, {}).passed_over
    by_policy = facts(was, by_policy=["torch.deterministic_algorithms"])
    assert "torch.deterministic_algorithms" in candidates(by_policy, DETERMINISTIC, {}).values


def test_what_is_asked_for_is_tried_whatever_the_bundle_says():
    found = candidates(facts(), DETERMINISTIC, {"tensorflow.onednn_opts": False, "torch.num_threads": 2})
    assert found.values["tensorflow.onednn_opts"] is False
    assert found.values["torch.num_threads"] == 2, "and replaces the alternative of one thread"
    assert "tensorflow.onednn_opts" not in found.policy


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (facts({**TORCH, "torch.num_threads": 1}), set()),
        (facts({"tensorflow.intra_op_threads": 0, "tensorflow.inter_op_threads": 1}, ["tensorflow"]),
         {"tensorflow.intra_op_threads"}),
        (facts({}, [], pools={"openblas": 2, "openmp": 1}), {"openblas.num_threads"}),
        (facts({}, [], pools={"openblas": 1}), set()),
        (facts({}, [], pools={"flexiblas": 4}), set()),
    ],
)  # fmt: skip
def test_one_thread_is_an_alternative_where_there_were_more(given, names):
    assert set(candidates(given, Policy("none", "1"), {}).values) == names


def test_an_untraced_run_gets_variables_only():
    found = candidates(facts(was={}, traced=False), BUILT_IN["strict"], {})
    assert set(found.values) == {"mkl.cbwr", "system.locale", "system.time_zone"}
    assert "--trace off" in found.passed_over["torch.deterministic_algorithms"][1]


def test_seeds_are_never_priced():
    found = candidates(facts(), Policy("own", "1", {"torch.seed": 3}), {})
    assert "torch.seed" not in found.values
