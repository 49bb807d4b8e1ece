"""A row's result must not depend on the rows beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reprokit.checks import generators
from reprokit.checks.results import InvarianceError, disagreement, name_of, result_of, text_of, tolerance_of
from reprokit.compare.values import Structure, Tensor, held
from reprokit.compare.values.arrays import array_leaf
from reprokit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from reprokit.compare.values import Leaf


def batch_invariant(
    fn: Callable[[Any], Any], batch: Any, *,
    rtol: float | None = None, atol: float | None = None, ulp: int | None = None, rows: int = 64,
) -> None:  # fmt: skip
    """Calls a function on a whole batch and on its rows one by one: each row's result must be the same.

    Args:
        fn: from a batch to anything that `flatten` takes, in arrays whose first axis is the batch's.
        batch: an array or a tensor, or dictionaries, lists and tuples of them; the first axis counts the rows.
        rtol: relative tolerance; None asks for every bit where the others are None too.
        atol: absolute tolerance.
        ulp: tolerance in units in the last place.
        rows: at most that many rows are tried, the first ones.

    Raises:
        InvarianceError: RPK075, with the row, the leaf and the element.
        UsageError: RPK077, the batch has fewer than two rows, or the result does not have its rows.
    """
    size = _rows(batch)
    if size is None or size < 2:
        raise UsageError(
            "RPK077", f"the batch has {size or 'no'} rows; two are needed", "Give arrays of 2 rows or more."
        )
    tolerance = tolerance_of(rtol, atol, ulp)
    with generators.kept() as before:
        whole = result_of(fn, batch)
        drawn = generators.moved(before, generators.states())
        _check_rows(fn, whole, size)
        generators.restore(before)
        if (found := disagreement(whole, result_of(fn, batch))) is not None:
            message = f"{name_of(fn)} differs on the same batch twice, before any row was taken out: {text_of(found)}"
            raise InvarianceError("RPK075", message, "Check it with run_to_run first.")
        for row in range(min(size, rows)):
            generators.restore(before)
            alone = result_of(fn, _slice(batch, row))
            if (found := disagreement(_row(whole, row), alone, tolerance)) is not None:
                cause, hint = _cause(drawn)
                message = f"row {row} of {size} has another result alone than in the batch: {text_of(found)}"
                message += f"\n  cause: {cause}"
                raise InvarianceError("RPK075", message, hint)


def _cause(drawn: list[str]) -> tuple[str, str]:
    if drawn:
        cause = f"random draws: the function draws from the generator of {', '.join(drawn)}, a number for every row"
        return cause, "Switch dropout off (model.eval()), or draw by row."
    cause = (
        "a kernel that is chosen, or sums that are split, by the size of the batch; or an operation that mixes rows "
        "(batch normalisation in training mode)"
    )
    return cause, "Use model.eval(); allow a tolerance (rtol=1e-6) where only the order of sums differs."


def _check_rows(fn: Any, whole: Mapping[str, Leaf], size: int) -> None:
    for path, leaf in whole.items():
        if not isinstance(leaf, Structure) and not (isinstance(leaf, Tensor) and leaf.shape[:1] == (size,)):
            where = path or "the result"
            message = f"{where} of {name_of(fn)} is no array whose first axis has the {size} rows of the batch"
            raise UsageError("RPK077", message, "Return one row for each row of the batch.")


def _row(whole: Mapping[str, Leaf], row: int) -> dict[str, Leaf]:
    return held({
        path: array_leaf(leaf.array()[row : row + 1], leaf.dtype) if isinstance(leaf, Tensor) else leaf
        for path, leaf in whole.items()
    })  # fmt: skip


def _rows(batch: Any) -> int | None:
    """The common length of the first axes; None where there is none.

    Raises:
        UsageError: RPK077, they differ.
    """
    found = {len(leaf) for leaf in _leaves(batch)}
    if len(found) > 1:
        raise UsageError("RPK077", f"the arrays of the batch have {sorted(found)} rows", "Give them one first axis.")
    return found.pop() if found else None


def _leaves(batch: Any) -> list[Any]:
    if isinstance(batch, Mapping):
        return [leaf for item in batch.values() for leaf in _leaves(item)]
    if isinstance(batch, (list, tuple)):
        return [leaf for item in batch for leaf in _leaves(item)]
    return [batch] if getattr(batch, "shape", ()) else []


def _slice(batch: Any, row: int) -> Any:
    if isinstance(batch, Mapping):
        return {key: _slice(item, row) for key, item in batch.items()}
    if isinstance(batch, (list, tuple)):
        items = [_slice(item, row) for item in batch]
        return type(batch)(*items) if hasattr(batch, "_fields") else type(batch)(items)
    return batch[row : row + 1] if getattr(batch, "shape", ()) else batch
