"""Where reprokit keeps what outlives one command: which bundles were recorded here, by this user."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def state_directory() -> Path:
    """``$REPROKIT_HOME``, else ``$XDG_STATE_HOME/reprokit``, else ``~/.local/state/reprokit``."""
    explicit = os.environ.get("REPROKIT_HOME")
    if explicit:
        return Path(explicit)
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "reprokit"


def remember_recorded(bundle_id: str) -> None:
    """Notes that a bundle was recorded here, so that its replay needs no ``--trust``. Never fails."""
    with suppress(OSError, RuntimeError):
        directory = state_directory() / "recorded"
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        (directory / bundle_id.replace(":", "-")).touch()


def recorded_here(bundle_id: str) -> bool:
    """Whether a bundle was recorded here by this user."""
    try:
        return (state_directory() / "recorded" / bundle_id.replace(":", "-")).exists()
    except (OSError, RuntimeError):
        return False
