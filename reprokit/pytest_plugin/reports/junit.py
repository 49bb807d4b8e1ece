"""JUnit properties that every schema allows.

``junit_family`` decides: ``xunit1`` and ``legacy`` have properties of a test case, so an item's stand there. The schema
of ``xunit2`` (Jenkins' junit-10.xsd) has none there, and CI servers refuse a file that has them, so they stand among
the properties of the suite, named by the test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reprokit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pytest

PROPERTIES = {name: f"reprokit.{name}" for name in ("tier", "target", "status", "code")}
"""Field of an outcome -> name of its property; the ini option ``repro_junit`` renames them or leaves them out."""


def names_of(config: pytest.Config) -> dict[str, str]:
    """Which properties are written, and under which names: lines ``field = name``; an empty name leaves one out.

    Raises:
        UsageError: RPK091, a line names no field.
    """
    try:
        lines: Any = config.getini("repro_junit")
    except ValueError:  # the option is not registered
        lines = []
    names = dict(PROPERTIES)
    for line in lines:
        field, equals, name = (part.strip() for part in str(line).partition("="))
        if not equals or field not in PROPERTIES:
            known = ", ".join(PROPERTIES)
            raise UsageError("RPK091", f"repro_junit: {line!r} is not FIELD = NAME", f"Known fields: {known}.")
        names[field] = name
    return {field: name for field, name in names.items() if name}


def add_to_test(config: pytest.Config, report: pytest.TestReport, outcome: Mapping[str, Any]) -> None:
    """Adds an item's properties to its own report, where the family allows that."""
    if _writes_junit(config) and _family(config) != "xunit2":
        report.user_properties += _pairs(config, outcome)


def add_to_suite(config: pytest.Config, outcomes: Iterable[Mapping[str, Any]]) -> None:
    """Adds all items' properties to the suite under ``xunit2``; called once, on the controller."""
    if not _writes_junit(config) or _family(config) != "xunit2":
        return
    from _pytest.junitxml import xml_key  # pytest's public way in, a fixture, is closed once the tests are over

    suite = config.stash.get(xml_key, None)
    if suite is None:
        return
    for outcome in sorted(outcomes, key=lambda one: str(one["nodeid"])):
        for name, value in _pairs(config, outcome):
            suite.add_global_property(f"{name}[{outcome['nodeid']}]", value)


def _pairs(config: pytest.Config, outcome: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(name, str(outcome[field])) for field, name in names_of(config).items() if outcome.get(field)]


def _writes_junit(config: pytest.Config) -> bool:
    """Workers know the path as well: xdist hands them the options."""
    return bool(config.getoption("xmlpath", None))


def _family(config: pytest.Config) -> str:
    return str(config.getini("junit_family"))
