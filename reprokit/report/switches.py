"""The switches as a person reads them in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprokit.report.screen import Page, Screen

if TYPE_CHECKING:
    from reprokit.schema.switches import SwitchList

_DEFAULT_SCREEN = Screen()


def render_switches(found: SwitchList, screen: Screen = _DEFAULT_SCREEN) -> str:
    """Renders the list as text ending in a newline: a paragraph for each switch."""
    page = Page(screen)
    page.line(f"{len(found.switches)} switches that a policy can set; costs are those that their documentation states")
    for one in found.switches:
        page.title(one.name)
        page.fields(
            [("values", one.values), ("effect", one.meaning), ("cost", one.cost), ("since", one.since or "any")]
        )
    return page.render()
