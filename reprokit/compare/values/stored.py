"""Leaves on their way from one process to another that compares them: JSON, and one ``.npy`` an array.

Nothing is pickled. An array is kept as its bytes, in C order and little-endian, so that types which NumPy does not know
(bfloat16, float8) cross as well. What is larger than the room that is left crosses as its digest alone: whether it is
equal is known all the same, where it differs is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from reprokit.compare.files.content import Records, Scalar, Structure, Tensor
from reprokit.compare.values.arrays import bits_leaf
from reprokit.compare.values.digests import digest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from reprokit.compare.files.content import Leaf

MOST_ROWS = 100_000
"""Rows of a text or a table that cross; further ones count in the digest alone."""


class Store:
    """Writes leaves below a directory, as long as there is room.

    Args:
        directory: exists.

    Attributes:
        room: bytes of arrays that one run keeps for a comparison.
    """

    room = 2 << 30

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._count = 0

    def put(self, leaves: Mapping[str, Leaf]) -> dict[str, dict[str, Any]]:
        """Digests and writes leaves; returns them as JSON values."""
        return {path: {"digest": digest(leaf), **self._described(leaf)} for path, leaf in leaves.items()}

    def _described(self, leaf: Leaf) -> dict[str, Any]:
        match leaf:
            case Tensor():
                return {"kind": "tensor", "dtype": leaf.dtype, "shape": list(leaf.shape), "file": self._array(leaf)}
            case Scalar():
                return {"kind": "scalar", "type": leaf.type, "text": leaf.text}
            case Structure():
                return {"kind": "structure", "text": leaf.text}
        rows = [[[name, cell.type, cell.text] for name, cell in row.items()] for row in leaf.rows()][:MOST_ROWS]
        return {"kind": "records", "by": leaf.by, "rows": rows}

    def _array(self, leaf: Tensor) -> str | None:
        if leaf.nbytes > self.room:
            return None
        self.room -= leaf.nbytes
        self._count += 1
        name = f"{self._count}.npy"
        np.save(self._directory / name, np.ascontiguousarray(leaf.array()).reshape(-1).view(np.uint8))
        return name


def take(entry: Mapping[str, Any], directory: Path) -> Leaf | None:
    """The leaf that `Store.put` wrote; None where there was no room for its elements."""
    match entry["kind"]:
        case "scalar":
            return Scalar(entry["type"], entry["text"])
        case "structure":
            return Structure(entry["text"])
        case "records":
            rows = [{name: Scalar(kind, text) for name, kind, text in row} for row in entry["rows"]]
            return Records(entry["by"], lambda: iter(rows))
    if entry["file"] is None:
        return None
    return bits_leaf(np.load(directory / entry["file"], allow_pickle=False), entry["dtype"], tuple(entry["shape"]))
