"""Digests what a model was called with: the tensors and numbers in its arguments, by name."""

from __future__ import annotations

from collections import UserDict
from typing import TYPE_CHECKING, Any

from reprokit.frameworks.torch.state import column
from reprokit.trace.raw import Column

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reprokit.frameworks.torch.tensors import TensorDigester

_DEPTH = 4
_TENSORS = 32


def _leaves(torch: Any, value: Any, name: str, depth: int = 0) -> Iterator[tuple[str, Any]]:
    kind = type(value)  # isinstance() may run code of the user's classes
    if issubclass(kind, torch.Tensor):
        if value.is_leaf:  # what an earlier call computed is no input: it would pass for another batch
            yield name, value
    elif issubclass(kind, (int, float)):
        yield name, value
    elif depth < _DEPTH and issubclass(kind, (dict, UserDict)):
        items = value.data if issubclass(kind, UserDict) else value
        for key, item in dict.items(items):  # other mappings may compute, or draw, what they are asked for
            yield from _leaves(torch, item, f"{name}.{key}", depth + 1)
    elif depth < _DEPTH and issubclass(kind, (list, tuple)):
        elements = list.__iter__(value) if issubclass(kind, list) else tuple.__iter__(value)
        for index, item in enumerate(elements):
            yield from _leaves(torch, item, f"{name}[{index}]", depth + 1)


def describe(
    torch: Any, digester: TensorDigester, call: int, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Column, ...], bytes]:
    """Columns and digests of the inputs of the step's ``call``-th model call (from 1)."""
    columns: list[Column] = []
    digests: list[bytes] = []
    named = [(f"input {index}", value) for index, value in enumerate(args)] + list(kwargs.items())
    prefix = "" if call == 1 else f"call {call}: "
    for name, value in named:
        for path, leaf in _leaves(torch, value, name):
            if len(columns) >= _TENSORS:
                break
            key, label = f"{call}/{path}", f"{prefix}{path}"
            if issubclass(type(leaf), torch.Tensor):
                columns.append(column(key, label, leaf))
                digests.append(digester.one(leaf))
            else:
                columns.append(Column(key, label, type(leaf).__name__))
                digests.append(digester.scalar(leaf))
    return tuple(columns), b"".join(digests)
