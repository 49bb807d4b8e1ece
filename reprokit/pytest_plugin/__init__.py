"""The pytest plugin: tests that are run again in fresh processes, baselines, and the rebuild test of bundles.

Every pytest session of an environment loads this file, most of them without a test that uses it. So it imports the
standard library and pytest, and what a hook needs is imported when the hook has something to do.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from pathlib import Path

    from reprokit.pytest_plugin.fixture import Repro

SPOKEN = pytest.StashKey[bool]()
"""Whether the command line or the ini file says anything about this plugin."""
INNER_VARIABLE = "REPROKIT_PYTEST_RUN"
"""Names the directory of a fresh process, in its environment."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declares the options and their ini twins."""
    from reprokit.pytest_plugin.options import add_options

    add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declares the hooks that other plugins may implement."""
    from reprokit.pytest_plugin import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


@pytest.hookimpl(wrapper=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, object, object]:
    """In a fresh process: takes over the outer session's options before any plugin looks at them."""
    directory = os.environ.pop(INNER_VARIABLE, None)  # what the test starts is not one of our processes
    if directory is not None:
        from reprokit.pytest_plugin.inner import activate

        activate(config, directory)
    return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Names the marker and settles the options."""
    from reprokit.pytest_plugin.options import MARKER
    from reprokit.pytest_plugin.settings import settle

    config.addinivalue_line("markers", MARKER)
    settle(config)
    if _silent(config):
        return
    if config.stash[SPOKEN] or _distributed(config):
        _gather(config)
    if config.option.repro_verify or config.getini("repro_verify"):
        from reprokit.pytest_plugin.release import activate as activate_release

        activate_release(config)
    if config.option.repro_prune:
        from reprokit.pytest_plugin.pruning import activate

        activate(config)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """xdist: gives every worker the same seed, also where it was drawn."""
    from reprokit.pytest_plugin.settings import SEED

    node.workerinput[SEED] = node.config.option.repro_seed


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collects bundles: each is a rebuild test."""
    if file_path.name.endswith(".repro.tar.zst") and parent.config.option.repro != "off":
        from reprokit.pytest_plugin.rebuild import collect

        _gather(parent.config)
        return collect(file_path, parent)
    return None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marked tests will run in fresh processes."""
    if _silent(config):
        return
    if any(map(_uses, items)):
        _gather(config)
    marked = [item for item in items if item.get_closest_marker("repro") is not None]
    if marked:
        from reprokit.pytest_plugin.outer import take_over

        take_over(config, marked)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Remembers whether the body failed: a failed test writes no baseline."""
    if call.when == "call" and "repro" in getattr(item, "fixturenames", ()):
        from reprokit.pytest_plugin.fixture import FAILED

        item.stash[FAILED] = call.excinfo is not None


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Seed, level and fingerprint, where the user asked for something of this plugin."""
    if not config.stash[SPOKEN] or _silent(config):
        return []
    from reprokit.pytest_plugin.summary import header

    return header(config)


def pytest_report_collectionfinish(config: pytest.Config, items: Iterable[pytest.Item]) -> list[str]:
    """The same, where a test that was collected uses it."""
    if config.stash[SPOKEN] or _silent(config) or not any(map(_uses, items)):
        return []
    from reprokit.pytest_plugin.summary import header

    return header(config)


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """What differs between two arrays or tensors."""
    if op != "==" or not (hasattr(left, "dtype") and hasattr(right, "dtype")):
        return None
    from reprokit.pytest_plugin.checks import assertion_lines

    return assertion_lines(op, left, right)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """What the tests that use it have shown."""
    reports = config.pluginmanager.get_plugin("reprokit-reports")
    if reports is not None and reports.outcomes:
        from reprokit.pytest_plugin.summary import summarise

        summarise(terminalreporter, config, reports.outcomes)


@pytest.fixture
def repro(request: pytest.FixtureRequest) -> Generator[Repro, None, None]:
    """Checks against baselines, a seed, and invariances: see `reprokit.pytest_plugin.fixture.Repro`."""
    from reprokit.pytest_plugin.fixture import opened

    with opened(request) as found:
        yield found


def _gather(config: pytest.Config) -> None:
    """Has what tests show gathered, from the moment on at which it is known that there will be something."""
    from reprokit.pytest_plugin.reports.plugin import NAME, activate

    if not config.pluginmanager.has_plugin(NAME):
        activate(config)


def _distributed(config: pytest.Config) -> bool:
    """Whether xdist is at work: its controller does not collect, so it cannot know what the tests will use."""
    return hasattr(config, "workerinput") or config.getoption("dist", "no") != "no"


def _silent(config: pytest.Config) -> bool:
    """Whether this session is none of ours: switched off, or the inside of a fresh process."""
    return config.option.repro == "off" or config.pluginmanager.has_plugin("reprokit-inner")


def _uses(item: pytest.Item) -> bool:
    return "repro" in getattr(item, "fixturenames", ()) or item.get_closest_marker("repro") is not None
