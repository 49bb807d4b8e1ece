"""Keeps our own frames out of what ``torch.compile`` compiles."""

from __future__ import annotations

from typing import Any


def skip_frame(torch: Any, function: Any, *, below: bool = False) -> None:
    """Tells the compiler to pass over the frame of ``function``, and to go on with the frames that it calls.

    ``nn.Module.__call__`` and its like are passed over by their file name (``torch._dynamo.trace_rules``). What stands
    in their place must be too: else the compiled graphs begin one frame higher, are cut elsewhere, and bits move.

    Args:
        torch: the module.
        function: what stands in the place of one of PyTorch's functions.
        below: whether the frames that it calls are passed over as well, because all of them are ours.
    """
    frames = torch._C._dynamo.eval_frame
    if not hasattr(frames, "set_code_exec_strategy"):  # until PyTorch 2.6
        frames.skip_code(function.__code__)
        return
    action = frames._FrameAction
    then = action.SKIP if below else action.DEFAULT
    frames.set_code_exec_strategy(function.__code__, frames._FrameExecStrategy(action.SKIP, then))
