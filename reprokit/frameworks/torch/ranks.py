"""This process's place among the ranks, and which of its parameters are copies that other ranks should have too.

Nothing is exchanged between ranks while they train: each notes what it holds, and the traces are compared afterwards
(see `reprokit.trace.replicas`).
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reprokit.frameworks.torch.modules import RootModules
    from reprokit.frameworks.torch.state import ParameterGroup
    from reprokit.observe.start import Session

EXACT_HOOKS = (
    "allreduce_hook", "fp16_compress_hook", "bf16_compress_hook", "fp16_compress_wrapper_hook",
    "bf16_compress_wrapper_hook", "powerSGD_hook", "batched_powerSGD_hook", "quantization_pertensor_hook",
    "quantization_perchannel_hook",
)  # fmt: skip
"""Communication hooks of PyTorch after which every rank holds the same gradient, bit for bit.

Source: https://docs.pytorch.org/docs/stable/ddp_comm_hooks.html
"""


class Ranks:
    """What there is to say of ranks and replicas.

    Attributes:
        wrapped: the ``DistributedDataParallel`` modules of this process, held weakly, in the order in which they were
            made: each with the ranks that hold copies, and how many these ranks had made before it. When one that is
            no longer used dies differs from rank to rank, and must not count.
    """

    def __init__(self, torch: Any, session: Session) -> None:
        self._torch = torch
        self._session = session
        self.wrapped: list[tuple[Any, str, int]] = []
        self._counts: dict[str, int] = {}
        self.reset()

    def reset(self) -> None:
        """A run begins: everything is said again."""
        self._placed = False
        self._groups: dict[int, Any] = {}
        self._buffers: set[int] = set()

    def forked(self) -> None:
        """A forked child cannot use its parent's process group."""
        self.wrapped = []
        self.reset()

    def made(self, module: Any) -> None:
        """A ``DistributedDataParallel`` has been made, on all ranks of its group at once."""
        ranks = ",".join(map(str, self._torch.distributed.get_process_group_ranks(module.process_group)))
        number = self._counts[ranks] = self._counts.get(ranks, -1) + 1
        self.wrapped = [known for known in self.wrapped if known[0]() is not None]
        self.wrapped.append((weakref.ref(module), ranks, number))

    def note_place(self) -> None:
        """Says rank, number of ranks and backend, once there is a process group."""
        distributed = self._torch.distributed
        if self._placed or not distributed.is_available() or not distributed.is_initialized():
            return
        self._placed = True
        place = (distributed.get_rank(), distributed.get_world_size(), distributed.get_backend())
        self._session.note("rank", *map(str, place))

    def note(self, ordinal: int, group: ParameterGroup | None, parameters: list[Any], modules: RootModules) -> None:
        """Says which columns of an optimizer (or, -1, of a loop without one) belong to copies; once a group."""
        if group is None or self._groups.get(ordinal) is group:
            return
        self._groups[ordinal] = group
        keys = {id(parameter): entry for parameter, entry in zip(parameters, group.entries, strict=True)}
        for reference, ranks, number in self.wrapped:
            module = reference()
            if module is None:
                continue
            ignored = module.parameters_to_ignore
            listed = list(module.module.named_parameters())
            kept = [(i, p) for i, (name, p) in enumerate(listed) if name not in ignored]
            left = [(i, p) for i, (name, p) in enumerate(listed) if name in ignored]
            self._say(ranks, number, _hook_of(module), [(f"{i}", *keys[id(p)]) for i, p in kept if id(p) in keys])
            why = "DistributedDataParallel was told to ignore them"
            self._say(ranks, number, why, [(f"{i}", *keys[id(p)]) for i, p in left if id(p) in keys])
            if not module.broadcast_buffers and id(module) not in self._buffers:
                self._buffers.add(id(module))
                why = "their buffers are not broadcast"
                entries = modules.entries_of(module)
                self._say(ranks, number, why, [(name, key, name) for key, name in entries])

    def _say(self, ranks: str, number: int, grade: str, columns: list[tuple[str, str, str]]) -> None:
        if columns:
            self._session.note("replica", ranks, str(number), grade, *[text for column in columns for text in column])


def _hook_of(module: Any) -> str:
    """Why the gradients of a module may differ between ranks; empty when they may not."""
    for hook, _state in getattr(module, "_comm_hooks", ()):
        name = getattr(hook, "__name__", type(hook).__name__)
        if name not in EXACT_HOOKS:
            return f"their gradients go through the communication hook {name}"
    return ""
