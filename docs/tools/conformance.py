"""Writes what each standard loses, from the modules that write them."""

from __future__ import annotations

from typing import Any

from reprokit.lineage.standards import STANDARDS, SYSTEMS, standard

_WAYS = {(True, True): "write and read", (True, False): "write", (False, True): "read"}


def table() -> str:
    """One line a standard, then a section for each with what it loses and what it keeps in fields of reprokit's."""
    modules: list[tuple[str, Any]] = [(name, standard(name)) for name in sorted({*STANDARDS, *SYSTEMS})]
    lines = ["| name | standard | extra | | loses |", "|---|---|---|---|---|"]
    for name, module in modules:
        way = _WAYS[hasattr(module, "write"), hasattr(module, "read")]
        lost = len(getattr(module, "LOSES", ()))
        count = "nothing" if not lost else f"{lost} kind{'s' if lost > 1 else ''} of facts"
        known = count if hasattr(module, "write") else "it is read only"
        extra = f"`{module.EXTRA}`" if module.EXTRA else "none"
        lines.append(f"| `{name}` | {module.TITLE} | {extra} | {way} | {known} |")
    return "\n".join([*lines, *(text for name, module in modules for text in _section(name, module))])


def _section(name: str, module: Any) -> list[str]:
    lost, aside = getattr(module, "LOSES", ()), getattr(module, "ASIDE", ())
    lines = ["", f"## {name}"]
    if lost:
        lines += ["", "Lost:", "", *(f"- {sentence}" for sentence in lost)]
    if aside:
        lines += ["", "Kept in fields of reprokit's own, which other programs pass over:", ""]
        lines += [f"- {sentence}" for sentence in aside]
    if unread := getattr(module, "UNREAD", ()):
        lines += ["", "Not read of documents that other programs wrote:", "", *(f"- {sentence}" for sentence in unread)]
    if not lost and not aside:
        lines += ["", "Nothing is lost." if hasattr(module, "write") else "It is read only."]
    return lines
