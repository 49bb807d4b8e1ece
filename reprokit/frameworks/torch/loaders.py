"""The switch ``torch.dataloader_generators``: a generator of its own for each DataLoader that was given none."""

from __future__ import annotations

import functools
from typing import Any

_SEED = "_reprokit_loader_seed"
_GENERATOR = 12  # its place among the positional arguments, `dataset` being 0


def generators_of_loaders(torch: Any) -> str:
    """``own`` or ``global``, as it is now."""
    return "own" if hasattr(torch.utils.data.DataLoader.__init__, "reprokit") else "global"


def set_generators_of_loaders(torch: Any, value: Any) -> None:
    """Gives (``own``) each later DataLoader without a generator its own, or (``global``) does so no more.

    The n-th one is seeded with ``derive(seed, "torch.dataloader.n")``, where ``seed`` is the one that `seed_loaders`
    was given, or else the default generator's at that moment.
    """
    loader = torch.utils.data.DataLoader
    current = loader.__init__
    if value == "global":
        loader.__init__ = getattr(current, "__wrapped__", current) if hasattr(current, "reprokit") else current
        return
    if hasattr(current, "reprokit"):
        return
    made = 0

    @functools.wraps(current)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        nonlocal made
        if len(args) <= _GENERATOR and kwargs.get("generator") is None:
            from reprokit.policy.seeds import derive

            seed = getattr(loader, _SEED, None)
            seed = int(torch.initial_seed()) if seed is None else seed
            generator = torch.Generator()
            generator.manual_seed(derive(seed, f"torch.dataloader.{made}") >> 1)
            made += 1
            kwargs["generator"] = generator
        current(self, *args, **kwargs)

    __init__.reprokit = True  # type: ignore[attr-defined]
    loader.__init__ = __init__


def seed_loaders(torch: Any, seed: int) -> None:
    """From which seed those of `set_generators_of_loaders` are made."""
    setattr(torch.utils.data.DataLoader, _SEED, seed)
