"""Leaves that no longer depend on the value they came from, and leaves in a word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprokit.compare.files.content import Records, Scalar, Structure, Tensor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reprokit.compare.files.content import Leaf


def held(leaves: Mapping[str, Leaf]) -> dict[str, Leaf]:
    """Copies arrays and rows, so that the leaves stay as they are while the value goes on changing."""
    return {path: _held(leaf) for path, leaf in leaves.items()}


def _held(leaf: Leaf) -> Leaf:
    if isinstance(leaf, Tensor):
        from reprokit.compare.values.arrays import array_leaf

        array = leaf.array()
        # np.concatenate copies, unless there was nothing to join.
        return array_leaf(array.copy() if not array.flags.owndata else array, leaf.dtype)
    if isinstance(leaf, Records):
        rows = [dict(row) for row in leaf.rows()]
        return Records(leaf.by, lambda: iter(rows))
    return leaf


def described(leaf: Leaf) -> tuple[str, tuple[int, ...]]:
    """The type and the shape of a leaf: ``("float32", (3, 4))``; a value that is no array has no shape."""
    match leaf:
        case Tensor():
            return leaf.dtype, leaf.shape
        case Scalar():
            return leaf.type, ()
        case Structure():
            return "structure", ()
    return f"{leaf.by}s", (sum(1 for _ in leaf.rows()),)
