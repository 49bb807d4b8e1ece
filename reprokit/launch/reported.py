"""What the processes of a run said of it through the API: parameters and seed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reprokit.capture.secret_names import secret_name
from reprokit.capture.secrets import REDACTED, scrub
from reprokit.launch.texts import text_of
from reprokit.schema.base import plain_numbers
from reprokit.schema.manifest import Notice

if TYPE_CHECKING:
    from reprokit.observe.reading import ObservedProcess


@dataclass
class Reported:
    """Fields of the run's description, and what there is to warn of."""

    fields: dict[str, Any] = field(default_factory=dict)
    warnings: list[Notice] = field(default_factory=list)


def reported_by(processes: list[ObservedProcess], policy: str) -> Reported:
    """Merges what the processes reported; of two that name the same parameter, the first to start counts.

    Several ranks report the same values. Values that look like credentials are left out.

    Args:
        processes: those that said hello.
        policy: the recording's own.
    """
    params: dict[str, Any] = {}
    seeds = [process.seed for process in processes if process.seed is not None]
    withheld = []
    for process in processes:
        for name, value in process.params.items():
            key = text_of(name)
            if key in params:
                continue
            secret = (isinstance(value, str) and secret_name(name)) or scrub(json.dumps({name: value}))[1]
            params[key] = REDACTED if secret else plain_numbers(_texts(value))
            withheld += [key] if secret else []
    seed = plain_numbers(seeds[0]) if seeds else None
    warnings = [
        Notice(code="RPK045", message=f"the parameter {name} looks like a credential and was left out")
        for name in withheld
    ]
    others = {asked for process in processes for asked in process.policies} - {policy}
    warnings += [
        Notice(code="RPK086", message=f"a run asked for the policy {asked}; the recording's own is {policy}")
        for asked in sorted(others)
    ]
    return Reported({"params": params, "seed": seed}, warnings)


def _texts(value: Any) -> Any:
    """The same JSON with texts that can be written as UTF-8."""
    if isinstance(value, str):
        return text_of(value)
    if isinstance(value, dict):
        return {text_of(key): _texts(item) for key, item in value.items()}
    return [_texts(item) for item in value] if isinstance(value, list) else value
