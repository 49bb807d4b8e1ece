"""What the lineage graph holds, and which models do not honour an opt-out list, for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprokit.errors.counting import counted
from reprokit.report.lineage_drawing import facts_of, short_of, title_of
from reprokit.report.screen import Page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reprokit.report.screen import Screen
    from reprokit.schema.lineage_answers import ImpactedModel, LineageImpact, LineageNode, LineageStore

_MOST_EVENTS = 30


def render_store(found: LineageStore, screen: Screen) -> str:
    """The store, its numbers, and the nodes that were asked for."""
    page = Page(screen)
    counts = found.counts
    numbers = ", ".join(counted(counts.get(name, 0), name) for name in ("artifact", "execution", "context", "event"))
    fields = [("graph", found.store), ("holds", numbers)]
    if found.types:
        fields.append(("of them", ", ".join(f"{count:,} {kind}" for kind, count in found.types.items())))
    if found.waiting:
        fields.append(("waiting", f"{counted(found.waiting, 'part')} for another store, or that could not be added"))
    page.fields(fields)
    for node in found.nodes:
        _node(page, node)
    return page.render()


def _node(page: Page, found: LineageNode) -> None:
    node = found.artifact or found.execution
    if node is None:
        return
    page.title(f"{node.type} {title_of(node)}")
    fields = [("id", node.id), ("state", node.state)]
    if found.artifact is not None and found.artifact.uri:
        fields.append(("uri", found.artifact.uri))
    fields += [("when", text) for text in facts_of(node)[:1] if "UTC" in text]
    fields += [(name, str(value)) for name, value in sorted(node.properties.items())]
    fields += [("in", context) for context in found.contexts]
    for event in found.events[:_MOST_EVENTS]:
        other = event.execution if found.artifact is not None else event.artifact
        named = f" as {'/'.join(map(str, event.path))}" if event.path else ""
        fields.append((event.type.lower().replace("_", " "), f"{short_of(other)}{named}"))
    page.fields(fields)
    if len(found.events) > _MOST_EVENTS:
        page.line(f"and {len(found.events) - _MOST_EVENTS:,} more events")


def render_impact(found: LineageImpact, screen: Screen) -> str:
    """The models by answer; each with the way from it to what is wrong."""
    page = Page(screen)
    version = f" version {found.version}" if found.version else ""
    page.line(f"opt-out list {found.name}{version} ({short_of(found.opt_out)})", "title")
    for title, models, style in (
        ("not honouring it", found.affected, "bad"),
        ("unknown: the graph cannot say what went in", found.unknown, "unsure"),
        ("honouring it", found.clear, "good"),
    ):
        page.line(f"{counted(len(models), 'model')} {title}", style)
        _models(page, models)
    if found.manifests:
        page.line(f"{counted(len(found.manifests), 'dataset manifest')} not honouring it", "bad")
        _models(page, found.manifests)
    return page.render()


def _models(page: Page, models: Sequence[ImpactedModel]) -> None:
    for model in models:
        page.line(f"{model.name or 'unnamed'}  {model.id}", indent=2)
        for reason in model.reasons:
            page.line(reason, "dim", indent=4)
