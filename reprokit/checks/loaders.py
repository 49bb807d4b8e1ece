"""A loader must give the same batches whatever the number of its workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reprokit.checks import generators
from reprokit.checks.results import InvarianceError, disagreement, text_of
from reprokit.compare.values import digests, flatten, held
from reprokit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from reprokit.compare.values import Leaf

Batches = list[dict[str, "Leaf"]]


def worker_invariant(
    make_loader: Callable[[int], Iterable[Any]], workers: Sequence[int] = (0, 2), *, batches: int = 100
) -> None:
    """Goes through loaders with several numbers of workers: the batches must be the same, in the same order.

    Every loader is built and read from the same states of the global generators.

    Args:
        make_loader: from a number of workers to something that gives batches.
        workers: two numbers or more.
        batches: at most that many are compared.

    Raises:
        InvarianceError: RPK075, with the batch, the leaf and the element, and whether order or content changed.
        UsageError: RPK077, fewer than two numbers, or the loader gives no batch.
    """
    if len(set(workers)) < 2 or min(workers) < 0:
        raise UsageError("RPK077", f"workers={tuple(workers)} varies nothing", "Give two numbers of 0 or more.")
    with generators.kept() as before:
        first = _read(make_loader, workers[0], batches)
        if not first:
            raise UsageError("RPK077", f"the loader gives no batch with {workers[0]} workers", "Give it data.")
        for count in workers:  # the first number again: a difference there is not one of workers
            generators.restore(before)
            _compare(first, _read(make_loader, count, batches), (workers[0], count))


def _read(make_loader: Callable[[int], Iterable[Any]], count: int, limit: int) -> Batches:
    # The iterator is not drained by zip: one more batch would be drawn and lost.
    found: Batches = []
    for batch in make_loader(count):
        found.append(held(flatten(batch)))
        if len(found) == limit:
            break
    return found


def _compare(first: Batches, other: Batches, counts: tuple[int, int]) -> None:
    between = f"{counts[0]} and {counts[1]} workers"
    for number, (a, b) in enumerate(zip(first, other, strict=False)):
        if (found := disagreement(a, b)) is not None:
            if counts[0] == counts[1]:
                message = f"the loader differs twice with {counts[0]} workers: batch {number}: {text_of(found)}"
                raise InvarianceError("RPK075", message, "Give it a seeded generator, and sort what it lists.")
            cause, hint = _cause(first, other)
            message = f"batch {number} differs between {between}: {text_of(found)}\n  cause: {cause}"
            raise InvarianceError("RPK075", message, hint)
    if len(first) != len(other):
        hint = "An iterable dataset has to give each worker its own part: torch.utils.data.get_worker_info()."
        raise InvarianceError("RPK075", f"{len(first)} and {len(other)} batches with {between}", hint)


def _cause(first: Batches, other: Batches) -> tuple[str, str]:
    before, after = ([tuple(sorted(digests(batch).values())) for batch in side] for side in (first, other))
    if sorted(before) == sorted(after):
        return "the same batches in another order", "Do not take batches in the order in which workers finish."
    cause = (
        "batches hold other data: random draws inside the workers, whose generators are not the main process's, or a "
        "dataset that is split among workers"
    )
    return cause, "Derive each sample's randomness from its index: torch.Generator().manual_seed(seed + index)."
