"""A hash of a tensor computed where it lies, with integer operations whose result no scheduling can change.

A tensor on an accelerator must not be copied to the host in every step, and a floating-point reduction there depends on
the order of its additions. This hash adds, modulo 2^64, a mixed word per position: integer addition is associative, so
every order of the reduction gives the same value, and mixing the position in makes it sensitive to permutations.

    word(i)  = the i-th little-endian 8 bytes of the tensor (zero-padded at the end)
    h_s      = sum over i of mix(word(i) + mix(i * GOLDEN + SALT_s))   (mod 2^64), for two salts s
    digest   = h_0 and h_1, each mixed once more with the header's hash, little-endian

``mix`` is the finaliser of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA
2014). `twin` computes the same on the host with NumPy. The name of the algorithm is `ALGORITHM`.
"""

from __future__ import annotations

import hashlib
from typing import Any

from reprokit.digest import array_header

ALGORITHM = "splitmix64x2:seed-header:le:c"
_GOLDEN, _M1, _M2 = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_SALTS = (0x243F6A8885A308D3, 0x13198A2E03707344)  # digits of pi
_CHUNK = 1 << 22  # words: bounds the extra memory on the device to a few 32 MiB arrays


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _header_seed(dtype: str, shape: Any) -> int:
    return int.from_bytes(hashlib.blake2b(array_header(dtype, shape), digest_size=8).digest(), "little")


def _mix_int(value: int) -> int:
    mask = (1 << 64) - 1
    value = ((value ^ (value >> 30)) * _M1) & mask
    value = ((value ^ (value >> 27)) * _M2) & mask
    return value ^ (value >> 31)


def _finish(sums: tuple[int, int], seed: int, size: int) -> bytes:
    mask = (1 << 64) - 1
    return b"".join(_mix_int((total + seed + size * _GOLDEN) & mask).to_bytes(8, "little") for total in sums)


def _shift(torch: Any, words: Any, bits: int) -> Any:
    """A logical right shift of int64 words; torch's ``>>`` on int64 is arithmetic."""
    return torch.bitwise_and(torch.bitwise_right_shift(words, bits), (1 << (64 - bits)) - 1)


def _mix(torch: Any, words: Any) -> Any:
    words = torch.bitwise_xor(words, _shift(torch, words, 30)) * _signed(_M1)
    words = torch.bitwise_xor(words, _shift(torch, words, 27)) * _signed(_M2)
    return torch.bitwise_xor(words, _shift(torch, words, 31))


def device_digest(torch: Any, tensor: Any) -> bytes:
    """The digest of a strided tensor on any device; only 16 bytes leave the device.

    Raises:
        RuntimeError: the device lacks an integer operation.
    """
    plain = tensor.detach()
    if plain.is_conj() or plain.is_neg():
        plain = plain.resolve_conj().resolve_neg()
    plain = plain.contiguous()
    seed = _header_seed(str(plain.dtype).removeprefix("torch."), plain.shape)
    flat = plain.reshape(-1)
    if flat.stride(0) != 1:  # with one element or none it counts as contiguous and cannot be viewed as bytes
        flat = flat.clone(memory_format=torch.contiguous_format)
    data = flat.view(torch.uint8)
    size = data.numel()
    sums = torch.zeros(2, dtype=torch.int64, device=plain.device)
    for start in range(0, size, 8 * _CHUNK):
        part = data[start : start + 8 * _CHUNK]
        if part.numel() % 8 or part.data_ptr() % 8 or part.storage_offset() % 8:
            part = torch.nn.functional.pad(part, (0, -part.numel() % 8)).clone()
        words = part.view(torch.int64)
        first = start // 8
        positions = torch.arange(first, first + words.numel(), dtype=torch.int64, device=plain.device)
        index = positions * _signed(_GOLDEN)
        for which, salt in enumerate(_SALTS):
            sums[which] += _mix(torch, words + _mix(torch, index + _signed(salt))).sum()
    first, second = (int(value) % (1 << 64) for value in sums.tolist())
    return _finish((first, second), seed, size)


def twin(array: Any, dtype: str) -> bytes:
    """The same digest of a host array: shape (...), any dtype; ``dtype`` is torch's name (``bfloat16``)."""
    import numpy as np

    data = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    size = data.size
    padded = np.concatenate([data, np.zeros(-size % 8, np.uint8)]).view("<u8")

    def mix(words: Any) -> Any:
        words = (words ^ (words >> np.uint64(30))) * np.uint64(_M1)
        words = (words ^ (words >> np.uint64(27))) * np.uint64(_M2)
        return words ^ (words >> np.uint64(31))

    index = np.arange(padded.size, dtype=np.uint64) * np.uint64(_GOLDEN)
    first, second = (int(mix(padded + mix(index + np.uint64(salt))).sum(dtype=np.uint64)) for salt in _SALTS)
    return _finish((first, second), _header_seed(dtype, np.shape(array)), size)
