"""Resuming: an optimizer's state comes back from a checkpoint, the generators' states do not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reprokit.lint.checks.invocation import Invocation
    from reprokit.lint.values import Value

_OPTIMIZER = re.compile(r"(^|[._])(optim|opt|optimizer|optimiser)s?(_?[a-z0-9]{1,3})?$", re.IGNORECASE)
_RESTORERS = (
    "set_rng_state",
    "set_rng_state_all",
    "setstate",
    "set_state",
    "load_state",
    "restore_rng",
    "load_rng_state",
)


def _load(made: Invocation) -> None:
    walk, receiver = made.walk, made.receiver
    if not made.args or receiver is None or walk.depth > 300:
        return
    func = made.node.func
    written = getattr(getattr(func, "value", None), "id", "") or getattr(getattr(func, "value", None), "attr", "")
    optimizer = receiver.kind == "instance" and receiver.name.startswith("torch.optim.")
    if (optimizer or _OPTIMIZER.search(written)) and _loaded(made.args[0], made):
        text = f"{written or 'the optimizer'} is restored from a checkpoint, and no generator's state is"
        walk.report_first("resume", "RPL070", made.node, text, unless=("rng-state",))


def _loaded(value: Value, made: Invocation) -> bool:
    """Whether the state comes from a file: from torch.load, or from something that is subscripted like a checkpoint."""
    if value.name == "torch.load":
        return True
    given = made.node.args[0]
    key = getattr(getattr(given, "slice", None), "value", None)
    return isinstance(key, str) and "opt" in key.lower()


def _restored(made: Invocation) -> None:
    last = made.name.rpartition(".")[2]
    if last in _RESTORERS and (made.args or made.keywords or last in {"load_state", "restore_rng", "load_rng_state"}):
        made.walk.facts.sets(("rng-state",), made.walk.function_name)


METHODS = {"load_state_dict": _load}
HEADS = {"": [_restored]}
