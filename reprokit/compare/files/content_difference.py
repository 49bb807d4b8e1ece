"""The one differ: compares two flat mappings of leaves, whatever files they came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reprokit.compare.files.content import Difference, Records, Scalar, Structure, Tensor, key_part, shown
from reprokit.compare.files.row_difference import compare_rows, gap, ignored
from reprokit.compare.files.tensor_difference import summary, tensor_difference

if TYPE_CHECKING:
    from reprokit.compare.files.content import Content, Leaf, Options


@dataclass
class Outcome:
    """What comparing two contents gave.

    Attributes:
        differences: at most `Options.max_differences`.
        differing: how many leaves, lines or columns differ in all.
        same_schema: the same leaves, with the same types and shapes.
        rows: how many rows were read, where there are rows.
    """

    differences: list[Difference] = field(default_factory=list)
    differing: int = 0
    same_schema: bool = True
    rows: int = 0

    def add(self, difference: Difference, *, same_schema: bool, limit: int) -> None:
        """Counts a difference, and keeps it while there is room."""
        self.differing += 1
        self.same_schema &= same_schema
        if len(self.differences) < limit:
            self.differences.append(difference)


def compare_contents(a: Content, b: Content, options: Options) -> Outcome:
    """Compares two contents leaf by leaf, in the order of the first.

    Raises:
        UnreadableError: a leaf that is read late turns out to be damaged.
    """
    outcome = Outcome()
    if a.kind != b.kind:
        text = Difference("(format)", None, a.kind, b.kind, None, None, None, "the files have different formats")
        outcome.add(text, same_schema=False, limit=options.max_differences)
    ignore = frozenset(options.ignore_keys) | frozenset(map(key_part, options.ignore_keys))
    for path in {**a.leaves, **b.leaves}:
        if not ignored(path, ignore):
            _compare_leaf(outcome, path, a.leaves.get(path), b.leaves.get(path), options=options, ignore=ignore)
    return outcome


def _compare_leaf(
    outcome: Outcome, path: str, a: Leaf | None, b: Leaf | None, *, options: Options, ignore: frozenset[str]
) -> None:
    limit = options.max_differences
    where = shown(path) or "(root)"
    if isinstance(a, Records) and isinstance(b, Records) and a.by == b.by:
        rows = compare_rows(a, b, ignore, limit - len(outcome.differences))
        outcome.rows += rows.rows
        outcome.differing += rows.differing
        outcome.differences += rows.differences
        outcome.same_schema &= rows.same_schema
    elif isinstance(a, Tensor) and isinstance(b, Tensor):
        same_schema = (a.dtype, a.shape) == (b.dtype, b.shape)
        if difference := tensor_difference(where, a, b):
            outcome.add(difference, same_schema=same_schema, limit=limit)
    elif a != b:
        same_schema = isinstance(a, Scalar) and isinstance(b, Scalar) and a.type == b.type
        outcome.add(_single_difference(where, a, b), same_schema=same_schema, limit=limit)


def _single_difference(where: str, a: Leaf | None, b: Leaf | None) -> Difference:
    """The difference of two leaves that are not both arrays."""
    if a is None or b is None:
        return Difference(where, None, _text(a), _text(b), None, None, None, f"missing in the {_side(a)} file")
    if not isinstance(a, Scalar) or not isinstance(b, Scalar):
        return Difference(where, None, _text(a), _text(b), None, None, None, "the structures differ")
    if a.type != b.type:
        left, right = f"{a.type} {a.text}", f"{b.type} {b.text}"
        return Difference(where, None, shown(left), shown(right), gap(a, b)[0], None, None, "the types differ")
    max_abs, max_ulp = gap(a, b)
    why = "the values differ" + (": the same name in two directories" if _moved(a.text, b.text) else "")
    return Difference(where, None, shown(a.text), shown(b.text), max_abs, max_ulp, None, why)


def _moved(a: str, b: str) -> bool:
    """Whether two texts are absolute paths that differ in their directories alone, as of runs in two places."""
    names = [text.rpartition("/")[2] for text in (a, b)]
    return a.startswith("/") and b.startswith("/") and names[0] == names[1] != "" and "\n" not in a + b


def _side(first: Leaf | None) -> str:
    return "first" if first is None else "second"


def _text(leaf: Leaf | None) -> str:
    match leaf:
        case None:
            return "(missing)"
        case Tensor():
            return summary(leaf)
        case Scalar() | Structure():
            return shown(leaf.text)
    return "rows"
