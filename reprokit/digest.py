"""Named digests of bytes, files, trees and tensors.

A digest is written ``ALGORITHM:HEX``. The algorithm's name encodes every parameter that affects the value, so two
digests are comparable exactly when their names are equal:

- ``sha256`` identifies content that others must be able to check (files, members, manifests).
- ``xxh3-128:seed-header:le:c`` identifies a tensor in a trace: xxh3-128 over the little-endian bytes in C order,
  seeded by the xxh3-64 of its header ``dtype|shape|``, so that equal bytes of another dtype or shape differ. It is
  not cryptographic.
- ``blake2b-128:header:le:c`` is blake2b over header and bytes, for interpreters that have no ``xxhash``.

XOR or sum reductions, CRC32 and norms are never used for equality: they collide on permutations and sign flips.
"""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path


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
    tree = TreeHash()
    for name, value in sorted(dict(members).items()):
        tree.add(name, value)
    return tree.digest()


_length = struct.Struct("<Q").pack


class TreeHash:
    """`tree_digest` of files that come one by one, in order: there may be more of them than fit into memory."""

    def __init__(self) -> None:
        self._state = hashlib.sha256()
        self._last: str | None = None

    def add(self, name: str, value: str) -> None:
        """Adds the next file.

        Raises:
            ValueError: the name does not follow the one before it.
        """
        if self._last is not None and name <= self._last:
            raise ValueError(f"{name!r} does not follow {self._last!r}")
        self._last = name
        first = name.encode() if name.isascii() else name.encode("utf-8", "surrogateescape")
        second = value.encode()
        self._state.update(b"%b%b%b%b" % (_length(len(first)), first, _length(len(second)), second))

    def digest(self) -> str:
        """``sha256-tree:HEX`` of what was added."""
        return "sha256-tree:" + self._state.hexdigest()


class TensorHash(NamedTuple):
    """A hash for tensors.

    Attributes:
        name: the algorithm, to be stored beside every value.
        prepare: turns a header (see `array_header`) into what ``digest`` takes; cacheable.
        digest: from a prepared header and a contiguous buffer to 16 bytes.
    """

    name: str
    prepare: Callable[[bytes], Any]
    digest: Callable[[Any, Any], bytes]


def tensor_hash_named(name: str) -> TensorHash:
    """The hash that a trace was made with.

    Raises:
        ValueError: no such algorithm.
    """
    for known in (tensor_hash(), _BLAKE2B):
        if known.name == name:
            return known
    raise ValueError(f"{name}: no hash for tensors of this name")


def array_header(dtype: str, shape: Iterable[int]) -> bytes:
    """What a tensor's digest covers besides its bytes: ``b"float32|2,3|"``."""
    return f"{dtype}|{','.join(map(str, shape))}|".encode()


def _blake2b(header: bytes, data: Any) -> bytes:
    state = hashlib.blake2b(header, digest_size=16)
    state.update(data)
    return state.digest()


_BLAKE2B = TensorHash("blake2b-128:header:le:c", bytes, _blake2b)


def tensor_hash(xxhash: Any = None) -> TensorHash:
    """Chooses the hash for tensors: xxh3 where the ``xxhash`` module is to be had, else blake2b.

    Args:
        xxhash: the module, when the caller has loaded it by another way than ``import``.
    """
    if xxhash is None:
        try:
            import xxhash
        except ImportError:
            return _BLAKE2B
    xxh3_128, xxh3_64 = xxhash.xxh3_128_digest, xxhash.xxh3_64_intdigest

    def digest(seed: int, data: Any) -> bytes:
        return xxh3_128(data, seed)  # type: ignore[no-any-return]

    return TensorHash("xxh3-128:seed-header:le:c", xxh3_64, digest)
