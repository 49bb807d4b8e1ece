"""Laws of tensor digests: the device's hash equals its twin on the host, and both see every kind of change."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from reprokit.digest import array_header, tensor_hash

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from reprokit.frameworks.torch import device_hash  # noqa: E402
from reprokit.frameworks.torch.device_hash import device_digest, device_digests, twin  # noqa: E402
from reprokit.frameworks.torch.tensors import ABSENT, NOT_DIGESTED, TensorDigester  # noqa: E402

pytestmark = pytest.mark.torch

DTYPES = [
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex64, torch.complex128, torch.int64,
    torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool, torch.float8_e4m3fn, torch.float8_e5m2,
]  # fmt: skip
SHAPES = st.lists(st.integers(0, 5), max_size=3)


def name_of(tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def host(tensor):
    """The same bytes as a NumPy array of the same shape; dtypes that NumPy lacks as integers of their size."""
    plain = tensor.detach().resolve_conj().resolve_neg().contiguous()
    width = plain.element_size()
    if not plain.numel():
        return np.zeros(tuple(plain.shape), f"V{width}")
    flat = torch.empty(plain.numel(), dtype=plain.dtype).copy_(plain.reshape(-1))
    raw = np.frombuffer(bytes(flat.view(torch.uint8).tolist()), np.uint8)
    return raw.view(f"V{width}").reshape(tuple(plain.shape))


def make(dtype, shape, seed):
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(shape, generator=generator) * 8).to(dtype)


@pytest.fixture(scope="module")
def digester():
    return TensorDigester(torch, tensor_hash())


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(DTYPES), SHAPES, st.integers(0, 1000))
def test_the_twin_agrees_for_every_dtype_and_shape(dtype, shape, seed) -> None:
    tensor = make(dtype, shape, seed)
    assert device_digest(torch, tensor) == twin(host(tensor), name_of(tensor))


@settings(deadline=None)
@given(st.sampled_from(DTYPES), st.integers(0, 9), st.integers(1, 3), st.integers(0, 40))
def test_the_twin_agrees_for_views(dtype, offset, stride, size) -> None:
    view = make(dtype, [offset + 3 * 41], 1)[offset::stride][:size]
    assert device_digest(torch, view) == twin(host(view), name_of(view))
    square = make(dtype, [4, 5], 2)
    assert device_digest(torch, square.t()) == twin(host(square.t()), name_of(square))
    assert device_digest(torch, square.t()) == device_digest(torch, square.t().contiguous())


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(DTYPES), SHAPES), max_size=8), st.sampled_from([1, 4, 16, 64, 1 << 22]))
def test_tensors_digested_together_do_not_touch_each_other(kinds, chunk) -> None:
    """Whatever stands beside a tensor, and wherever the chunks end, its digest is its own."""
    tensors = [make(dtype, shape, seed) for seed, (dtype, shape) in enumerate(kinds)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(device_hash, "_CHUNK", chunk)
        together = device_digests(torch, tensors)
    assert together == [twin(host(tensor), name_of(tensor)) for tensor in tensors]


@pytest.mark.parametrize("offset", range(9))
def test_a_storage_that_is_not_aligned(offset: int) -> None:
    buffer = bytearray(range(64))
    tensor = torch.frombuffer(buffer, dtype=torch.uint8, offset=offset)
    for start in range(9):
        part = tensor[start : start + 40]
        assert device_digest(torch, part) == twin(host(part), "uint8")


@pytest.mark.parametrize("size", [7, 8, 9, 63, 64, 65, 129])
def test_the_chunks_do_not_show(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    tensor = make(torch.float32, [size], 3)
    whole = device_digest(torch, tensor)
    monkeypatch.setattr(device_hash, "_CHUNK", 4)
    assert device_digest(torch, tensor) == whole


@settings(deadline=None)
@given(st.integers(2, 40), st.data())
def test_both_hashes_see_one_bit_a_permutation_a_sign_a_shape_a_dtype_and_padding(size, data) -> None:
    hasher = TensorDigester(torch, tensor_hash())
    tensor = make(torch.float32, [size], data.draw(st.integers(0, 99)))
    i, j = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size - 1))
    assume(i != j and tensor[i] != tensor[j] and tensor[i] != 0)
    swapped, negated, bit = tensor.clone(), tensor.clone(), tensor.clone()
    swapped[i], swapped[j] = tensor[j].clone(), tensor[i].clone()
    negated[i] = -tensor[i]
    bit.view(torch.int32)[i] ^= 1 << data.draw(st.integers(0, 30))
    changed = [
        swapped, negated, bit, tensor.reshape(1, size), tensor.view(torch.int32),
        torch.cat([tensor, torch.zeros(1)]), torch.cat([torch.zeros(1), tensor]), -tensor, tensor[:-1],
    ]  # fmt: skip
    for digest in (lambda t: device_digest(torch, t), hasher.one):
        assert digest(tensor) == digest(tensor.clone())
        assert all(digest(other) != digest(tensor) for other in changed)
        assert len({digest(other) for other in changed}) == len(changed)


def test_both_hashes_tell_empty_tensors_apart(digester) -> None:
    empties = [torch.zeros(0), torch.zeros(0, 2), torch.zeros(0, dtype=torch.int64)]
    for digest in (lambda t: device_digest(torch, t), digester.one):
        assert len({digest(t) for t in empties}) == 3


@settings(deadline=None)
@given(st.sampled_from(DTYPES), SHAPES)
def test_the_host_digest_is_of_header_and_bytes(dtype, shape) -> None:
    hasher = tensor_hash()
    tensor = make(dtype, shape, 5)
    expected = hasher.digest(hasher.prepare(array_header(name_of(tensor), shape)), host(tensor).tobytes())
    assert TensorDigester(torch, hasher).one(tensor) == expected


def test_a_slot_never_hides_a_change(digester) -> None:
    slots = digester.slots(1)
    base = torch.arange(12.0)

    def through(tensor) -> bytes:
        return digester.digest_all([tensor], slots)

    assert through(base) == digester.one(base)
    base[5] += 1
    assert through(base) == digester.one(base)
    for view in (base.view(torch.int32), base.view(3, 4).t(), base[1:], base, torch.view_as_complex(base.view(6, 2))):
        assert through(view) == digester.one(view)
    conjugate = torch.view_as_complex(base.view(6, 2)).conj()
    assert through(conjugate) == digester.one(conjugate)
    assert digester.one(conjugate) != digester.one(torch.view_as_complex(base.view(6, 2)))


def test_what_has_no_memory_is_said_to_be_not_digested(digester) -> None:
    released, shrunk = torch.zeros(4), torch.zeros(400)
    slots = digester.slots(1)
    digester.digest_all([released], slots)
    released.untyped_storage().resize_(0)
    shrunk.untyped_storage().resize_(8)
    meta = torch.zeros(3, device="meta")
    for tensor in (released, shrunk, meta):
        assert digester.one(tensor) == NOT_DIGESTED
    assert digester.digest_all([released, None], [*slots, *digester.slots(1)]) == NOT_DIGESTED + ABSENT
    with torch._subclasses.FakeTensorMode():
        assert digester.one(torch.zeros(3)) == NOT_DIGESTED
    assert digester.raw(released) == b""


def test_sparse_tensors_are_digested_as_they_are_stored(digester) -> None:
    indices, values = torch.tensor([[0, 2]]), torch.tensor([1.0, 2.0])
    one = torch.sparse_coo_tensor(indices, values, (4,), check_invariants=True)
    assert digester.one(one) == digester.one(
        torch.sparse_coo_tensor(indices, values.clone(), (4,), check_invariants=True)
    )
    others = [
        torch.sparse_coo_tensor(indices, values * 2, (4,), check_invariants=True),
        torch.sparse_coo_tensor(indices.flip(1), values, (4,), check_invariants=True),
        torch.sparse_coo_tensor(indices, values, (5,), check_invariants=True),
    ]
    assert len({digester.one(t) for t in (one, *others)}) == 4
    assert not one.is_coalesced()


def test_digesting_leaves_a_storage_resizable(digester) -> None:
    tensor = torch.zeros(3)
    digester.one(tensor)
    tensor.resize_(1000)
    assert tensor.shape == (1000,)
