"""Renderers of a verdict, one file a format.

`FORMATS` names those that turn a verdict into text for a file. Text for a terminal also depends on the screen, so it
has its own functions.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reprokit.report.badge import badge_endpoint, badge_svg, badge_text, carried_digest, check_badge, verdict_digest
    from reprokit.report.formats import FORMATS, format_names, render
    from reprokit.report.markdown import to_markdown
    from reprokit.report.screen import Screen, screen_of
    from reprokit.report.summaries import render_inspect, render_record
    from reprokit.report.terminal import render_verdict

_HOMES = {
    "badge_endpoint": "badge", "badge_svg": "badge", "badge_text": "badge", "check_badge": "badge",
    "carried_digest": "badge",
    "verdict_digest": "badge", "FORMATS": "formats", "format_names": "formats", "render": "formats",
    "to_markdown": "markdown", "Screen": "screen", "screen_of": "screen", "render_inspect": "summaries",
    "render_record": "summaries", "render_verdict": "terminal",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Imports a renderer when it is first asked for: `inspect` must not wait for the badge's XML library."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


__all__ = [
    "FORMATS",
    "Screen",
    "badge_endpoint",
    "badge_svg",
    "badge_text",
    "carried_digest",
    "check_badge",
    "format_names",
    "render",
    "render_inspect",
    "render_record",
    "render_verdict",
    "screen_of",
    "to_markdown",
    "verdict_digest",
]
