"""Policies: what they are made of, how one follows from another, and what is refused by name."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprokit.errors import UsageError
from reprokit.policy.contradictions import contradictions
from reprokit.policy.policies import BUILT_IN, Policy, calls_of, in_process, seeds_of, settled_environment
from reprokit.policy.switches import SWITCHES
from reprokit.policy.tables import check_tables, resolve

NAMES = st.sampled_from(sorted(SWITCHES))
POLICIES = st.sampled_from(sorted(BUILT_IN)).map(BUILT_IN.__getitem__)


def code_of(call, *arguments):
    with pytest.raises(UsageError) as caught:
        call(*arguments)
    return caught.value.code, f"{caught.value.message} {caught.value.hint}"


@given(POLICIES, NAMES)
def test_without_removes_one_switch_and_nothing_else(policy, name):
    less = policy.without(name)
    assert dict(less.switches) == {key: value for key, value in policy.switches.items() if key != name}
    assert (less == policy) == (name not in policy.switches)
    assert less.without(name) == less
    assert less.seed == policy.seed


@given(POLICIES, NAMES)
def test_a_switch_that_is_removed_and_set_again_gives_the_same_switches(policy, name):
    if name in policy.switches:
        again = policy.without(name).with_(name, policy.switches[name])
        assert dict(again.switches) == dict(policy.switches)


@given(POLICIES, st.lists(NAMES))
def test_the_order_of_removals_does_not_matter(policy, names):
    one = other = policy
    for name in names:
        one = one.without(name)
    for name in reversed(names):
        other = other.without(name)
    assert one.switches == other.switches
    if one != policy:
        assert one.version == other.version != policy.version


@given(POLICIES)
def test_a_policy_survives_pickling_and_can_be_a_key(policy):
    assert pickle.loads(pickle.dumps(policy)) == policy
    assert {policy: 1}[policy] == 1


def test_the_built_in_policies_grow():
    none, fast, deterministic, strict = (BUILT_IN[name] for name in ("none", "fast", "deterministic", "strict"))
    assert not none.switches
    assert none.seed is None
    assert not fast.switches
    assert fast.seed == 0
    for name, value in deterministic.switches.items():
        assert SWITCHES[name].holds(value, strict.switches[name]), name
    assert set(strict.switches) > set(deterministic.switches)


def test_every_record_is_complete_and_its_values_are_in_one_spelling():
    for name, record in SWITCHES.items():
        assert record.name == name
        assert record.source.startswith("https://")
        assert record.meaning
        assert record.cost
        assert (record.variable is not None) == (record.how in ("variable", "options"))
        for value in record.order:
            assert record.parse(value) == value
        assert all(record.holds(one, one) for one in record.order)


@pytest.mark.parametrize(
    ("asked", "was", "held"),
    [("warn", "warn", True), ("warn", True, True), ("warn", "strict", True), ("strict", "warn", False),
     ("warn", False, False), ("warn", None, False), ("off", "strict", True), ("warn", "nonsense", False)],
)  # fmt: skip
def test_a_stronger_value_holds_and_a_weaker_one_does_not(asked, was, held):
    assert SWITCHES["torch.deterministic_algorithms"].holds(asked, was) is held


def test_the_next_weaker_value():
    record = SWITCHES["torch.deterministic_algorithms"]
    assert [record.weaker(value) for value in ("strict", "warn", "off")] == ["warn", "off", None]
    assert SWITCHES["torch.cudnn.benchmark"].weaker(value=False) is True
    assert SWITCHES["torch.num_threads"].weaker(4) is None


def test_a_table_extends_a_policy():
    tables = {
        "base": {"extends": "deterministic", "seed": 2**200, "without": ["jax.xla_flags"]},
        "child": {"extends": "base", "torch": {"num_threads": 2, "cudnn": {"deterministic": False}}},
    }
    check_tables(tables)
    child = resolve("child", tables)
    assert child.seed == 2**200
    assert child.switches["torch.num_threads"] == 2
    assert child.switches["torch.cudnn.deterministic"] is False
    assert "jax.xla_flags" not in child.switches
    assert child.switches["torch.deterministic_algorithms"] == "warn"
    assert child.version != resolve("base", tables).version


@pytest.mark.parametrize(
    ("tables", "code", "named"),
    [
        ({"mine": {"extends": "determinstic"}}, "RPK120", "deterministic"),
        ({"mine": {"extends": "other"}, "other": {"extends": "mine"}}, "RPK120", "mine -> other -> mine"),
        ({"mine": {"extends": "mine"}}, "RPK120", "circle"),
        ({"mine": {"extends": 3}}, "RPK120", "3"),
        ({"none": {"seed": 1}}, "RPK120", "built-in"),
        ({"recorded": {"seed": 1}}, "RPK120", "built-in"),
        ({"mine": {"torch.num_thread": 2}}, "RPK121", "torch.num_threads"),
        ({"mine": {"torch.num_threads": 0}}, "RPK121", "from 1"),
        ({"mine": {"torch.num_threads": True}}, "RPK121", "whole number"),
        ({"mine": {"torch.deterministic_algorithms": "maybe"}}, "RPK121", "strict"),
        ({"mine": {"torch.sdpa": "flash,fast"}}, "RPK121", "mem_efficient"),
        ({"mine": {"jax.xla_flags": "no-dashes"}}, "RPK121", "--name=value"),
        ({"mine": {"mkl.cbwr": "AVX2; rm -rf /"}}, "RPK121", "COMPATIBLE"),
        ({"mine": {"system.time_zone": "UTC\0"}}, "RPK121", "UTC"),
        ({"mine": {"without": "torch.sdpa"}}, "RPK121", "list"),
        ({"mine": {"without": ["torch.sdp"]}}, "RPK121", "torch.sdpa"),
        ({"mine": {"without": ["torch.sdpa"], "torch.sdpa": "math"}}, "RPK122", "torch.sdpa"),
        ({"mine": {"extends": "deterministic", "torch.cudnn.benchmark": True}}, "RPK122", "timing"),
        ({"mine": {"extends": "deterministic", "cublas.workspace": ":0:0"}}, "RPK122", ":4096:8"),
        ({"mine": {"seed": "abc"}}, "RPK129", "abc"),
        ({"mine": {"seed": 1.5}}, "RPK129", "1.5"),
    ],
)
def test_mistakes_in_a_table_are_named(tables, code, named):
    found, text = code_of(check_tables, tables)
    assert found == code
    assert named in text


def test_contradictions_are_found_both_ways():
    assert contradictions({"torch.cudnn.benchmark": True, "torch.cudnn.deterministic": True})
    assert not contradictions({"torch.cudnn.benchmark": True, "torch.cudnn.deterministic": False})
    assert not any(contradictions(policy.switches) for policy in BUILT_IN.values())


def test_an_unknown_policy_and_switch_name_those_like_them():
    assert code_of(resolve, "fats") == (
        "RPK120", "there is no policy 'fats'; did you mean fast? Known policies: none, fast, deterministic, strict.",
    )  # fmt: skip
    code, text = code_of(BUILT_IN["none"].with_, "torch.deterministic", 1)
    assert code == "RPK121"
    assert "torch.deterministic_algorithms" in text


def test_options_are_added_to_the_users_own():
    policy = Policy("mine", "1", {"jax.xla_flags": "--xla_gpu_deterministic_ops=true"})
    user = "--xla_cpu_enable_fast_math=false"
    assert settled_environment(policy, {"XLA_FLAGS": user}) == (
        {"XLA_FLAGS": f"{user} --xla_gpu_deterministic_ops=true"}, [],
    )  # fmt: skip
    assert settled_environment(policy, {"XLA_FLAGS": f"--xla_gpu_deterministic_ops=true {user}"}) == ({}, [])
    changed, gone = settled_environment(policy, {"XLA_FLAGS": f"--xla_gpu_deterministic_ops=false {user}"})
    assert changed == {"XLA_FLAGS": f"{user} --xla_gpu_deterministic_ops=true"}
    assert "--xla_gpu_deterministic_ops=false" in gone[0]


def test_a_users_variable_stays_where_it_is_as_strong_and_is_named_where_it_is_not():
    policy = BUILT_IN["deterministic"].with_seed(None)
    changed, gone = settled_environment(policy, {"CUBLAS_WORKSPACE_CONFIG": ":16:8"})
    assert "CUBLAS_WORKSPACE_CONFIG" not in changed
    assert not gone
    changed, gone = settled_environment(policy, {"CUBLAS_WORKSPACE_CONFIG": ":0:0"})
    assert changed["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert ":0:0" in gone[0]


def test_the_hash_seed_follows_the_seed_unless_the_user_set_one():
    policy = BUILT_IN["fast"]
    assert settled_environment(policy, {"PYTHONHASHSEED": "7"})[0] == {}
    (first,), (second,) = (settled_environment(policy.with_seed(n), {})[0].values() for n in (0, 1))
    assert first != second
    assert 0 <= int(first) < 2**32
    assert settled_environment(BUILT_IN["none"], {})[0] == {}


def test_who_sets_what():
    policy = Policy("mine", "1", {"torch.num_threads": 2, "python.file_order": "sorted", "torch.seed": 5}, 9)
    assert calls_of(policy) == {"torch": {"torch.num_threads": 2}}
    assert in_process(policy) == {"python.file_order": "sorted"}
    assert seeds_of(policy)["torch"] == 5
    assert seeds_of(policy)["numpy"] == 9
    assert seeds_of(BUILT_IN["none"]) == {}
