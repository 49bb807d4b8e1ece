"""Reads a setting: the command line wins over the ini file, and what neither gives is the default."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest


def given(config: pytest.Config, name: str, default: Any = None) -> Any:
    """The value of ``--repro-NAME`` or of its ini twin.

    Args:
        config: the session's.
        name: the option's destination and the ini key, ``repro_report`` for example.
        default: stands for a value that is given nowhere, also where this process has no such option.
    """
    value = config.getoption(name, None)
    if value not in (None, False, []):
        return value
    try:
        stored = config.getini(name)
    except (ValueError, KeyError):  # no ini key of this name
        return default
    return default if stored in (None, "", False, []) else stored
