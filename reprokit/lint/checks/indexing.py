"""Writing to tensors by index: which index is a tensor's, and which places may occur twice."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reprokit.lint.findings import Level
    from reprokit.lint.values import Value
    from reprokit.lint.walk import Walk


def written(walk: Walk, target: ast.Subscript, base: Value, index: Value, value: ast.expr, *, augmented: bool) -> None:
    """`base[index] = value` or `base[index] += value`.

    `x[idx] = v` on a tensor is index_put_ without accumulation, and so is `x[idx] += v`, after a read. A mask, a slice,
    an integer, or places that are all different write each place once; a constant writes the same wherever it goes.
    """
    if base.kind != "tensor":
        return
    kind = _places(index)
    if kind != "repeated":
        return
    same = isinstance(value, ast.Constant) or (
        isinstance(value, ast.UnaryOp) and isinstance(value.operand, ast.Constant)
    )
    if same and not augmented:
        return
    name = ast.unparse(target)
    shown = name if len(name) <= 40 else name[:37] + "..."
    if augmented:
        text = f"{shown} is updated at places given by a tensor: where a place occurs twice, one of the updates is lost"
        if same:
            text += "; they are all the same number here, so the result repeats, but it is not a count"
        else:
            text += ", and which one is undefined"
    else:
        text = (
            f"{shown} is written at places given by a tensor: where a place occurs twice, which write wins is undefined"
        )
    level: Level | None = "note" if same else None
    walk.report("RPL042", target, text, level=level, unless=() if augmented and same else ("torch-deterministic",))


def _places(index: Value) -> str:
    """``once`` when each place occurs at most once, ``repeated`` when one may occur twice, ``unknown`` otherwise."""
    parts = index.parts if index.kind == "tuple" and index.parts else [index]
    kinds = {_place(part) for part in parts}
    if "once" in kinds:
        return "once"
    return "repeated" if "repeated" in kinds else "unknown"


def _place(part: Value) -> str:
    if part.kind in {"tensor", "batch"}:
        return "once" if part.detail in {"mask", "unique"} else "repeated"
    if part.kind == "list" and isinstance(part.parts, list) and part.parts:
        constants = [item.detail for item in part.parts]
        if all(isinstance(item, int) for item in constants):
            return "once" if len(set(constants)) == len(constants) else "repeated"
    return "unknown"
