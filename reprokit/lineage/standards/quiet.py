"""Keeps a library from writing to a person's terminal what the caller says in its own words."""

from __future__ import annotations

import contextlib
import logging
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def quiet(*loggers: str) -> Iterator[None]:
    """Within it, these libraries neither log nor warn: some log a whole traceback of an error that they then handle."""
    known = [logging.getLogger(name) for name in loggers]
    levels = [one.level for one in known]
    try:
        for one in known:
            one.setLevel(logging.CRITICAL + 1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for one, level in zip(known, levels, strict=True):
            one.setLevel(level)
