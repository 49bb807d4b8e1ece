"""The splits of a dataset in its manifest: which rows they are, and whether they share any."""

from __future__ import annotations

from pydantic import Field

from reprokit.schema.base import Model


class Split(Model):
    """One split; ``digest`` covers its rows as a set with repetitions: ``sha256-row-values-any-order:HEX``."""

    name: str
    rows: int
    bytes: int | None = None
    digest: str
    duplicates: int = Field(default=0, description="rows that repeat another of the same split")
    globs: list[str] = Field(default=[], description="of its files, below the root")


class Overlap(Model):
    """Rows that two splits share, by row digest."""

    first: str
    second: str
    rows: int
    examples: list[tuple[int, int]] = Field(default=[], description="row numbers, from 0, in the first and the second")


class Sampling(Model):
    """How the splits were drawn. ``disjoint`` is computed from all rows; null where there are no rows to compare."""

    seed: int | None = None
    strategy: str = ""
    column: str = Field(default="", description="the column whose value names a row's split")
    splits: list[Split] = []
    disjoint: bool | None = None
    overlaps: list[Overlap] = []
