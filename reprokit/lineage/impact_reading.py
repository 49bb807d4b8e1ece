"""Reads from a store what decides which models honour an opt-out list: numbers of rows, and few nodes.

Most of a graph does not matter here: of the files, only those that a run read which no manifest speaks for.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import sqlalchemy as sa

from reprokit.lineage.impact import FILE, MANIFEST, MODEL, UNCOVERED, Facts, Impact, Judging, told, uncovered_count
from reprokit.lineage.reading import by_key, in_parts
from reprokit.lineage.tables import ARTIFACT, EVENT, EXECUTION

if TYPE_CHECKING:
    from collections.abc import Sequence


def impact_of(connection: sa.Connection, newest: str, older: Sequence[str]) -> Impact:
    """The same answer as `reprokit.lineage.impact.impact` gives of the whole graph."""
    lists = {row.id: row.key for some in in_parts([newest, *older]) for row in connection.execute(
        sa.select(ARTIFACT.c.id, ARTIFACT.c.key).where(ARTIFACT.c.id.in_(some))
    )}  # fmt: skip
    facts = Facts(newest=lists.get(newest), older=frozenset(lists[one] for one in older if one in lists))
    _read_links(connection, facts, frozenset(lists.values()))
    _read_files(connection, facts)
    for row in connection.execute(
        sa.select(EXECUTION.c.key, EXECUTION.c.properties).where(EXECUTION.c.properties.contains(f'"{UNCOVERED}"'))
    ):
        facts.uncovered[row.key] = uncovered_count(json.loads(row.properties).get(UNCOVERED, 0))
    judging = Judging(facts)
    judged = {key for key, kind in facts.kinds.items() if kind in (MODEL, MANIFEST)}
    return told(judging, dict(by_key(connection, ARTIFACT, judged | judging.named())))


def _read_links(connection: sa.Connection, facts: Facts, lists: frozenset[int]) -> None:
    """Models and manifests, what made them, and what of them and of the lists anything used."""
    kinds = ARTIFACT.c.type.in_((MODEL, MANIFEST))
    for key, kind in connection.execute(sa.select(ARTIFACT.c.key, ARTIFACT.c.type).where(kinds)):
        facts.kinds[key] = kind
    linked = sa.select(EVENT.c.artifact, EVENT.c.execution, EVENT.c.is_input).join(ARTIFACT)
    for artifact, execution, is_input in connection.execute(
        linked.where(sa.or_(kinds, ARTIFACT.c.key.in_(lists))).distinct()
    ):
        if is_input:
            facts.inputs[execution].append(artifact)
        elif artifact in facts.kinds:
            facts.makers[artifact].append(execution)


def _read_files(connection: sa.Connection, facts: Facts) -> None:
    """The files that a run read which no manifest speaks for, what made those, and so on."""
    done: set[int] = set()
    new = {maker for artifact in facts.of_kinds(facts.kinds, MODEL) for maker in facts.makers.get(artifact, [])}
    while new:
        done |= new
        silent = [run for run in new if not facts.of_kinds(facts.inputs.get(run, []), MANIFEST)]
        used = sa.select(EVENT.c.artifact, EVENT.c.execution).join(ARTIFACT).where(ARTIFACT.c.type == FILE).distinct()
        files: set[int] = set()
        for some in in_parts(silent):
            for artifact, run in connection.execute(used.where(EVENT.c.execution.in_(some), EVENT.c.is_input)):
                facts.inputs[run].append(artifact)
                files.add(artifact)
        files -= facts.kinds.keys()
        facts.kinds |= dict.fromkeys(files, FILE)
        new = set()
        for some in in_parts(files):
            for artifact, run in connection.execute(
                sa.select(EVENT.c.artifact, EVENT.c.execution)
                .where(EVENT.c.artifact.in_(some), sa.not_(EVENT.c.is_input))
                .distinct()
            ):
                facts.makers[artifact].append(run)
                new.add(run)
        # A model that such a run used was read with all models, and so was what made it.
        new -= done
