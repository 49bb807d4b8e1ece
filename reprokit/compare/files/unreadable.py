"""The one error that readers of files raise."""

from __future__ import annotations

from reprokit.errors import ReprokitError


class UnreadableError(ReprokitError):
    """RPK051: the file is not what its name or its first bytes say, or reading it would pass a limit.

    It never reaches a caller of `compare_files`, which then compares bytes and says why.
    """

    def __init__(self, why: str) -> None:
        super().__init__("RPK051", why)

    def __reduce__(self) -> tuple[type[UnreadableError], tuple[str]]:
        return UnreadableError, (self.message,)
