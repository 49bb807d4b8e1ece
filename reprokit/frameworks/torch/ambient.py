"""What seeds PyTorch when the script does not: the default generator's first state, and ``torch.seed()``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reprokit.observe.ambient import Ambient


def arm_ambient(torch: Any, ambient: Ambient) -> None:
    """Keeps (or, in a replay, sets) the default generator's state, and logs the seeds that ``torch.seed()`` draws.

    The default CPU generator is created with a seed of the operating system. Setting the *seed* that it reports, not
    only the state, keeps ``torch.initial_seed()`` and what DataLoader workers derive from it the same too.
    """
    first = int(torch.initial_seed())
    data, given = ambient.value("torch.initial_seed", lambda: first.to_bytes(8, "little"), site=False)
    if given:
        torch.default_generator.manual_seed(_signed(int.from_bytes(data, "little")))

    def seed() -> int:
        drawn, _given = ambient.value("torch.seed", lambda: original().to_bytes(8, "little"))
        value = int.from_bytes(drawn, "little")
        torch.manual_seed(_signed(value))
        return value

    original = torch.random.seed
    seed.__doc__, seed.__module__ = original.__doc__, original.__module__
    torch.random.seed = torch.seed = seed


def _signed(seed: int) -> int:
    """``manual_seed`` takes negative numbers for seeds of 2**63 and above."""
    return seed - (1 << 64) if seed >= 1 << 63 else seed
