"""``--repro-verify``: every collected bundle must meet the release policy, too, after its replay.

The replay's verdict is what the policy's freshness and tier are judged by, so the two items of a bundle run in this
order and in one process.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import pytest

from reprokit.errors import Exit, ReprokitError
from reprokit.pytest_plugin.given import given
from reprokit.pytest_plugin.reports.outcomes import attach

if TYPE_CHECKING:
    import os

    from _pytest._code.code import ExceptionInfo

    from reprokit.schema.release import ReleaseReport

NAME = "reprokit-release"
_APART = ("load", "worksteal", "loadgroup")


def policy_of(config: pytest.Config) -> str | None:
    """The policy that bundles must meet: the ini key's, else ``release``; None where none is asked for."""
    asked = given(config, "repro_verify")
    return str(config.getini("repro_verify") or "release") if asked else None


def activate(config: pytest.Config) -> None:
    """Sees to it that a bundle is replayed before it is judged.

    Raises:
        pytest.UsageError: RPK061, xdist may run the two items of a bundle in two processes.
    """
    how = config.getoption("dist", "no")
    if how in _APART and not hasattr(config, "workerinput"):
        message = f"--repro-verify judges each bundle by its replay, and --dist {how} may run the two at once"
        raise pytest.UsageError(f"RPK061: {message}\nAdd --dist loadfile.")
    config.pluginmanager.register(_InOrder(), NAME)


class _InOrder:
    """Puts each release item behind the replay of its bundle, whoever shuffled them."""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        held = {item.path: item for item in items if isinstance(item, Release)}
        bundles = {item.path for item in items if not isinstance(item, Release)} & held.keys()
        ordered: list[pytest.Item] = []
        for item in items:
            if isinstance(item, Release):
                ordered += [] if item.path in bundles else [item]
            else:
                ordered += [item, held[item.path]] if item.path in bundles else [item]
        items[:] = ordered


class Release(pytest.Item):
    """The judgement of a bundle under the release policy; nothing is run."""

    def runtest(self) -> None:
        """Judges the bundle.

        Raises:
            ReleaseFailure: it does not meet the policy, or that could not be established.
            ReprokitError: the bundle is corrupt, or the graph cannot be had.
        """
        from reprokit.verbs.release import verify_release

        try:
            report = verify_release(str(self.path), self.policy)
        except ReprokitError as error:
            attach(self, self._outcome(status="unverified", code=error.code, reason=error.message))
            raise
        except Exception as error:  # shown by pytest with its stack; the reports must not pass over it
            attach(self, self._outcome(status="unverified", code="RPK031", reason=f"{error!r}"))
            raise
        attach(self, self._judged(report))
        if not report.met:
            from reprokit.report.release import render_release

            raise ReleaseFailure(f"{render_release(report)}\n    {self.command}")

    @property
    def policy(self) -> str:
        """The policy's name."""
        return policy_of(self.config) or "release"

    @property
    def command(self) -> str:
        """The command that shows the whole report."""
        path = self.path
        if path.is_relative_to(self.config.invocation_params.dir):
            path = path.relative_to(self.config.invocation_params.dir)
        return shlex.join(["reprokit", "verify", str(path), "--policy", self.policy])

    def _judged(self, report: ReleaseReport) -> dict[str, Any]:
        first = next(iter(report.findings), None)
        said = "; ".join(f"{one.code}: {one.message}" for one in report.findings)
        return self._outcome(
            status=str(report.status), code="" if first is None else first.code, reason=said, bundle=report.node
        )

    def _outcome(self, **fields: str) -> dict[str, Any]:
        return {"kind": "release", "command": self.command, **fields}

    def repr_failure(self, excinfo: ExceptionInfo[BaseException], style: Any = None) -> Any:
        """A judgement or an error of ours as text, without the stack of reprokit's own functions."""
        error = excinfo.value
        if isinstance(error, ReleaseFailure):
            return str(error)
        if isinstance(error, ReprokitError):
            from reprokit.report.wording import clean

            label = {Exit.UNVERIFIED: "UNVERIFIED", Exit.CORRUPT: "REFUSED"}.get(error.exit_status, "ERROR")
            return f"{label} {error.code}: {clean(error.message, 2000)}\n{error.hint}\n\n    {self.command}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        """Where this item stands: a bundle has no lines."""
        return self.path, None, f"release of {self.path.name}"


class ReleaseFailure(Exception):  # noqa: N818 - a judgement, and nothing went wrong
    """A bundle does not meet the policy; its text is the report."""
