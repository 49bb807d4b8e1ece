"""The parameters of a run as JSON has them."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from reprokit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


def plain_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """All parameters of a run.

    Raises:
        UsageError: RPK081, a name is no text, or a value is no plain value.
    """
    plain = {}
    for name, value in params.items():
        if not isinstance(name, str):
            raise UsageError("RPK081", f"the name {name!r} of a parameter is no text")
        plain[name] = plain_value(value, name)
    return plain


def plain_value(value: Any, name: str) -> Any:
    """A parameter as JSON has it; scalars of NumPy and PyTorch become numbers, paths become text.

    Raises:
        UsageError: RPK081.
    """
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if type(value).__module__.partition(".")[0] in ("numpy", "torch") and getattr(value, "shape", None) == ():
        value = value.item()
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: plain_value(item, f"{name}.{key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_value(item, f"{name}[{index}]") for index, item in enumerate(value)]
    try:
        return json.loads(json.dumps(value))
    except (TypeError, ValueError):
        raise UsageError("RPK081", f"the parameter {name} is of type {type(value).__qualname__}") from None
