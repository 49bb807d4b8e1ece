"""pytest as a user starts it, in a project of its own, with the plugins that are named and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

Suite = "Callable[..., pytest.RunResult]"


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[..., pytest.RunResult]:
    """Runs pytest in a fresh process on the files in the test's directory.

    ``plugins`` are loaded beside reprokit's. `CI` is not set, whatever the machine says.
    """
    around = ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID")
    for name in ("CI", "BUILD_NUMBER", "TF_BUILD", "PYTHONHASHSEED", "GITHUB_STEP_SUMMARY", *around):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def run(*arguments: str, plugins: tuple[str, ...] = ()) -> pytest.RunResult:
        loaded = [word for name in ("reprokit.pytest_plugin", *plugins) for word in ("-p", name)]
        return pytester.runpytest_subprocess(*loaded, *arguments)

    return run


def said(result: pytest.RunResult) -> str:
    """All that pytest printed."""
    return result.stdout.str() + result.stderr.str()
