"""Inside a fresh process: runs the one test that it was started for, and writes down what the test showed.

The outer process (`outer`) starts it with a directory that holds ``plan.json``; ``result.json`` and arrays go there.
"""

from __future__ import annotations

import difflib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from reprokit.pytest_plugin.carried import BENCHMARK_OFF, IN_THE_WAY
from reprokit.pytest_plugin.returned import catch_return

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from reprokit.compare.files.content import Leaf
    from reprokit.compare.values.stored import Store

NAME = "reprokit-inner"
PLAN = "plan.json"
RESULT = "result.json"
VALUES = "values"
_SECTION = 64 << 10  # characters of captured output that go home, half from its head and half from its tail


def activate(config: pytest.Config, directory: str) -> None:
    """Makes this pytest session an inner one."""
    plan = json.loads(Path(directory, PLAN).read_text())
    for name, value in plan["options"].items():
        if hasattr(config.option, name):  # a plugin that is not loaded here has declared no option
            setattr(config.option, name, value)
    if hasattr(config.option, BENCHMARK_OFF):
        setattr(config.option, BENCHMARK_OFF, True)
    config.pluginmanager.register(Inner(config, Path(directory), plan["nodeid"]), NAME)


def inner_of(config: pytest.Config) -> Inner | None:
    """The inner side, if this is a fresh process of a marked test."""
    found = config.pluginmanager.get_plugin(NAME)
    return found if isinstance(found, Inner) else None


class Inner:
    """Gathers what one test shows.

    Args:
        config: of this process.
        directory: gets the result.
        nodeid: the test.
    """

    def __init__(self, config: pytest.Config, directory: Path, nodeid: str) -> None:
        self._config = config
        self._directory = directory
        self._nodeid = nodeid
        self._pid = os.getpid()  # a child that the test forks and that comes back here must not write for us
        self._store: Store | None = None
        self._result: dict[str, Any] = {
            "reports": [], "collection": [], "near": None, "checks": {}, "returned": None, "generators": {},
        }  # fmt: skip

    def keep(self, name: str, value: object, tolerance: Mapping[str, float | None], *, store: bool) -> None:
        """Keeps a checked value.

        Raises:
            UsageError: RPK070, RPK071, the value cannot be compared; RPK077, the name is no name, or taken.
        """
        from reprokit.compare.values import flatten
        from reprokit.errors import UsageError

        if not isinstance(name, str) or not name:
            raise UsageError("RPK077", f"a check needs a name: {name!r} is none")
        if name in self._result["checks"]:
            raise UsageError("RPK077", f"the test checks {name!r} twice")
        kept = {"leaves": self._put(flatten(value)), "tolerance": dict(tolerance), "store": store}
        self._result["checks"][name] = kept

    def _put(self, leaves: Mapping[str, Leaf]) -> dict[str, Any]:
        if self._store is None:
            from reprokit.compare.values.stored import Store

            (self._directory / VALUES).mkdir(exist_ok=True)
            self._store = Store(self._directory / VALUES)
        return self._store.put(leaves)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Plugins that would run a test otherwise than once, in this process, are taken out."""
        manager = session.config.pluginmanager
        for name in IN_THE_WAY:
            if manager.has_plugin(name):
                manager.unregister(name=name)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Notes why a file could not be collected."""
        if report.failed:
            self._result["collection"].append(_bounded(report.longreprtext))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leaves the one test."""
        wanted = [item for item in items if item.nodeid == self._nodeid]
        if not wanted:
            known = [item.nodeid for item in items]
            self._result["near"] = difflib.get_close_matches(self._nodeid, known, 3, 0.4) or known[:3]
        items[:] = wanted[:1]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        """Catches the return value, and looks at the generators before and after the test's body."""
        before = _generators()
        caught: list[Any] = []
        catch_return(item, caught)
        try:
            return (yield)
        finally:
            after = _generators()
            # Drawn from: changed by the body. A module that the body imported is new, and says nothing.
            self._result["generators"] = {
                name: state for name, state in after.items() if name in before and before[name] != state
            }
            if caught and caught[0] is not None:
                from reprokit.compare.values import flatten

                self._result["returned"] = self._put(flatten(caught[0]))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keeps a phase's report."""
        report.sections = [(title, _bounded(text)) for title, text in report.sections]
        hook = self._config.hook
        self._result["reports"].append(hook.pytest_report_to_serializable(config=self._config, report=report))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Hands in the result, whole or not at all."""
        if os.getpid() != self._pid:
            return
        temporary = self._directory / f".{RESULT}"
        temporary.write_text(json.dumps(self._result, default=str))
        temporary.replace(self._directory / RESULT)


def _generators() -> dict[str, str]:
    """Digests of the states of the global generators that exist in this process."""
    import sys

    from reprokit.digest import tensor_hash
    from reprokit.observe.rng import GeneratorStates

    if "numpy" in sys.modules:  # else its global generator would come into being in the middle of the test
        import numpy.random  # noqa: F401
    torch = sys.modules.get("torch")
    extra = []
    if torch is not None and hasattr(torch, "get_rng_state"):
        extra.append(("torch", torch.get_rng_state().numpy().tobytes()))
    names, digests = GeneratorStates().digests(tensor_hash(), extra)
    return {name: digest.hex() for name, digest in zip(names, digests, strict=True)}


def _bounded(text: str) -> str:
    if len(text) <= _SECTION:
        return text
    half = _SECTION // 2
    return f"{text[:half]}\n... {len(text) - _SECTION} characters left out ...\n{text[-half:]}"
