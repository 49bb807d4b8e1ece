"""Values in memory, compared as files are: a flat mapping of path to leaf, a digest a leaf, and where two differ.

`flatten` names the leaves of tensors, arrays, numbers, nested containers, models, optimizers, generators, data frames
and files. Leaves are those of `reprokit.compare.files`, so the one differ compares both. An object that is not known is
an error: two objects are never compared by identity or by ``repr``.

No framework is imported: a value's own class tells from which loaded module it comes.
"""

from __future__ import annotations

from reprokit.compare.files.comparison import read_content
from reprokit.compare.files.content import Difference, Leaf, Records, Scalar, Structure, Tensor
from reprokit.compare.files.content_difference import Outcome
from reprokit.compare.files.unreadable import UnreadableError
from reprokit.compare.values.difference import difference, differences
from reprokit.compare.values.digests import digest, digests
from reprokit.compare.values.flattening import flatten
from reprokit.compare.values.holding import described, held

__all__ = [
    "Difference",
    "Leaf",
    "Outcome",
    "Records",
    "Scalar",
    "Structure",
    "Tensor",
    "UnreadableError",
    "described",
    "difference",
    "differences",
    "digest",
    "digests",
    "flatten",
    "held",
    "read_content",
]
