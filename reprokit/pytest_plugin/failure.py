"""The failure of a marked test."""

from __future__ import annotations

from typing import Any

import pytest


class MarkedTestError(pytest.fail.Exception):  # type: ignore[misc, name-defined]
    """A marked test failed.

    Args:
        code: of the catalogue; empty where the test failed in its own right.
        message: the text that is shown; starts with a headline.
        longrepr: the test's own failure as pytest shows it, instead of the message.
        status: ``unverified`` where nothing could be established.
        tier: the one reached, where the runs were compared.
        divergence: where the runs part, in one sentence.
        diverged: the runs differ, so that no rerun may pass.
        run: the run whose output is shown.
    """

    def __init__(
        self, code: str, message: str, *, longrepr: Any = None, status: str = "verified", tier: str | None = None,
        divergence: str = "", diverged: bool = False, run: int = 1,
    ) -> None:  # fmt: skip
        super().__init__(f"{code}: {message}" if code else message, pytrace=False)
        self.code = code
        self.longrepr = longrepr
        self.status = status
        self.tier = tier
        self.divergence = divergence
        self.diverged = diverged
        self.run = run


def crash_report(text: str, path: str, line: int) -> Any:
    """A failure as pytest shows one, so that the short summary and JUnit files have its headline, too."""
    from _pytest._code.code import ReprEntryNative, ReprExceptionInfo, ReprFileLocation, ReprTraceback

    entry = ReprEntryNative([part + "\n" for part in text.split("\n")])
    return ReprExceptionInfo(
        reprtraceback=ReprTraceback([entry], None, "native"),
        reprcrash=ReprFileLocation(path, line, text.partition("\n")[0]),
    )
