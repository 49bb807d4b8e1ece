"""The hash that is computed on a GPU: equal to its twin on the host, in every mode, and undisturbing."""

from __future__ import annotations

import warnings

import pytest

pytestmark = [pytest.mark.gpu, pytest.mark.slow]


def _twin(torch, tensor) -> bytes:
    import numpy as np

    from reprokit.frameworks.torch.device_hash import twin

    plain = tensor.detach().cpu().contiguous()
    width = plain.element_size()
    raw = plain.reshape(-1).view(torch.uint8).numpy() if plain.numel() else np.zeros(0, np.uint8)
    return twin(raw.view(f"V{width}").reshape(tuple(plain.shape)), str(plain.dtype).removeprefix("torch."))


def _tensors(torch):
    make = torch.Generator(device="cuda").manual_seed(0)
    kinds = [torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.uint8, torch.bool]
    shapes = [(), (1,), (7,), (64, 33), (1000, 1001), (0, 4)]
    out = [torch.randn(shape, device="cuda", generator=make).mul(9).to(kind) for kind in kinds for shape in shapes]
    big = torch.randn(6_000_001, device="cuda", generator=make)
    return [*out, big, big[1:], out[3].t(), big.view(torch.uint8)[3:77]]


def test_it_equals_its_twin_alone_and_together(cuda) -> None:
    from reprokit.frameworks.torch.device_hash import device_digest, device_digests

    tensors = _tensors(cuda)
    expected = [_twin(cuda, tensor) for tensor in tensors]
    assert device_digests(cuda, tensors) == expected
    assert [device_digest(cuda, tensor) for tensor in tensors] == expected


def test_one_bit_anywhere_changes_it(cuda) -> None:
    from reprokit.frameworks.torch.device_hash import device_digest

    tensor = cuda.randn(100_003, device="cuda")
    seen = {device_digest(cuda, tensor)}
    for place in (0, 1, 50_000, 100_002):
        tensor.view(cuda.int32)[place] ^= 1
        seen.add(device_digest(cuda, tensor))
    assert len(seen) == 5
    assert device_digest(cuda, tensor) != device_digest(cuda, tensor.flip(0))


def test_it_works_and_is_silent_in_strict_deterministic_mode(cuda) -> None:
    from reprokit.frameworks.torch.device_hash import device_digests

    tensors = _tensors(cuda)
    expected = device_digests(cuda, tensors)
    cuda.use_deterministic_algorithms(True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert device_digests(cuda, tensors) == expected
    finally:
        cuda.use_deterministic_algorithms(False)


def test_losses_kept_on_the_gpu_are_read_in_order(cuda) -> None:
    from reprokit.frameworks.torch.delayed import DelayedLosses

    noted: list[tuple[str, int, float]] = []
    delayed = DelayedLosses(cuda, lambda dtype: lambda step, value: noted.append((dtype, step, value)))
    given = []
    for step in range(1, 151):
        dtype = "torch.float64" if step % 7 == 0 else "torch.float32"
        loss = cuda.randn((1,) if step % 5 == 0 else (), device="cuda", dtype=getattr(cuda, dtype[6:]))
        given.append((dtype, step, loss.item()))
        kept = delayed.keep(loss)
        loss.zero_()  # what the script does with its loss afterwards does not matter
        delayed.add(step, dtype, kept)
    delayed.flush()
    assert noted == given
    assert delayed.keep(cuda.zeros(2, device="cuda")) is None
    assert delayed.keep(cuda.zeros(())) is None
