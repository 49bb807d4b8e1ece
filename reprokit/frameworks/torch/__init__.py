"""PyTorch: what happens in each update of an unmodified training loop.

- updates: ``torch.optim.optimizer.register_optimizer_step_post_hook``, outermost calls only (ZeRO nests them)
- losses: the root of ``torch.autograd.backward``, outermost calls only (re-entrant checkpointing nests them)
- batches: the outermost ``nn.Module.__call__`` while gradients are on. Global module hooks would make
  ``torch.compile`` warn and fire twice
- a loop without an optimizer object is delimited by its backward passes, and the trace says so
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reprokit.observe.start import Session


def arm(module: Any, session: Session) -> Any:
    """Observes PyTorch in this process; called once ``import torch`` has finished."""
    from reprokit.frameworks.torch.ambient import arm_ambient
    from reprokit.frameworks.torch.steps import TorchObserver

    arm_ambient(module, session.ambient)
    observer = TorchObserver(module, session)
    observer.arm()
    return observer


def read_back(module: Any) -> dict[str, Any]:
    """Every switch as it is now."""
    from reprokit.frameworks.torch.switches import read_all

    return read_all(module)


def apply(module: Any, switches: dict[str, Any]) -> dict[str, str]:
    """Sets switches by name; never raises.

    Returns:
        Switch -> why it could not be set.
    """
    from reprokit.frameworks.torch.switches import apply_all

    return apply_all(module, switches)


def seed(module: Any, seed: int) -> None:
    """Seeds the generators of all devices, and those of later DataLoaders, from a seed of any size."""
    from reprokit.frameworks.torch.loaders import seed_loaders
    from reprokit.policy.seeds import derive

    value = derive(seed, "torch")
    module.manual_seed(value - (1 << 64) if value >= 1 << 63 else value)
    seed_loaders(module, seed)
