"""Where two flattened values differ: the same differ as for files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprokit.compare.files.content import Content, Difference, Options
from reprokit.compare.files.content_difference import Outcome, compare_contents

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reprokit.compare.files.content import Leaf


def differences(a: Mapping[str, Leaf], b: Mapping[str, Leaf], limit: int = 20) -> Outcome:
    """Compares two flattened values leaf by leaf, bit by bit, in the order of the first.

    Args:
        a: leaves as `flatten` gives them.
        b: the other side's.
        limit: how many differences are described; all are counted.

    Returns:
        An outcome whose ``differing`` is 0 exactly when every bit is the same; each difference has the leaf, the first
        index, the largest absolute and ULP difference, and the share of elements that differ.

    >>> from reprokit.compare.values import flatten
    >>> found = differences(flatten([1.0, 2.0]), flatten([1.0, 2.5]))
    >>> found.differences[0].where, found.differences[0].max_abs
    ('1', 0.5)
    """
    return compare_contents(Content("value", a), Content("value", b), Options(max_differences=limit))


def difference(a: Mapping[str, Leaf], b: Mapping[str, Leaf]) -> Difference | None:
    """The first difference of two flattened values, or None if every bit is the same."""
    return next(iter(differences(a, b, limit=1).differences), None)
