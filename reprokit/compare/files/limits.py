"""How much a file may expand to while it is read."""

from __future__ import annotations

from reprokit.compare.files.unreadable import UnreadableError

_FLOOR = 128 << 20
_RATIO = 64


class Budget:
    """The bytes that one file may yield: 64 times its size, and never less than 128 MiB.

    A zip, a compressed pickle or a strided view can claim far more than it holds. Real model files stay well below
    the limit; one that does not is compared by its bytes.
    """

    def __init__(self, file_size: int) -> None:
        self.left = max(_FLOOR, _RATIO * file_size)

    def spend(self, size: int) -> None:
        """Takes `size` bytes from the budget.

        Raises:
            UnreadableError: the budget is spent.
        """
        if size < 0 or size > self.left:
            raise UnreadableError("it would expand to far more than its size on disk")
        self.left -= size
