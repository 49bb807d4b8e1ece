"""Names every model that does not honour an opt-out list's newest version."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from reprokit.digest import sha256_file
from reprokit.errors import UsageError
from reprokit.launch.lineage_opening import opened_graph
from reprokit.lineage.merging import described
from reprokit.schema.lineage import Artifact
from reprokit.schema.lineage_answers import ImpactedModel, LineageImpact
from reprokit.schema.manifest import Notice
from reprokit.verbs.lineage_nodes import check_readable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reprokit.lineage.impact import Impact
    from reprokit.lineage.store import Store

_KIND = "OptOutList"
_VERSION_WORDS = frozenset({"v", "ver", "version", "old", "older", "new", "newer", "latest", "prev", "previous", "last",
                            "current", "final", "copy", "bak", "backup"})  # fmt: skip


def impact_of(asked: str, *, start: Path | None = None) -> LineageImpact:
    """Judges all models of the graph by an opt-out list.

    Args:
        asked: the list's newest version: its file, or its identifier; or the list's name, whose newest version in the
            graph counts then. Models that honour it, and not a later one that the graph knows, are named as unknown.
        start: where the project's settings are looked for; the working directory by default.

    Raises:
        UsageError: RPK003, the file cannot be read; RPK144, the graph has no such list; RPK145, two of its versions
            may be the newest.
        UnverifiedError: RPK140, RPK141.
    """
    with opened_graph(start) as opened:
        newest = _newest(opened.store, asked)
        versions = [node for node in _lists(opened.store) if node.id != newest.id and _same_list(node, newest)]
        place = opened.store.place
        found = opened.store.impact(newest.id, [node.id for node in versions])
        later = [node for node in versions if _order(node) > _order(newest) and newest.properties]
        doubtful = [node for node in versions if node not in later and _may_be_later(node, newest)]
        misses = _misses(opened.store, found, later, [newest, *versions])
        unsure = _misses(opened.store, found, doubtful, [newest, *versions])
    said = [f"the graph has a later version of the list: {described(node)}" for node in later]
    said += [f"a list of the graph may be a later version: {described(node)}" for node in doubtful if unsure]
    warnings = [*opened.warnings, *(Notice(code="RPK145", message=one) for one in said)]
    misses = unsure | misses
    models = bool(found.affected or found.unknown or found.clear)
    if not models:  # the wrong graph, most likely: nobody asks where there is no model
        warnings.append(Notice(code="RPK144", message=f"the lineage graph in {place} holds no model"))
    return LineageImpact(
        asked=asked, opt_out=newest.id, name=newest.name, version=str(newest.properties.get("version", "")),
        older=[node.id for node in versions], met=models and not (found.affected or found.unknown or misses),
        affected=_models(found.affected, found.reasons),
        unknown=_models([*found.unknown, *(one for one in found.clear if one.id in misses)], found.reasons | misses),
        clear=_models([one for one in found.clear if one.id not in misses], {}),
        manifests=_models(found.manifests, found.reasons), warnings=warnings,
    )  # fmt: skip


def _may_be_later(node: Artifact, asked: Artifact) -> bool:
    """Whether nobody knows: it bears no version, and no time tells either."""
    if node.properties.get("version"):
        return False
    return bool(asked.properties.get("version")) or not (node.created and asked.created)


def _misses(store: Store, found: Impact, later: Sequence[Artifact], lists: Sequence[Artifact]) -> dict[str, list[str]]:
    """Models that honour the version that was asked for and not one that is later, and why: of them nothing is sure."""
    misses: dict[str, list[str]] = {}
    for one in later if found.clear else ():
        other = store.impact(one.id, [node.id for node in lists if node.id != one.id])
        for node in (*other.affected, *other.unknown):
            misses.setdefault(node.id, other.reasons.get(node.id, []))
    return {node.id: misses[node.id] for node in found.clear if node.id in misses}


def _models(nodes: Sequence[Artifact], reasons: dict[str, list[str]]) -> list[ImpactedModel]:
    return [
        ImpactedModel(id=node.id, name=node.name, uri=node.uri, created=node.created, reasons=reasons.get(node.id, []))
        for node in nodes
    ]


def _lists(store: Store) -> list[Artifact]:
    return [node for node in store.of_type(_KIND) if isinstance(node, Artifact)]


def _same_list(one: Artifact, other: Artifact) -> bool:
    """A manifest knows a list by its content and version only; one without a name may be any.

    A recorded run names a list by its file, and files of two versions are often told apart by a number or a date.
    """
    return not one.name or not other.name or _words(one.name) == _words(other.name)


def _words(name: str) -> list[str]:
    return [word for word in re.findall(r"[^\W\d_]+", name.lower()) if word not in _VERSION_WORDS]


def _newest(store: Store, asked: str) -> Artifact:
    """The version that counts. A file need not be in the graph: then nothing honours it yet."""
    path = Path(asked)
    if asked and "\0" not in asked and os.path.lexists(path):
        check_readable(path)
        try:
            digest = sha256_file(path)
        except OSError as error:
            raise UsageError("RPK003", f"cannot read {path}: {error.strerror}") from None
        known = [node for node in _lists(store) if node.id == digest]
        return known[0] if known else Artifact(id=digest, type=_KIND, name=path.name)
    lists = _lists(store)
    named = [node for node in lists if node.name == asked]
    found = named or [node for node in store.find(asked) if isinstance(node, Artifact) and node.type == _KIND]
    if not found:
        has = ", ".join(sorted({ascii(node.name) if node.name else node.id for node in lists})) or "none"
        raise UsageError("RPK144", f"{asked!a} is no file and no opt-out list in the graph; it has: {has}")
    last = max(map(_order, found))
    newest = [node for node in found if _order(node) == last]
    if len(newest) > 1:
        several = ", ".join(node.id for node in newest)
        raise UsageError("RPK145", f"which version of {asked!a} is the newest is not known: {several}")
    return newest[0]


def _order(node: Artifact) -> tuple[list[tuple[int, int, str]], int]:
    """By version, numbers in it as numbers (``v10`` after ``v9``), then by time."""
    parts = re.split(r"(\d+)", str(node.properties.get("version", "")))
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts], node.created
