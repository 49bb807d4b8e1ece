"""Losses on a GPU, of steps that are not digested: kept there, and read many at a time.

To read one waits until the GPU has done everything before it, which would end the head start that hides the time it
takes to launch kernels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_HELD = 64  # losses: 512 bytes of the GPU's memory each


def capturing(torch: Any) -> bool:
    """Whether a CUDA graph is being captured: whoever waits for the GPU then breaks the capture."""
    return bool(torch.cuda.is_initialized() and torch.cuda.is_current_stream_capturing())


class DelayedLosses:
    """The losses of steps that are over, in the order of their steps."""

    def __init__(self, torch: Any, note: Callable[[str], Callable[[int, float], None]]) -> None:
        self._torch = torch
        self._note = note
        self._waiting: list[tuple[int, str, Any]] = []

    def keep(self, loss: Any) -> Any:
        """A copy of a loss, made when the GPU comes to it; None where it must be read at once."""
        if not loss.is_cuda or loss.numel() != 1 or capturing(self._torch):
            return None
        with self._torch.no_grad():
            return loss.detach().reshape(()).clone()

    def add(self, step: int, dtype: str, loss: Any) -> None:
        """Notes what `keep` gave, of a step that is over."""
        self._waiting.append((step, dtype, loss))
        if len(self._waiting) >= _HELD and not capturing(self._torch):
            self.flush()

    def flush(self) -> None:
        """Reads and notes what waits. A NaN's payload is not kept."""
        waiting, self._waiting = self._waiting, []
        for device in dict.fromkeys(loss.device for _, _, loss in waiting):
            self._torch.cuda.synchronize(device)  # a loss may have been made on another stream than today's
        values: dict[int, float] = {}
        for kind in dict.fromkeys((loss.device, dtype) for _, dtype, loss in waiting):
            some = [(step, loss) for step, dtype, loss in waiting if (loss.device, dtype) == kind]
            read = self._torch.stack([loss for _, loss in some]).tolist()
            values.update(zip((step for step, _ in some), read, strict=True))
        for step, dtype, _ in waiting:
            self._note(dtype)(step, values[step])
