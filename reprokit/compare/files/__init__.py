"""Comparators by file type: what two files hold is compared, not how it is packed, and nothing in them is executed.

`compare_files` is the entry, and `compare_groups` for several files that stand for one value (a SavedModel, a sharded
checkpoint). A comparator (one file each, listed in `registry`) turns a file, or a group, into a flat mapping of path to
leaf; one differ (`content_difference`) compares two such mappings, whatever type they came from.

What counts as content: names, element types, shapes and every bit of arrays; values and their types; class names and
attributes of pickled objects; the order of lists and rows; an image's pixels. What does not: compression, dates, names
inside archives, byte order, the pickle protocol, the order of keys, shared objects, white space in JSON, an image's
comments.
"""

from __future__ import annotations

from reprokit.compare.files.comparison import compare_files, read_content
from reprokit.compare.files.content import (
    Content,
    Difference,
    FileComparison,
    Leaf,
    Options,
    Records,
    Scalar,
    Structure,
    Tensor,
)
from reprokit.compare.files.groups import Group, compare_groups, groups_in
from reprokit.compare.files.registry import Comparator, GroupComparator
from reprokit.compare.files.relocation import Relocation
from reprokit.compare.files.unreadable import UnreadableError

__all__ = [
    "Comparator",
    "Content",
    "Difference",
    "FileComparison",
    "Group",
    "GroupComparator",
    "Leaf",
    "Options",
    "Records",
    "Relocation",
    "Scalar",
    "Structure",
    "Tensor",
    "UnreadableError",
    "compare_files",
    "compare_groups",
    "groups_in",
    "read_content",
]
