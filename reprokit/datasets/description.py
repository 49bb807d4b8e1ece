"""Describes a dataset: its files, then their rows, in one go. The parts become a manifest."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from reprokit.datasets import sources
from reprokit.datasets.fingerprint import fingerprint, is_tokenizer, vocabulary
from reprokit.datasets.hashing import Reading, digests
from reprokit.datasets.hiding import HEAD, hides_rows
from reprokit.datasets.members import Members
from reprokit.datasets.names import written
from reprokit.datasets.pointers import dvc_pointers, resolved
from reprokit.datasets.rowpass import RowPass, unchanged_since
from reprokit.datasets.sources import archives, huggingface, json_table, object_store, webdataset
from reprokit.datasets.sources.database import QueryTable
from reprokit.datasets.walking import Trouble, matcher
from reprokit.errors import UnverifiedError, UsageError
from reprokit.schema.dataset import LeftOut, QueryResult, RowReading, Snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reprokit.datasets.cache import DigestCache
    from reprokit.datasets.entries import Entry
    from reprokit.datasets.filelist import FileLog
    from reprokit.datasets.optout import OptOut
    from reprokit.datasets.selection import Selection
    from reprokit.schema.dataset import ArchiveContent, Pointer, SchemaFingerprint, Statistics, Vocabulary
    from reprokit.schema.dataset_sampling import Sampling

_NAMED = 10


@dataclass(frozen=True)
class Wish:
    """What is to be found out, beside the digests.

    Attributes:
        format: of the files; ``auto`` goes by their names, ``bytes`` reads no rows.
        options: what a format must be told.
        splits: name -> globs of its files.
        split_column: column that names a row's split.
        seed: of the splits.
        strategy: of the splits.
        opt_out: lists to look up.
        order: of a query's rows, ``any`` or ``query``.
        statistics: read rows even where nothing else needs them.
    """

    format: str = "auto"
    options: sources.Options = field(default_factory=sources.Options)
    splits: dict[str, list[str]] = field(default_factory=dict)
    split_column: str = ""
    seed: int | None = None
    strategy: str = ""
    opt_out: Sequence[OptOut] = ()
    order: str = "any"


@dataclass
class Described:
    """The parts of a manifest that come from the data."""

    snapshot: Snapshot
    schema_fingerprint: SchemaFingerprint | None
    statistics: Statistics
    sampling: Sampling
    trouble: Trouble


class _Description:
    """What is gathered while the files come by."""

    def __init__(self, root: str, wish: Wish, trouble: Trouble) -> None:
        self.root, self.wish, self.trouble = root, wish, trouble
        self.start_ns = time.time_ns()
        self.pointers: list[Pointer] = []
        self.archives: list[ArchiveContent] = []
        self.tokenizers: list[Vocabulary] = []
        saved = huggingface.saved_in(Path(root)) if wish.format == "auto" else []
        self.saved = {name: one for one in saved for name in one.files}
        self.splits = {name: matcher(globs) for name, globs in wish.splits.items()}

    def split_of(self, path: str) -> str:
        """The split that a file belongs to."""
        if path in self.saved and not self.splits:
            return self.saved[path].split if len({one.split for one in self.saved.values()}) > 1 else ""
        found = [name for name, wanted in self.splits.items() if wanted(path)]
        if len(found) > 1:
            raise UsageError("RPK164", f"{written(path)} belongs to two splits, {found[0]} and {found[1]}")
        return found[0] if found else ""

    def settle(self, rows: RowPass) -> None:
        """Refuses a wish that came to nothing: then the manifest would not say what it seems to.

        Raises:
            UsageError: RPK164, a split has no file, or nothing was looked up in an opt-out list.
        """
        for name in self.wish.splits:
            if name not in rows.splits:
                raise UsageError("RPK164", f"the split {name!r} has no file: {', '.join(self.wish.splits[name])}")
        for one in self.wish.opt_out:
            one.settle()

    def see(self, entry: Entry, rows: RowPass) -> Entry:
        """Takes a file into account; returns its entry, or that of what it points to."""
        try:
            return self._seen(entry, rows)
        except OSError as error:  # it was there when it was hashed
            self.trouble.unreadable.append((entry.path, error.strerror or str(error)))
            return entry
        except RecursionError:
            raise sources.damaged(written(entry.path), "its values are nested too deeply") from None

    def _seen(self, entry: Entry, rows: RowPass) -> Entry:
        entry, pointer = resolved(self.root, entry)
        rows.take_file(entry.path, entry.size)
        if pointer is not None:
            self.pointers.append(pointer)
            self._refuse_pointer(entry.path)
        if pointer is not None or self.wish.format == "bytes":
            rows.skip(entry.path)
            return entry
        full = os.path.join(self.root, entry.path)
        if entry.path.endswith(".dvc") and os.path.basename(entry.path) != ".dvc":
            self._see_dvc(entry.path, rows)
        if is_tokenizer(entry.path):
            self.tokenizers.append(vocabulary(Path(full), entry.path))
        kind = self._format(entry.path, full, rows)
        if kind is not None:
            features = self.saved[entry.path].features if entry.path in self.saved else None
            rows.take(sources.open_table(full, entry.path, kind, self.wish.options), entry.path, features)
        elif entry.size:
            self._skip(entry.path, full, rows)
        opened = kind is not None or is_tokenizer(entry.path) or archives.kind_of(entry.path) is not None
        if opened and not unchanged_since(full, self.start_ns):
            self.trouble.changed.append((entry.path, "was written to while it was read"))
        return entry

    @staticmethod
    def _skip(path: str, full: str, rows: RowPass) -> None:
        """Notes a file without rows; an archive said so itself, of its members."""
        if archives.kind_of(path) is not None:
            return
        unsure = False
        if sources.format_of(path) == "json" and not is_tokenizer(path):
            unsure = json_table.kind_in(full, path) == "" or json_table.may_have(full, path, rows.keys)
        with open(full, "rb") as file:
            head = file.read(HEAD) if rows.keys else b""
        rows.skip(path, hides_rows=hides_rows(path, head, rows.keys) or unsure)

    def _see_dvc(self, path: str, rows: RowPass) -> None:
        """Takes the pointers of a ``.dvc`` file; of content that is not here no row is read."""
        found = [*dvc_pointers(self.root, path)]
        for one in found:
            if not one.present:
                rows.skip(one.points_to, hides_rows=True)
        self.pointers += found

    def _refuse_pointer(self, path: str) -> None:
        """The content of a table is not here, and an opt-out list is to be looked up in it."""
        if sources.format_of(path) is not None and any(not one.of_files for one in self.wish.opt_out):
            self.trouble.unreadable.append((path, "only its Git LFS pointer is here, so no key can be looked up"))

    def _format(self, path: str, full: str, rows: RowPass) -> str | None:
        if self.wish.format != "auto":
            return self.wish.format
        if archives.kind_of(path) is not None:
            shard = archives.kind_of(path) == "tar" and webdataset.is_shard(full)
            members = Members(path, rows, self.wish.options, tables=not shard)
            self.archives.append(archives.content_of(full, path, see=members.see))
            if not shard:
                members.settle()
            return "webdataset" if shard else None
        kind = sources.format_of(path)
        if kind == "json":
            return json_table.kind_in(full, path) or None
        return None if kind == "tokens" and not self.wish.options.dtype else kind


def describe_files(
    selection: Selection, wish: Wish, log: FileLog, cache: DigestCache, reading: Reading | None = None
) -> Described:
    """Describes files.

    Args:
        selection: which files.
        wish: what is to be found out.
        log: takes the entries.
        cache: digests that were computed before.
        reading: how files are read.

    Raises:
        UsageError: RPK151, there are none; RPK164, the wish cannot be met.
        UnverifiedError: RPK150, RPK152, RPK153, RPK156 or RPK163.
    """
    trouble = Trouble()
    gathered = _Description(selection.root, wish, trouble)
    with RowPass(gathered.split_of, wish.split_column, wish.opt_out, root=selection.root) as rows:
        for entry in digests(selection.root, selection.files(trouble), cache, trouble, reading):
            log.add(gathered.see(entry, rows))
        refuse(trouble)
        if not log.count:
            raise UsageError("RPK151", f"{selection.root} holds no file that is wanted")
        gathered.settle(rows)
        snapshot = Snapshot(
            kind="files", digest=log.digest(), file_count=log.count, bytes=log.bytes, files=log.inline(),
            selected=[*map(written, selection.patterns)], excluded=[*map(written, selection.exclude)],
            reading=RowReading(format=wish.format, dtype=wish.options.dtype, delimiter=wish.options.delimiter),
            archives=gathered.archives, pointers=gathered.pointers,
            left_out=[LeftOut(path=written(path), reason=reason) for path, reason in trouble.left_out],
        )  # fmt: skip
        return Described(
            snapshot, fingerprint(rows.tables(), gathered.tokenizers), rows.statistics(),
            sampling_of(rows, wish), trouble,
        )  # fmt: skip


def sampling_of(rows: RowPass, wish: Wish) -> Sampling:
    """The splits, with what says which rows they are: so they can be computed again."""
    found = rows.sampling(wish.seed, wish.strategy)
    splits = [one.model_copy(update={"globs": [*map(written, wish.splits.get(one.name, ()))]}) for one in found.splits]
    return found.model_copy(update={"splits": splits, "column": wish.split_column})


def refuse(trouble: Trouble) -> None:
    """Refuses a snapshot of files that changed or could not be read.

    Raises:
        UnverifiedError: RPK153 or RPK152, with the first few.
    """
    for code, some, what in (("RPK153", trouble.changed, "changed"), ("RPK152", trouble.unreadable, "cannot be read")):
        if some:
            named = "; ".join(f"{written(path)}: {reason}" for path, reason in some[:_NAMED])
            more = f"; and {len(some) - _NAMED} more" if len(some) > _NAMED else ""
            raise UnverifiedError(code, f"{len(some)} file{'s' * (len(some) != 1)} {what}: {named}{more}")


def describe_query(query: str, url: str, wish: Wish, home: Path) -> tuple[Described, str]:
    """Describes the answer to a query; returns what the database calls its state, too.

    Args:
        query: one statement that returns rows.
        url: of the database.
        wish: what is to be found out.
        home: directory of the manifest; a database that is a file is named from there.

    Raises:
        UsageError: RPK003 or RPK164.
        UnverifiedError: RPK150 or RPK160.
    """
    table = QueryTable(query, url)
    with RowPass(lambda _path: "", wish.split_column, wish.opt_out, wish.order) as rows:
        rows.take(table, "the query")
        count = rows.rows or 0
        unseen = next((one for one in wish.opt_out if one.of_files and one.rows < count), None)
        if unseen is not None:
            raise UsageError("RPK164", f"the query has no files and no column {unseen.key!r}, which the list needs")
        result = QueryResult(
            query=query, database=table.named_from(home), order="query" if wish.order == "query" else "any",
            digest=rows.digest(), rows=count,
        )  # fmt: skip
        snapshot = Snapshot(kind="sql", digest=result.digest, file_count=0, bytes=0, query=result)
        described = Described(
            snapshot, fingerprint(rows.tables(), []), rows.statistics(), sampling_of(rows, wish), Trouble()
        )  # fmt: skip
        return described, table.snapshot()


def describe_objects(url: str, wish: Wish, log: FileLog, *, read: bool) -> Described:
    """Describes the objects below a URL, as bytes.

    Raises:
        UsageError: RPK151 or RPK164.
        UnverifiedError: RPK150, RPK153 or RPK161.
    """
    with RowPass() as rows:
        for entry in object_store.entries(url, read=read):
            log.add(entry)
        if not log.count:
            raise UsageError("RPK151", f"{url} holds no object")
        snapshot = Snapshot(
            kind="object-store", digest=log.digest(), file_count=log.count, bytes=log.bytes, files=log.inline()
        )
        return Described(snapshot, None, rows.statistics(), rows.sampling(wish.seed, wish.strategy), Trouble())
