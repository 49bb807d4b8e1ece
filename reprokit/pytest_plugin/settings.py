"""Settles the plugin's options once a session: the command line first, then the ini file, then the defaults.

Settled values are written back into ``config.option``. Workers of xdist read the command line anew, so a seed that was
drawn reaches them by another way: their ``workerinput``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from reprokit.pytest_plugin import SPOKEN
from reprokit.pytest_plugin.options import LARGEST_SEED, LEVELS, MODES, TWINS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

DEFAULTS: dict[str, Any] = {
    "repro": "check", "repro_runs": None, "repro_level": "full", "repro_seed": 0, "repro_timeout": None,
}  # fmt: skip
_FLAGS = ("repro_update", "repro_update_new_only", "repro_prune", "repro_report", "repro_due", "repro_trust",
          "repro_verify")  # fmt: skip
_OTHER_KEYS = ("repro_junit",)


def settle(config: pytest.Config) -> None:
    """Reads, checks and fills in every setting.

    Raises:
        pytest.UsageError: RPK061, a value or an ini key is not one that there is.
    """
    _check_keys(config)
    spoken = any(getattr(config.option, name, None) for name in _FLAGS) or any(map(_is_ours, _keys(config)))
    for twin in TWINS:
        if not twin.option:
            continue
        given = getattr(config.option, twin.ini, None)
        where = f"--{twin.ini.replace('_', '-')}"
        if given is None:
            given, where = str(config.getini(twin.ini) or "").strip() or None, f"the ini key {twin.ini}"
        spoken = spoken or given is not None
        read = _READ[twin.ini]
        value = DEFAULTS[twin.ini] if given is None else given if not isinstance(given, str) else read(given, where)
        setattr(config.option, twin.ini, value)
    config.option.repro_seed = getattr(config, "workerinput", {}).get(SEED, config.option.repro_seed)
    if config.option.repro_update and config.option.repro_update_new_only:
        raise refusal("--repro-update and --repro-update-new-only exclude each other")
    if config.option.repro == "off" and (config.option.repro_update or config.option.repro_update_new_only):
        raise refusal("--repro=off runs nothing of this plugin, so there is nothing that --repro-update could write")
    config.stash[SPOKEN] = spoken


def refusal(message: str, hint: str = "") -> pytest.UsageError:
    """The error for what the plugin was told and cannot do."""
    return pytest.UsageError(f"RPK061: {message}" + (f"\n{hint}" if hint else ""))


def one_of(value: str, known: tuple[str, ...], where: str) -> str:
    """Returns ``value`` if it is among ``known``.

    Raises:
        pytest.UsageError: RPK061, it is not; the nearest one is named.
    """
    if value in known:
        return value
    raise refusal(f"{where}: {value!r} is none of {', '.join(known)}{_guess(value, known)}")


def _guess(value: str, known: tuple[str, ...]) -> str:
    import difflib

    near = difflib.get_close_matches(value, known, 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _check_keys(config: pytest.Config) -> None:
    """An ini key of ours that does not exist is an error, not a warning: it may be a misspelt one."""
    known = (*(twin.ini for twin in TWINS), *_FLAGS, *_OTHER_KEYS)
    for key in _keys(config):
        if _is_ours(key) and key not in known:
            raise refusal(f"unknown ini key {key!r}{_guess(key, known)}", f"Known keys: {', '.join(known)}.")


def _keys(config: pytest.Config) -> Iterable[str]:
    """The keys of the ini file, and of ``-o``."""
    return config._inicfg if hasattr(config, "_inicfg") else config.inicfg  # the public name warns from pytest 9 on


def _is_ours(key: str) -> bool:
    return key == "repro" or key.startswith("repro_")


def _mode(value: str, where: str) -> str:
    return one_of(value, MODES, where)


def _level(value: str, where: str) -> str:
    return one_of(value, LEVELS, where)


def read_runs(value: str, where: str) -> int:
    """A number of runs: 2 or more, since one run agrees with itself."""
    return _number(value, where, 2, 1000)


SEED = "reprokit_seed"
"""The session's seed among what xdist gives a worker."""


def _seed(value: str, where: str) -> int:
    if value == "random":
        import secrets

        return secrets.randbelow(LARGEST_SEED + 1)
    return _number(value, where, 0, LARGEST_SEED)


def _number(value: str, where: str, least: int, most: int) -> int:
    if value.isascii() and value.isdigit() and least <= int(value) <= most:
        return int(value)
    raise refusal(f"{where}: {value!r} is no whole number from {least} to {most}")


def read_seconds(value: str, where: str) -> float:
    """A positive number of seconds."""
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise refusal(f"{where}: {value!r} is no positive number of seconds")
    return seconds


_READ: dict[str, Callable[[str, str], Any]] = {
    "repro": _mode, "repro_runs": read_runs, "repro_level": _level, "repro_seed": _seed, "repro_timeout": read_seconds,
}  # fmt: skip
