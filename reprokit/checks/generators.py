"""The global random generators of this process: their states, restored or compared around a function."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from reprokit.compare.values import digests, flatten

if TYPE_CHECKING:
    from collections.abc import Iterator

States = dict[str, Any]


def states() -> States:
    """The states of the generators whose modules are loaded: ``python``, ``numpy``, ``torch``, ``cuda``."""
    found: States = {}
    if (module := sys.modules.get("random")) is not None:
        found["python"] = module.getstate()
    if "numpy" in sys.modules:
        import numpy.random  # noqa: F401 - else loaded, and seeded, by the first draw: after this look
    if (module := sys.modules.get("numpy.random")) is not None:
        found["numpy"] = module.get_state(legacy=False)
    if (torch := _torch()) is not None:
        found["torch"] = torch.get_rng_state()
        if torch.cuda.is_initialized():
            found["cuda"] = torch.cuda.get_rng_state_all()
    return found


def restore(saved: States) -> None:
    """Sets the generators back; one whose module was loaded since then is left as it is."""
    if "python" in saved:
        sys.modules["random"].setstate(saved["python"])
    if "numpy" in saved:
        sys.modules["numpy.random"].set_state(saved["numpy"])
    if "torch" in saved:
        sys.modules["torch"].set_rng_state(saved["torch"])
    if "cuda" in saved:
        sys.modules["torch"].cuda.set_rng_state_all(saved["cuda"])


def reseed(seed: int) -> None:
    """Seeds every loaded generator, to states that no run starts from by chance."""
    if (module := sys.modules.get("random")) is not None:
        module.seed(seed)
    if (module := sys.modules.get("numpy.random")) is not None:
        module.seed(seed % 2**32)
    if (torch := _torch()) is not None:
        torch.manual_seed(seed)


def moved(before: States, after: States) -> list[str]:
    """The generators that were drawn from between two states, by name."""
    return [name for name in before if name in after and _digests(before[name]) != _digests(after[name])]


@contextmanager
def kept() -> Iterator[States]:
    """Gives the states as they are, and sets them back at the end: a check leaves a test's generators alone."""
    saved = states()
    try:
        yield saved
    finally:
        restore(saved)


def _digests(state: Any) -> dict[str, str]:
    return digests(flatten(state))


def _torch() -> Any:
    torch = sys.modules.get("torch")
    return torch if torch is not None and hasattr(torch, "get_rng_state") else None
