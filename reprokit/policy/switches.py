"""Every switch by name. Another one is a record in `reprokit.policy.records`; nothing else needs to know of it."""

from __future__ import annotations

from difflib import get_close_matches
from types import MappingProxyType
from typing import TYPE_CHECKING

from reprokit.errors import UsageError
from reprokit.policy.records.of_libraries import LIBRARIES
from reprokit.policy.records.of_process import PROCESS
from reprokit.policy.records.of_tensorflow import JAX, TENSORFLOW
from reprokit.policy.records.of_torch import TORCH
from reprokit.policy.switch import Switch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["SWITCHES", "VARIABLES", "Switch", "near", "switch"]

SWITCHES: Mapping[str, Switch] = MappingProxyType(
    {record.name: record for record in (*PROCESS, *LIBRARIES, *TORCH, *TENSORFLOW, *JAX)}
)
"""Name -> record, in the order of the reference."""

VARIABLES: Mapping[str, str] = MappingProxyType({s.name: s.variable for s in SWITCHES.values() if s.variable})
"""Name -> environment variable, for the switches that have one."""


def switch(name: str) -> Switch:
    """The record of a switch.

    Raises:
        UsageError: RPK121, there is none; names like it are named.
    """
    found = SWITCHES.get(name)
    if found is None:
        raise UsageError("RPK121", f"there is no switch {name!r}{near(name, SWITCHES)}")
    return found


def near(name: str, known: Iterable[str]) -> str:
    """Names like ``name``, as the end of a sentence; empty where none is like it.

    >>> near("fats", ["fast", "none"])
    '; did you mean fast?'
    """
    names = list(known)
    close = get_close_matches(name, names, n=3, cutoff=0.6) or [n for n in names if name and name in n][:3]
    return f"; did you mean {' or '.join(close)}?" if close else ""
