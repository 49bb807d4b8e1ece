"""Processes that update one model at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reprokit.lint.checks.invocation import Invocation


def _share(made: Invocation) -> None:
    receiver = made.receiver
    module = receiver is not None and (
        (receiver.kind == "local" and receiver.detail.derives("torch.nn.Module"))
        or (receiver.kind == "instance" and receiver.name.startswith("torch.nn."))
    )
    written = getattr(getattr(made.node.func, "value", None), "id", "")
    if module or "model" in written or "net" in written:
        text = "the model's memory is shared: processes that train it update it in whatever order they run"
        made.walk.report("RPL080", made.node, text)


METHODS = {"share_memory": _share}
