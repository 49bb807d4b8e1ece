"""Hooks that a conftest.py or another plugin may implement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest


def pytest_reprokit_fingerprint(config: pytest.Config) -> Mapping[str, Any]:  # type: ignore[empty-body]
    """Facts beside those of the machine and its packages that decide whether bits can be expected to hold.

    They become part of the fingerprint under which baselines are stored. Values are text, numbers or None.

    Example:
        >>> def pytest_reprokit_fingerprint(config):
        ...     return {"kernels": "v3"}
    """


def pytest_reprokit_adapters(config: pytest.Config) -> Mapping[str, str]:  # type: ignore[empty-body]
    """Adapters for further frameworks: import name of the framework -> the adapter's module.

    The module has ``arm(module, session)``, as those in `reprokit.frameworks`; it is imported in the fresh processes of
    marked tests once they import the framework.

    Example:
        >>> def pytest_reprokit_adapters(config):
        ...     return {"myframework": "mypackage.reprokit_adapter"}
    """
