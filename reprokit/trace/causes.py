"""What the first differing part of a step speaks for: the kind of cause."""

from __future__ import annotations

from reprokit.trace.columns import EXECUTION_ORDER

CAUSES = {
    "entry": "update",
    "batch": "data order",
    "rng": "random draws",
    "loss": "forward numerics",
    "gradients": "backward numerics",
    "parameters": "update",
    "optimizer": "update",
    "lr": "update",
}
"""What the first differing part speaks for."""


_AFTER_ENTRY = ("loss", "gradients")


def classify(here: dict[str, bool], key: int, previous: int, unseen: set[str]) -> tuple[str, str, str]:
    """The first differing part of a step, what it speaks for, and a sentence on it.

    Parts are ordered as they happen, with one refinement: when the generators' states differ already before the
    forward pass, other draws were made before the batch was, so a batch that differs too is the consequence.

    Args:
        here: the parts that differ in this step; of the generators' states, whether they did before the forward pass.
        key: ``2 * step``, and one more for the state at exit.
        previous: the step of the row before this one.
        unseen: parts of this step that could not be looked at.
    """
    step = key // 2
    drawn_before = here.get("rng", False)
    if "entry" in here:
        if previous:
            detail = f"changed between update {previous} and the forward pass of step {previous + 1}"
            return "entry", "update", detail
        cause = "random draws" if drawn_before else "initial state"
        return "entry", cause, "the parameters differ before the first forward pass"
    if drawn_before:
        return "rng", CAUSES["rng"], "the generators' states differ before the forward pass"
    order = [part for part in EXECUTION_ORDER if part in here] or sorted(here)
    part = order[0]
    detail = f"everything digested before it in step {step} is equal"
    if "entry" in unseen and part in _AFTER_ENTRY:
        detail += (
            "; the parameters were not digested when it began, so they may have changed since the update before it"
        )
    if key % 2:
        detail = f"in the state at exit, after step {step}"
    return part, _cause(part, unseen), detail


def _cause(part: str, unseen: set[str]) -> str:
    """What ``part`` speaks for, and what else it may be because an earlier part of the step was not seen."""
    possible = [CAUSES.get(part, "unknown")]
    if part in ("parameters", "optimizer") and "gradients" in unseen:
        possible.insert(0, CAUSES["gradients"])
    if part == "loss" and "batch" in unseen:
        possible.insert(0, CAUSES["batch"])
    if part in _AFTER_ENTRY and "entry" in unseen:
        possible.insert(0, CAUSES["entry"])
    return " or ".join(possible)
