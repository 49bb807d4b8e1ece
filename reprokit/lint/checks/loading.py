"""`DataLoader`: whose random numbers its workers draw, and who seeds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprokit.lint.values import Value

if TYPE_CHECKING:
    from reprokit.lint.checks.invocation import Invocation
    from reprokit.lint.scopes import Class

_LIBRARIES = {"random": "Python's random", "numpy": "NumPy", "own": "a generator that it holds"}
_IN_WORKERS = ("__getitem__", "__iter__", "__getitems__", "__next__")


def _loader(made: Invocation) -> Value:
    walk, node = made.walk, made.node
    workers = made.argument("num_workers", 5)
    shuffles = made.argument("shuffle", 2)
    given: set[str] = {name for name in ("worker_init_fn", "generator") if name in made.keywords}
    hidden = made.hidden()
    parallel = workers is not None and not (workers.kind == "int" and workers.detail == 0)
    shuffling = shuffles is not None and shuffles.detail is not False and shuffles.kind != "none"
    if parallel and not hidden and "worker_init_fn" not in given:
        _workers(made, given)
    if shuffling and not hidden and "generator" not in given:
        text = "the loader shuffles with PyTorch's global generator, which the program never seeds"
        walk.report("RPL003", node, text, unless=("torch",))
        if parallel:
            text = "the loader's order is drawn from the global generator, so any other draw before an epoch changes it"
            walk.report("RPL021", node, text, needs=("torch",))
    return Value("instance", "torch.utils.data.DataLoader")


def _workers(made: Invocation, given: set[str]) -> None:
    dataset = made.argument("dataset", 0)
    owner: Class | None = dataset.detail if dataset is not None and dataset.kind == "local" else None
    if owner is None:
        return
    for method in owner.methods.values():
        made.walk.enter(method)
    for library, where in dataset_draws(owner):
        if library == "own":
            text = (
                f"{owner.name}.{where} draws from a generator that the dataset holds: each worker process gets a copy "
                "in the same state, so workers repeat each other's numbers and the result depends on num_workers"
            )
        elif "generator" in given:
            continue
        else:
            text = (
                f"{owner.name}.{where} draws from {_LIBRARIES.get(library, library)} in worker processes; with neither "
                "worker_init_fn nor generator their seeds come from the global generator's state when the epoch starts "
                "(NumPy's only since PyTorch 1.9; before, all workers drew the same numbers)"
            )
        made.walk.report("RPL020", made.node, text)
        return


def dataset_draws(owner: Class) -> list[tuple[str, str]]:
    """What the methods that run in a worker draw from: library and method."""
    found = []
    for key in owner.draws:
        library, _, method = key.partition(":")
        if library in _LIBRARIES and (method in _IN_WORKERS or _called_by_getitem(owner, method)):
            found.append((library, method))
    return found


def _called_by_getitem(owner: Class, method: str) -> bool:
    return method != "__init__" and any(name in owner.methods for name in _IN_WORKERS) and method in owner.methods


CALLS = {"torch.utils.data.DataLoader": _loader}
