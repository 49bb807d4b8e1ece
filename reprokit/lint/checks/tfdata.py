"""`tf.data`: order that is given up, and random numbers in parallel maps."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reprokit.lint.checks.invocation import Invocation

_STATEFUL = {"uniform", "normal", "truncated_normal", "shuffle", "random_flip_left_right", "random_flip_up_down",
             "random_brightness", "random_contrast", "random_crop", "random_hue", "random_saturation",
             "random_jpeg_quality",
             "categorical", "gamma", "poisson"}  # fmt: skip


def _parallel(made: Invocation) -> None:
    walk, node = made.walk, made.node
    ordered, parallel = made.keywords.get("deterministic"), made.keywords.get("num_parallel_calls")
    if ordered is not None and ordered.detail is False:
        text = f".{made.name}(deterministic=False) hands out elements in the order in which they become ready"
        walk.report("RPL050", node, text, unless=("tensorflow-deterministic",))
    if parallel is None or parallel.kind == "none" or parallel.detail == 1 or made.name != "map" or not node.args:
        return
    drawn = _draws(made, node.args[0])
    if drawn:
        text = (
            f"{drawn} runs in a parallel map: which element gets which number depends on the threads, whatever the seed"
        )
        walk.report("RPL051", node, text, unless=("tensorflow-deterministic",))


def _draws(made: Invocation, given: ast.expr) -> str:
    """The first stateful random operation in the function that is mapped."""
    body: ast.AST | None = given if isinstance(given, ast.Lambda) else None
    value = made.args[0]
    if value.kind == "function" and value.detail.node is not None:
        body = value.detail.node
    if body is None:
        return ""
    for part in ast.walk(body):
        if (
            not isinstance(part, ast.Call)
            or not isinstance(part.func, ast.Attribute)
            or part.func.attr not in _STATEFUL
        ):
            continue
        name = ast.unparse(part.func)
        if ".random." in name or ".image." in name:
            return f"{name}()"
    return ""


METHODS = {"map": _parallel, "interleave": _parallel, "batch": _parallel, "padded_batch": _parallel}
