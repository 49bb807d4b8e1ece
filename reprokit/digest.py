"""Named digests of bytes, files, trees and tensors.

A digest is written ``ALGORITHM:HEX``. The algorithm's name encodes every parameter that affects the value, so two
digests are comparable exactly when their names are equal:

- ``sha256`` identifies content that others must be able to check (files, members, manifests).
- ``xxh3-128:le:c`` identifies a tensor in a trace: xxh3-128 over ``dtype|shape|`` and the little-endian bytes in C
  order. Its header makes equal bytes of another dtype or shape differ. It is not cryptographic.
- ``blake2b-128:le:c`` is the same with another hash, for interpreters that have no ``xxhash``.

XOR or sum reductions, CRC32 and norms are never used for equality: they collide on permutations and sign flips.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

_CHUNK = 1 << 20


def sha256_bytes(data: bytes | bytearray | memoryview) -> str:
    """Digests bytes held in memory: ``sha256:HEX``."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def sha256_file(path: Path | str) -> str:
    """Digests a file's content in constant memory: ``sha256:HEX``.

    Raises:
        OSError: the file cannot be opened or read.
    """
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - `str` paths are common on the hot path
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


def tree_digest(members: Mapping[str, str] | Iterable[tuple[str, str]]) -> str:
    """Digests a set of files given as ``path -> digest``: ``sha256-tree:HEX``.

    The value depends on names and contents, not on the order in which they are given. Each entry is length-prefixed so
    that no two different sets can serialise alike.
    """
    pairs = sorted(dict(members).items())
    state = hashlib.sha256()
    for name, value in pairs:
        for part in (name.encode("utf-8", "surrogateescape"), value.encode()):
            state.update(len(part).to_bytes(8, "little"))
            state.update(part)
    return "sha256-tree:" + state.hexdigest()


def _blake2b_128(data: Any) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


def tensor_hash() -> tuple[str, Callable[[Any], bytes]]:
    """Chooses the hash for tensors: its algorithm name and a function from any buffer to 16 bytes."""
    try:
        import xxhash
    except ImportError:
        return "blake2b-128:le:c", _blake2b_128
    return "xxh3-128:le:c", xxhash.xxh3_128_digest


def array_header(dtype: str, shape: Iterable[int]) -> bytes:
    """The bytes that stand before a tensor's data in its digest: ``b"float32|2,3|"``."""
    return f"{dtype}|{','.join(map(str, shape))}|".encode()


def hash_with_header(hasher: Callable[[Any], bytes], header: bytes, data: Any) -> bytes:
    """Digests a tensor: the hash of ``header`` and of the hash of ``data``.

    Hashing the data first, alone, lets the large buffer be read in one call without a copy.

    Returns:
        16 bytes.
    """
    return hasher(header + hasher(data))
