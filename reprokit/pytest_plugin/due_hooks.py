"""The hooks of ``--repro-due``, and of ``--repro=record`` where bundles are replayed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from reprokit.errors import ReprokitError
from reprokit.pytest_plugin.due import Due
from reprokit.pytest_plugin.given import given
from reprokit.pytest_plugin.rebuild import Rebuild
from reprokit.pytest_plugin.reports.outcomes import is_worker

if TYPE_CHECKING:
    from reprokit.pytest_plugin.reports.plugin import Reports

NAME = "reprokit-due"


def activate_due(config: pytest.Config, reports: Reports) -> None:
    """Registers the hooks where ``--repro-due`` or ``--repro=record`` is given.

    Raises:
        pytest.UsageError: the number of days is none, or RPK092.
    """
    text = given(config, "repro_due")
    mode = given(config, "repro", "check")
    if mode == "off" or (text is None and mode != "record"):
        return
    try:
        days = None if text is None else float(text)
    except ValueError:
        days = math.nan
    if days is not None and not 0 <= days < math.inf:
        raise pytest.UsageError(f"--repro-due {text}: give a number of days, 7 for example; 0 leaves nothing out")
    try:
        due = Due(config.rootpath, reports.now)
    except ReprokitError as error:
        raise pytest.UsageError(f"{error}\n{error.hint}") from None
    config.pluginmanager.register(DueHooks(reports, due, days, record=mode == "record"), NAME)


class DueHooks:
    """Leaves out what is not due, and notes what was replayed."""

    def __init__(self, reports: Reports, due: Due, days: float | None, *, record: bool) -> None:
        self.reports, self.due, self.days, self.record = reports, due, days, record

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Deselects the bundles that were replayed with success not longer ago."""
        if self.days is None:
            return
        left_out = [item for item in items if isinstance(item, Rebuild) and not self._is_due(item, self.days)]
        if left_out:
            self.reports.not_due = [item.nodeid.partition("::")[0] for item in left_out]
            items[:] = [item for item in items if item not in set(left_out)]
            config.hook.pytest_deselected(items=left_out)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Notes the successes, on the controller only."""
        if not self.record or is_worker(session.config):
            return
        try:
            count = self.due.record(self.reports.outcomes.values())
        except ReprokitError as error:
            self.reports.lines.append(f"error {error.code}: {error.message}. {error.hint}")
            session.exitstatus = session.exitstatus or pytest.ExitCode.INTERNAL_ERROR
            return
        if count:
            self.reports.lines.append(f"noted {count} successful replay{'' if count == 1 else 's'} in {self.due.path}")

    def _is_due(self, item: Rebuild, days: float) -> bool:
        """A bundle that cannot be read is due: its replay says what is wrong with it."""
        from reprokit.digest import sha256_bytes
        from reprokit.launch.opening import peek

        try:
            document, manifest = peek(item.path)
            claimed = (document.get("run") or {}).get("config", {}).get("target", "bitwise")
            return self.due.is_due(sha256_bytes(manifest), str(item.target() or claimed), days)
        except (ReprokitError, AttributeError, ValueError):
            return True
