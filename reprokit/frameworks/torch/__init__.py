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
    from reprokit.frameworks.torch.switches import apply_all

    arm_ambient(module, session.ambient)
    apply_all(module, session.config.get("switches", {}).get("torch", {}))
    observer = TorchObserver(module, session)
    observer.arm()
    return observer
