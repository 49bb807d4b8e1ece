"""One seed for all generators: the derivation is a published function, so its values may never change."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprokit.errors import UsageError
from reprokit.policy.seeds import derive, derive32, parse_seed

FROZEN = {
    (0, "torch"): 4325198570775677528,
    (0, "numpy"): 9006074152344219225,
    (1, "torch"): 11046914997204444489,
    (-1, "torch"): 15706756513445849350,
    (2**63, "torch"): 11347440933630145584,
    (2**200, "numpy"): 4844356335834824721,
    (-(2**200), "torch"): 6929982528940471230,
}
NAMES = st.sampled_from(["torch", "numpy", "tensorflow", "python", "python.hash_seed"])


@pytest.mark.parametrize(("given_to", "expected"), FROZEN.items())
def test_the_values_are_frozen(given_to, expected):
    assert derive(*given_to) == expected


@given(st.integers(), NAMES)
def test_it_is_the_documented_function(seed, name):
    text = f"reprokit seed/1\0{name}\0{seed:x}"
    assert derive(seed, name) == int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
    assert 0 <= derive32(seed, name) < 2**32
    assert derive32(seed, name) == derive(seed, name) % 2**32


@given(st.integers(), st.integers(), NAMES)
def test_seeds_that_agree_in_their_low_bits_are_told_apart(seed, other, name):
    """Cutting a seed to the size that a generator takes would give many seeds the same numbers."""
    assert (derive(seed, name) == derive(other, name)) == (seed == other)
    assert derive(seed, name) != derive(seed + 2**64, name)


def test_a_seed_beyond_the_digits_that_python_prints():
    assert 0 <= derive(2**100_000, "torch") < 2**64


@given(st.integers())
def test_a_seed_is_read_as_typed(seed):
    assert parse_seed(str(seed)) == parse_seed(f" {seed} ") == parse_seed(seed) == seed


@pytest.mark.parametrize("text", ["abc", "", "1.5", "0x10", "1e3", "1 2", None, True, 1.0, "9" * 5000])
def test_what_is_no_seed_is_named(text):
    with pytest.raises(UsageError) as caught:
        parse_seed(text)
    assert caught.value.code == "RPK129"
    assert str(text)[:20] in caught.value.message
