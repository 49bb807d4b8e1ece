"""One pass over the rows of a dataset: columns, statistics, splits and opt-out lists, all at once."""

from __future__ import annotations

import contextlib
import os
from itertools import combinations
from typing import TYPE_CHECKING, Any, Self

from reprokit.datasets.row_kinds import RowKinds
from reprokit.datasets.rowsets import VALUES, RowOrder, RowSet, row_digests, value_digests
from reprokit.datasets.statistics import ColumnPass
from reprokit.datasets.tables import Tables
from reprokit.errors import UsageError
from reprokit.schema.dataset import ColumnStatistics, Statistics
from reprokit.schema.dataset_sampling import Overlap, Sampling, Split

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from reprokit.datasets.optout import OptOut
    from reprokit.datasets.sources import Batch, Table
    from reprokit.schema.dataset import TableSchema


class RowPass:
    """Takes tables one after the other; use it in a ``with`` statement.

    Args:
        split_of: the split that a file belongs to, "" for none.
        split_column: the column whose value names a row's split, "" for none.
        opt_out: lists whose keys are looked up.
        order: ``any`` or ``query``: the digest of all rows is wanted too, as a set or in their order.
        root: the directory that the paths of files count from.
    """

    def __init__(
        self,
        split_of: Callable[[str], str] = lambda _path: "",
        split_column: str = "",
        opt_out: Sequence[OptOut] = (),
        order: str = "",
        root: str = "",
    ) -> None:
        self.rows: int | None = None
        self.tokens: int | None = None
        self._split_of, self._split_column, self._opt_out, self._root = split_of, split_column, opt_out, root
        self._open = contextlib.ExitStack()
        self._columns: dict[str, ColumnPass] = {}
        self._token_range: ColumnStatistics | None = None
        self._tables = Tables()
        self.splits: dict[str, RowSet] = {}
        self._bytes: dict[str, int] = {}
        self._incomparable: set[str] = set()  # splits with files that have no rows to be read
        self._forms: set[bool] = set()  # of the splits' rows: texts of CSV files, or values with types
        self._kinds: dict[str, RowKinds] = {}
        self._hidden = False
        self._all: RowSet | RowOrder | None = None
        if order:
            self._all = RowOrder() if order == "query" else self._open.enter_context(RowSet())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def take_file(self, path: str, size: int) -> None:
        """Takes a file into account that may have no rows: its split's size, and its name in opt-out lists."""
        for one in self._opt_out:
            if one.of_files:
                one.see_file(path, self._root)
        if split := self._split_of(path):
            self._bytes[split] = self._bytes.get(split, 0) + size
            self._split(split)

    def take_member(self, path: str) -> None:
        """Looks the name of an archive's member up."""
        for one in self._opt_out:
            if one.of_files:
                one.see_file(path)

    @property
    def keys(self) -> list[str]:
        """The columns in which opt-out lists are looked up."""
        return [one.key for one in self._opt_out if not one.of_files]

    def skip(self, path: str, *, hides_rows: bool = False, named: str = "") -> None:
        """Takes a file into account whose rows, if it has any, are not read."""
        for one in self._opt_out:
            one.skip(named or path, hides_rows=hides_rows)
        self._incomparable.add(self._split_of(path))
        self._hidden = self._hidden or hides_rows

    def take(self, table: Table, path: str, features: dict[str, Any] | None = None, named: str = "") -> None:
        """Reads a table to its end; an archive's member has the archive's path, and is named otherwise."""
        rows, seen, read = 0, set[str](), False
        for batch in table.batches():
            self._take_batch(batch, path, named or path, table)
            for name in batch.keys() - seen if rows else ():  # a key that lines of JSON have from here on
                self._columns[name].miss(rows)
            rows, seen = rows + len(next(iter(batch.values()), ())), seen | batch.keys()
            read = True
        if read:
            self._refuse_unseen(seen, named or path)
        self._tables.add(table, features)
        if table.tokens is None:
            self.rows = self.rows or 0
            return
        self.skip(path, hides_rows=not {*self.keys}.isdisjoint(getattr(table, "fields", ())), named=named)
        self.tokens = (self.tokens or 0) + table.tokens
        self._take_range(getattr(table, "low", None), getattr(table, "high", None), getattr(table, "nans", 0))

    def _refuse_unseen(self, seen: set[str], path: str) -> None:
        """Refuses a table of which no row has a column that was asked for: its name may be misspelt."""
        for one in self._opt_out:
            if not (one.of_files or one.key in seen):
                raise one.lacking(path)
        if self._split_column and self._split_column not in seen:
            raise self._no_split(path)

    def _no_split(self, path: str) -> UsageError:
        return UsageError("RPK164", f"{path} has no column {self._split_column!r}, which names the split")

    def _take_range(self, low: float | None, high: float | None, nans: int) -> None:
        known = self._token_range
        lows = [one for one in (low, known.minimum if known else None) if isinstance(one, int | float)]
        highs = [one for one in (high, known.maximum if known else None) if isinstance(one, int | float)]
        self._token_range = ColumnStatistics(
            name="token", nulls=0, minimum=min(lows, default=None), maximum=max(highs, default=None),
            nans=nans + (known.nans if known else 0),
        )  # fmt: skip

    def _take_batch(self, batch: Batch, path: str, named: str, table: Table) -> None:
        texts = table.texts
        self.rows = (self.rows or 0) + len(next(iter(batch.values()), ()))
        for name, values in batch.items():
            if name not in self._columns:
                self._columns[name] = ColumnPass(name, texts=texts)
            column = self._columns[name]
            column.see(values if texts == (column.texts is not None) else [_as(column, value) for value in values])
        asked = batch
        if getattr(table, "grows", False):  # what no row has is refused at the table's end
            nothing = [None] * len(next(iter(batch.values()), ()))
            asked = {**dict.fromkeys(filter(None, (*self.keys, self._split_column)), nothing), **batch}
        for one in self._opt_out:
            one.see(named, asked)
        split = self._split_of(path)
        if split or self._split_column or self._all is not None:
            names = asked.get(self._split_column) if self._split_column else None
            self._take_rows(batch, named, split, table, names)
            self._forms.add(texts)

    def _take_rows(self, batch: Batch, path: str, split: str, table: Table, names: Sequence[Any] | None) -> None:
        whole = batch
        if self._split_column:
            if names is None:
                raise self._no_split(path)
            batch = {name: values for name, values in batch.items() if name != self._split_column}
        if self._all is not None:
            for digest in row_digests(whole):
                self._all.add(digest)
        if not (split or names):
            return
        held: dict[str, list[int]] = {}  # the rows of each split
        for at, digest in enumerate(value_digests(batch, texts=table.texts)):
            name = split if names is None else ("" if names[at] is None else _text(names[at]))
            if name:
                self._split(name).add(digest)
                held.setdefault(name, []).append(at)
        single: frozenset[str] = getattr(table, "single", frozenset())
        for name, places in held.items():
            some = batch if names is None else {one: [values[at] for at in places] for one, values in batch.items()}
            self._kinds.setdefault(name, RowKinds()).see(some, texts=table.texts, single=single)

    def _split(self, name: str) -> RowSet:
        if name not in self.splits:
            self.splits[name] = self._open.enter_context(RowSet(name=VALUES))
        return self.splits[name]

    def digest(self) -> str:
        """Of all rows, where it was asked for."""
        return self._all.digest() if self._all is not None else ""

    def tables(self) -> list[TableSchema]:
        """The columns that were found."""
        return self._tables.schemas()

    def statistics(self) -> Statistics:
        """What was counted."""
        columns = [column.result() for column in self._columns.values()]
        if self._token_range is not None:
            columns.append(self._token_range)
        return Statistics(rows=self.rows, tokens=self.tokens, columns=columns)

    def sampling(self, seed: int | None, strategy: str) -> Sampling:
        """The splits, and whether they share rows: null where they cannot all be compared."""
        splits = [
            Split(
                name=name, rows=held.count, bytes=self._bytes.get(name), digest=held.digest(),
                duplicates=held.duplicates(),
            )
            for name, held in sorted(self.splits.items())
        ]  # fmt: skip
        overlaps = []
        for (first, here), (second, there) in combinations(sorted(self.splits.items()), 2):
            count, examples = here.shared(there)
            if count:
                overlaps.append(Overlap(first=first, second=second, rows=count, examples=examples))
        # Texts of CSV files are never equal to values with types, so nothing follows where both are there.
        comparable = len(splits) > 1 and all(split.rows for split in splits) and len(self._forms) == 1
        comparable = comparable and self._incomparable.isdisjoint(self.splits)
        comparable = comparable and not (self._split_column and self._hidden)
        comparable = comparable and all(
            self._kinds[one].comparable(self._kinds[other]) for one, other in combinations(self.splits, 2)
        )
        disjoint = not overlaps if comparable else (False if overlaps else None)
        return Sampling(seed=seed, strategy=strategy, splits=splits, disjoint=disjoint, overlaps=overlaps)


def _as(column: ColumnPass, value: Any) -> Any:
    """A value of a table among those of another kind: CSV beside Parquet."""
    return ("" if value is None else _text(value)) if column.texts is not None else (value or None)


def _text(value: Any) -> str:
    """A value as text; bytes are the same wherever they lie."""
    return str(bytes(value) if type(value) is memoryview else value)


def unchanged_since(full: str, start_ns: int) -> bool:
    """Whether a file was not touched since a description began: what was hashed is what was read.

    The time of the inode's change says so. That of the content is whatever the last `touch` or `tar` made of it, and
    may lie in the future.
    """
    return os.stat(full).st_ctime_ns <= start_ns
