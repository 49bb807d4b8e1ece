"""Digests of leaves, to be stored: equal on every platform, and never equal for two leaves that differ in a bit.

- ``sha256:sized-header:le:c``: sha256 over the length of the header (8 bytes), the header ``dtype|shape|`` and the
  elements in C order, little-endian. It can be recomputed with any tool.
- ``xxh3-128:sized-header:le:c``: the same bytes under xxh3-128, for arrays above `FAST_FROM`. sha256 reads 1 GiB in
  0.57 s with SHA extensions (2.5 s without) where reading memory takes 0.03 s; xxh3 takes 0.03 s. It is not
  cryptographic: it sees every accident, not someone who searches for a collision.

The size alone chooses, and is part of the header, so two leaves of one size always have comparable digests.
"""

from __future__ import annotations

import hashlib
import json
import sys
from typing import TYPE_CHECKING, Any

from reprokit.compare.files.content import Records, Scalar, Structure, Tensor
from reprokit.digest import array_header

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reprokit.compare.files.content import Leaf

FAST_FROM = 1 << 20
"""Arrays of more bytes than this are digested with xxh3."""

_SHA256 = "sha256:sized-header:le:c"
_XXH3 = "xxh3-128:sized-header:le:c"
_BLOCK_BYTES = 8 << 20


def digests(leaves: Mapping[str, Leaf]) -> dict[str, str]:
    """Digests all leaves of a value: path to ``ALGORITHM:HEX``."""
    return {path: digest(leaf) for path, leaf in leaves.items()}


def digest(leaf: Leaf) -> str:
    """Digests a leaf: ``ALGORITHM:HEX``.

    Every change of type, shape, order, sign (also of a zero) or bit (also in a NaN) gives another digest.

    Args:
        leaf: of any kind.

    Raises:
        UnreadableError: the leaf's elements cannot be read to their end.

    >>> from reprokit.compare.values import flatten
    >>> digest(flatten(0.5)[""])[:26]
    'sha256:sized-header:le:c:8'
    """
    header, blocks = _read(leaf)
    fast = isinstance(leaf, Tensor) and leaf.nbytes > FAST_FROM
    state = _fast_state() if fast else hashlib.sha256()
    state.update(len(header).to_bytes(8, "little") + header)
    for block in blocks:
        state.update(block)
    return f"{_XXH3 if fast else _SHA256}:{state.hexdigest()}"


def _fast_state() -> Any:
    import xxhash

    return xxhash.xxh3_128()


def _read(leaf: Leaf) -> tuple[bytes, Iterator[Any]]:
    """The header and the bytes of a leaf."""
    if isinstance(leaf, Tensor):
        return array_header(leaf.dtype, leaf.shape), _elements(leaf)
    if isinstance(leaf, Scalar):
        return b"scalar|" + leaf.type.encode() + b"|", iter((leaf.text.encode("utf-8", "surrogatepass"),))
    if isinstance(leaf, Structure):
        return b"structure|", iter((leaf.text.encode("utf-8", "surrogatepass"),))
    return f"records|{leaf.by}|".encode(), _rows(leaf)


def _elements(leaf: Tensor) -> Iterator[Any]:
    import numpy as np

    size = max(1, int(np.prod(leaf.shape, dtype=np.int64)))
    count = max(1, _BLOCK_BYTES * size // max(1, leaf.nbytes))
    for block in leaf.blocks(count):
        little = block if sys.byteorder == "little" else block.astype(block.dtype.newbyteorder("<"))
        yield np.ascontiguousarray(little).view(np.uint8)


def _rows(leaf: Records) -> Iterator[bytes]:
    for row in leaf.rows():
        cells = [[name, cell.type, cell.text] for name, cell in row.items()]
        text = json.dumps(cells).encode()  # ASCII with escapes: also for texts that are no valid Unicode
        yield len(text).to_bytes(8, "little") + text
