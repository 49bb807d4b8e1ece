"""Catches what a test function returns. Pytest does not pass it on, and warns of it."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest


def catch_return(item: pytest.Item, caught: list[Any]) -> None:
    """Replaces an item's function by one that appends its value to ``caught`` and returns None.

    Works for functions, methods, coroutines (an asyncio plugin wraps them later on) and `unittest` methods. A test of
    Hypothesis runs its function many times and returns nothing, so it is left alone.
    """
    function = getattr(item, "obj", None)
    if function is None or hasattr(function, "hypothesis"):
        return
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def awaited(*arguments: Any, **named: Any) -> None:
            caught.append(await function(*arguments, **named))

        item.obj = awaited  # type: ignore[attr-defined]
        return

    @functools.wraps(function)
    def called(*arguments: Any, **named: Any) -> None:
        caught.append(function(*arguments, **named))

    item.obj = called  # type: ignore[attr-defined]
