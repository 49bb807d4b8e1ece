"""Checks that a test makes of values: against a stored baseline, and of invariances.

Nothing here knows pytest. `baselines` holds values against what is stored beside a test; `runs`, `resume`, `batches`,
`threads`, `workers`, `hash_seeds` and `file_order` take functions and say whether their results hold when something
changes that should not matter.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reprokit.checks.batches import batch_invariant
    from reprokit.checks.file_order import order_of_files_invariant
    from reprokit.checks.fresh import hash_seed_invariant
    from reprokit.checks.invariance import run_to_run, thread_invariant
    from reprokit.checks.loaders import worker_invariant
    from reprokit.checks.results import InvarianceError
    from reprokit.checks.resuming import resume

__all__ = [
    "InvarianceError",
    "batch_invariant",
    "hash_seed_invariant",
    "order_of_files_invariant",
    "resume",
    "run_to_run",
    "thread_invariant",
    "worker_invariant",
]

_HOMES = {
    "InvarianceError": "results", "batch_invariant": "batches", "hash_seed_invariant": "fresh",
    "order_of_files_invariant": "file_order", "resume": "resuming", "run_to_run": "invariance",
    "thread_invariant": "invariance", "worker_invariant": "loaders",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Loads what is asked for: a test session that shows its fingerprint only must not pay for all the rest."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
