"""Functions whose result must not change: when called again, with other thread counts, or batch sizes."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from reprokit.checks import generators
from reprokit.checks.results import (
    InvarianceError,
    disagreement,
    name_of,
    result_of,
    text_of,
    tolerance_of,
)
from reprokit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from reprokit.checks.generators import States
    from reprokit.compare.values import Leaf

_NOT_RANDOM = (
    "not the global random generators: started from one state, it differs again. Likely: a kernel whose order of sums "
    "is not fixed, a generator seeded from the operating system, the time, or state that the function keeps between "
    "calls"
)
_REMEDY = (
    "For kernels: torch.use_deterministic_algorithms(True), or the policy 'deterministic'. Build what the function "
    "changes inside it."
)


def run_to_run(fn: Callable[[], Any], runs: int = 2) -> None:
    """Calls a function several times in this process: every result must be the same, bit by bit.

    Nothing is seeded in between, so a function that draws random numbers has to seed them itself. Afterwards the global
    generators are as they were before.

    Args:
        fn: takes nothing, returns anything that `flatten` takes.
        runs: at least 2.

    Raises:
        InvarianceError: RPK075, results differ; the message tells random draws from other causes.
        UsageError: RPK070, RPK071, RPK077.

    >>> run_to_run(lambda: [1.0, 2.0])
    """
    if runs < 2:
        raise UsageError("RPK077", f"{runs} run cannot be compared with itself", "runs=2 or more.")
    with generators.kept() as before:
        first = result_of(fn)
        for number in range(2, runs + 1):
            drawn = generators.moved(before, generators.states())
            found = disagreement(first, result_of(fn))
            if found is not None:
                cause, hint = _cause(fn, before, first, drawn)
                message = f"run {number} of {name_of(fn)} gave another result: {text_of(found)}\n  cause: {cause}"
                raise InvarianceError("RPK075", message, hint)


def _cause(fn: Callable[[], Any], before: States, first: dict[str, Leaf], drawn: list[str]) -> tuple[str, str]:
    """Tells random draws from everything else, by a run that starts from the first one's states."""
    generators.restore(before)
    again = disagreement(first, result_of(fn))
    if again is None and drawn:
        names = ", ".join(drawn)
        return (
            f"random draws: it draws from the global generator of {names}; started from one state, it agrees",
            "Seed inside the function, or pass it a generator: random.seed(repro.seed), torch.manual_seed(repro.seed).",
        )
    return (_NOT_RANDOM if again else "it comes and goes: another run agreed, without another start"), _REMEDY


def thread_invariant(
    fn: Callable[[], Any], threads: Sequence[int] = (1, 2), *,
    rtol: float | None = None, atol: float | None = None, ulp: int | None = None,
) -> None:  # fmt: skip
    """Calls a function under several thread counts of PyTorch, BLAS and OpenMP: the result must not depend on them.

    Every call starts from the same states of the global generators.

    Args:
        fn: takes nothing, returns anything that `flatten` takes.
        threads: two counts or more.
        rtol: relative tolerance; None asks for every bit where the others are None too.
        atol: absolute tolerance.
        ulp: tolerance in units in the last place.

    Raises:
        InvarianceError: RPK075.
        UsageError: RPK077, fewer than two counts, or no library with a thread pool is loaded: nothing would vary.
    """
    if len(set(threads)) < 2 or min(threads) < 1:
        raise UsageError("RPK077", f"threads={tuple(threads)} varies nothing", "Give two counts of 1 or more.")
    tolerance = tolerance_of(rtol, atol, ulp)
    with generators.kept() as before:
        with _threads(threads[0]):
            first = result_of(fn)
            varied = _pools()  # only now: the function may have been the first to import a library
        if not varied:
            raise UsageError("RPK077", f"{name_of(fn)} uses no library with a thread pool: nothing was varied",
                             "Import NumPy, SciPy or PyTorch before the check.")  # fmt: skip
        for count in threads:  # the first count again: a difference there is not one of threads
            generators.restore(before)
            with _threads(count):
                found = disagreement(first, result_of(fn), tolerance)
            if found is None:
                continue
            if count == threads[0]:
                message = f"{name_of(fn)} differs with {count} threads twice: {text_of(found)}\n  cause: {_NOT_RANDOM}"
                raise InvarianceError("RPK075", message, _REMEDY)
            message = (
                f"{name_of(fn)} depends on the number of threads: {threads[0]} -> {count}: {text_of(found)}\n  cause: "
                f"sums that are split among threads are added in another order ({', '.join(varied)})"
            )
            raise InvarianceError("RPK075", message, "Fix the number of threads, or allow a tolerance: rtol=1e-6.")


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Sets the thread counts of all loaded libraries for a while."""
    from threadpoolctl import threadpool_limits

    torch = sys.modules.get("torch")
    previous = torch.get_num_threads() if torch is not None else 0
    with threadpool_limits(count):
        if torch is not None:
            torch.set_num_threads(count)
        try:
            yield
        finally:
            if torch is not None:
                torch.set_num_threads(previous)


def _pools() -> list[str]:
    from threadpoolctl import threadpool_info

    found = {str(pool.get("internal_api") or pool.get("user_api")) for pool in threadpool_info()}
    return sorted(found | ({"torch"} if "torch" in sys.modules else set()))
