"""What to call a parameter in a report: the name it has in the model.

In this order: the names that the optimizer was given (``named_parameters()``), the one module whose outermost call was
observed, one search through the garbage collector, and ``group/index``. Names are labels; runs are compared by
optimizer, group and index.
"""

from __future__ import annotations

import gc
import sys
from typing import Any

_WRAPPERS = {"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}
_OWNERS = ("lightning.pytorch", "pytorch_lightning")
"""Libraries that call parts of a module by themselves, without ever calling the module that owns them."""


def clean(name: str) -> str:
    """Strips what DDP, FSDP and ``torch.compile`` put into names.

    >>> clean("_orig_mod.module.submodule.weight")
    'submodule.weight'
    """
    *owners, last = name.split(".")
    return ".".join([owner for owner in owners if owner not in _WRAPPERS] + [last])


def _named_tensors(module: Any) -> dict[int, list[str]]:
    names: dict[int, list[str]] = {}
    for name, parameter in module.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), []).append(clean(name))
    return names


def _kinds(module_class: type) -> set[type]:
    """The class of all modules and every class derived from it."""
    found, open_ = {module_class}, [module_class]
    while open_:
        derived: set[type] = set(type.__subclasses__(open_.pop())) - found
        found |= derived
        open_ += derived
    return found


def _search(torch: Any, wanted: set[int]) -> dict[int, list[str]]:
    """Looks for the modules that own ``wanted`` parameters; a module that owns more wins over its parts."""
    best: dict[int, list[str]] = {}
    owned = dict.fromkeys(wanted, 0)
    # Half a million objects are alive once torch._dynamo is imported: nothing but a lookup is done for each. Besides,
    # isinstance() would run code of the user's classes.
    kinds = _kinds(torch.nn.Module)
    for candidate in [found for found in gc.get_objects() if type(found) in kinds]:
        try:
            names = _named_tensors(candidate)
        except Exception:  # noqa: BLE001, S112 - a half-built module of the user's; others may do
            continue
        for key in wanted & names.keys():
            if len(names) > owned[key]:
                owned[key], best[key] = len(names), names[key]
    return best


def name_parameters(torch: Any, optimizer: Any, roots: list[Any]) -> dict[int, str]:
    """Names for the parameters of an optimizer, by ``id``; tied parameters get all their names, joined by ``=``."""
    names: dict[int, str] = {}
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for group in optimizer.param_groups:
        for parameter, name in zip(group["params"], group.get("param_names") or (), strict=False):
            names[id(parameter)] = clean(name)
    missing = {id(p) for p in parameters} - names.keys()
    owned = [_named_tensors(root) for root in roots]
    for named in owned:
        for key, found in named.items():
            names.setdefault(key, "=".join(found))
    whole = len(owned) == 1 and missing <= owned[0].keys() and not any(name in sys.modules for name in _OWNERS)
    if missing and not whole:  # a module that owns what was called knows longer names
        for key, found in _search(torch, missing).items():
            names[key] = "=".join(found)
    return names
