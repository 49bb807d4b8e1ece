"""The renderers that turn a verdict into text for a file, by name.

Others may add theirs under the entry point group ``reprokit.renderers``.
"""

from __future__ import annotations

import json
from importlib import metadata
from typing import TYPE_CHECKING

from reprokit.errors import UsageError
from reprokit.report.badge import badge_endpoint, badge_svg
from reprokit.report.markdown import to_markdown
from reprokit.report.terminal import render_verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from reprokit.schema.verdict import Verdict

ENTRY_POINTS = "reprokit.renderers"


def _json(verdict: Verdict) -> str:
    return json.dumps(verdict.to_json(), indent=2) + "\n"


def _endpoint(verdict: Verdict) -> str:
    return json.dumps(badge_endpoint(verdict), indent=2) + "\n"


FORMATS: dict[str, Callable[[Verdict], str]] = {
    "badge": badge_svg,
    "badge-endpoint": _endpoint,
    "json": _json,
    "markdown": to_markdown,
    "text": render_verdict,
}


def format_names() -> list[str]:
    """The names that `render` takes, those of other packages included."""
    return sorted({*FORMATS, *(point.name for point in metadata.entry_points(group=ENTRY_POINTS))})


def render(verdict: Verdict, format_name: str) -> str:
    """Renders a verdict in a named format.

    Raises:
        UsageError: RPK001, no renderer has this name.
        CorruptBundleError: RPK027, a badge was asked for and the verdict contradicts itself.
    """
    if format_name in FORMATS:
        return FORMATS[format_name](verdict)
    for point in metadata.entry_points(group=ENTRY_POINTS, name=format_name):
        renderer: Callable[[Verdict], str] = point.load()
        return renderer(verdict)
    raise UsageError("RPK001", f"there is no format {format_name!r}", f"Known formats: {', '.join(format_names())}.")
