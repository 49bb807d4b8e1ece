"""The errors that readers of files raise."""

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


class MissingReaderError(UnreadableError):
    """RPK110: only a library that is not installed can read the file, so nothing is known of what it holds.

    Where bytes differ this is no difference and no equality: the output is not established.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.code = "RPK110"

    def __reduce__(self) -> tuple[type[UnreadableError], tuple[str]]:
        return MissingReaderError, (self.message,)
