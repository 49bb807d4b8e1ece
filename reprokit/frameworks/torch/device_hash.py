"""A hash of a tensor computed where it lies, with integer operations whose result no scheduling can change.

A tensor on an accelerator must not be copied to the host in every step, and a floating-point reduction there depends on
the order of its additions. This hash adds, modulo 2^64, a mixed word per position: integer addition is associative, so
every order of the reduction gives the same value, and mixing the position in makes it sensitive to permutations.

    word(i)  = the i-th little-endian 8 bytes of the tensor (zero-padded at the end)
    x(i)     = mix(word(i) + i * GOLDEN)       (mod 2^64)
    h_0, h_1 = sum over i of x(i), and of x(i) * (2 i + 1)
    digest   = h_0 and h_1, each mixed once more with the header's hash, little-endian

One changed word always changes both sums, since ``mix`` is a bijection and the weights are odd. ``mix`` is the
finaliser of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014). `twin`
computes the same on the host with NumPy. The name of the algorithm is `ALGORITHM`. PyTorch runs each operation as a
pass over memory, so their number is the price: sixteen here.
"""

from __future__ import annotations

import hashlib
from typing import Any

from reprokit.digest import array_header

ALGORITHM = "splitmix64-weighted:seed-header:le:c"
_GOLDEN, _M1, _M2 = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
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


def _mix_(torch: Any, words: Any) -> Any:
    """Mixes int64 ``words`` in place. ``>>`` on int64 is arithmetic, so the bits that it drags in are masked off."""
    for shift, factor in ((30, _M1), (27, _M2), (31, 1)):
        words.bitwise_xor_(torch.bitwise_right_shift(words, shift).bitwise_and_((1 << (64 - shift)) - 1))
        if factor != 1:
            words.mul_(_signed(factor))
    return words


def _bytes(torch: Any, tensor: Any) -> Any:
    """A strided tensor's bytes in C order, where it lies: uint8 (n,)."""
    plain = tensor.detach()
    if plain.is_conj() or plain.is_neg():
        plain = plain.resolve_conj().resolve_neg()
    flat = plain.contiguous().reshape(-1)
    if flat.stride(0) != 1:  # with one element or none it counts as contiguous and cannot be viewed as bytes
        flat = flat.clone(memory_format=torch.contiguous_format)
    return flat.view(torch.uint8)


def _words(torch: Any, data: Any) -> Any:
    """Bytes as int64, zero-padded at the end, and copied where they lie as no view of int64 may."""
    if data.numel() % 8 or data.data_ptr() % 8 or data.storage_offset() % 8:
        data = torch.nn.functional.pad(data, (0, -data.numel() % 8)).clone()
    return data.view(torch.int64)


def _mixed(torch: Any, words: Any, positions: Any) -> tuple[Any, Any]:
    """The mixed words, plain and weighted: int64 (n,) each."""
    plain = _mix_(torch, torch.add(words, positions, alpha=_signed(_GOLDEN)))
    return plain, torch.addcmul(plain, plain, positions, value=2)


def _large(torch: Any, data: Any) -> Any:
    """Both sums over one tensor's bytes, a chunk at a time: int64 (2, 1), where the tensor lies."""
    sums = torch.zeros(2, dtype=torch.int64, device=data.device)
    for start in range(0, data.numel(), 8 * _CHUNK):
        words = _words(torch, data[start : start + 8 * _CHUNK])
        first = start // 8
        positions = torch.arange(first, first + words.numel(), dtype=torch.int64, device=data.device)
        sums += torch.stack([mixed.sum() for mixed in _mixed(torch, words, positions)])
    return sums.reshape(2, 1)


def _small(torch: Any, parts: list[Any]) -> Any:
    """Both sums of each of several tensors' bytes, in as many launches as one of them takes: int64 (2, tensors)."""
    words = [_words(torch, data) for data in parts]
    joined = torch.cat(words)
    counts = torch.tensor([part.numel() for part in words], dtype=torch.int64)
    ends = counts.cumsum(0)
    begins = (ends - counts).to(joined.device)
    # `output_size` spares the transfer by which repeat_interleave would learn its own length.
    own = torch.repeat_interleave(begins, counts.to(joined.device), output_size=joined.numel())
    positions = torch.arange(joined.numel(), dtype=torch.int64, device=joined.device).sub_(own)
    running = torch.nn.functional.pad(torch.stack(_mixed(torch, joined, positions)).cumsum(1), (1, 0))
    return running[:, ends.to(joined.device)] - running[:, begins]


def _groups(sizes: list[int]) -> list[list[int]]:
    """Which tensors are summed together, up to a chunk; one that needs more than a quarter of it stands alone."""
    large: list[list[int]] = []
    small: list[list[int]] = []
    room = -1
    for number, size in enumerate(sizes):
        words = -(-size // 8)
        if words > _CHUNK // 4:
            large.append([number])
            continue
        if words > room:
            small.append([])
            room = _CHUNK
        small[-1].append(number)
        room -= words
    return large + small


def device_digests(torch: Any, tensors: list[Any]) -> list[bytes]:
    """The digests of strided tensors on one device: 16 bytes a tensor leave it, in one transfer.

    Raises:
        RuntimeError: the device lacks an integer operation, or memory.
    """
    data = [_bytes(torch, tensor) for tensor in tensors]
    sizes = [part.numel() for part in data]
    groups = _groups(sizes)
    parts = [[data[number] for number in group] for group in groups]
    sums = [_large(torch, part[0]) if len(part) == 1 else _small(torch, part) for part in parts]
    first, second = torch.cat(sums, 1).tolist() if sums else ([], [])
    digests = [b""] * len(tensors)
    for number, one, two in zip((n for group in groups for n in group), first, second, strict=True):
        seed = _header_seed(str(tensors[number].dtype).removeprefix("torch."), tensors[number].shape)
        digests[number] = _finish((one % (1 << 64), two % (1 << 64)), seed, sizes[number])
    return digests


def device_digest(torch: Any, tensor: Any) -> bytes:
    """The digest of one tensor (see `device_digests`)."""
    return device_digests(torch, [tensor])[0]


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

    positions = np.arange(padded.size, dtype=np.uint64)
    mixed = mix(padded + positions * np.uint64(_GOLDEN))
    weighted = mixed * (2 * positions + np.uint64(1))
    sums = int(mixed.sum(dtype=np.uint64)), int(weighted.sum(dtype=np.uint64))
    return _finish(sums, _header_seed(dtype, np.shape(array)), size)
