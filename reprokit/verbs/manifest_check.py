"""Says whether a dataset is still the one of its manifest: the same files, or the same answer of a database."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import reprokit
from reprokit.datasets.comparing import file_changes
from reprokit.datasets.description import Wish, describe_files, describe_query, refuse
from reprokit.datasets.elsewhere import Elsewhere
from reprokit.datasets.filelist import FileLog, Lines, entries_of, lines_digest
from reprokit.datasets.hashing import digests
from reprokit.datasets.manifests import read_manifest
from reprokit.datasets.names import unwritten, written
from reprokit.datasets.pointers import resolved
from reprokit.datasets.selection import Selection, selected
from reprokit.datasets.sources import Options, object_store
from reprokit.datasets.walking import Trouble
from reprokit.digest import TreeHash
from reprokit.errors import UsageError
from reprokit.errors.counting import counted
from reprokit.schema.dataset_reports import DatasetCheck, DatasetFinding, FileChanges
from reprokit.schema.manifest import Notice
from reprokit.verbs.manifest import ManifestOptions, finding, promises, silent
from reprokit.verbs.manifest_rows import rows_again, split_differences

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from reprokit.datasets.cache import DigestCache
    from reprokit.datasets.entries import Entry
    from reprokit.datasets.optout import OptOut
    from reprokit.schema.dataset import DatasetManifest


def check(
    path: Path,
    root: str | None = None,
    database: str | None = None,
    options: ManifestOptions | None = None,
    opt_out: Sequence[OptOut] = (),
    *,
    rows: bool = True,
) -> DatasetCheck:
    """Looks at the data again.

    Args:
        path: the manifest.
        root: where the data are now: a directory, or a URL; by default where they were.
        database: URL of a query's database; its password is not in the manifest.
        options: how files are read.
        opt_out: lists that must have been applied, such as newer ones than the manifest knows.
        rows: compute again what the manifest says of its rows, where the files are its own.

    Raises:
        UsageError: RPK003, there is no manifest, or nothing where the data were.
        CorruptBundleError: RPK155, the manifest was changed.
        UnverifiedError: RPK150, RPK152, RPK153, RPK156, RPK160 or RPK161.
    """
    missing: UsageError | None = None
    found: list[DatasetCheck] = []
    for home in _homes(path) if root is None else [path]:
        try:
            one = _check(home, root, database, options or ManifestOptions(), opt_out, rows=rows)
        except UsageError as error:
            missing = missing or error
            continue
        found.append(one.model_copy(update={"manifest": str(path)}))
        if one.files.same:
            return found[-1]
    if missing is not None and not found:
        raise missing
    return max(found, key=lambda one: (one.files.equal, one.files.changed))


def _homes(path: Path) -> list[Path]:
    """Where a manifest stands: a link stands where it is, and where what it leads to is; data may lie beside either.

    What was made as a file, and is kept in a cache that it is linked to, counts from the link; what was made elsewhere,
    from there.
    """
    real = path.resolve()
    return [path, real] if path.is_symlink() and real.parent != path.parent.resolve() else [path]


def _check(
    path: Path, root: str | None, database: str | None, options: ManifestOptions, opt_out: Sequence[OptOut],
    *, rows: bool,
) -> DatasetCheck:  # fmt: skip
    manifest = read_manifest(path)
    place = root if root is not None else unwritten(manifest.made.root)
    changes, findings, warnings = FileChanges(), promises(manifest), list[Notice]()
    elsewhere = Elsewhere()
    if manifest.snapshot.kind == "sql":
        findings += _query(manifest, path.parent, database, opt_out)
    elif manifest.snapshot.kind == "object-store":
        if opt_out:
            raise UsageError("RPK164", "objects of a store are described as bytes; an opt-out list needs rows or files")
        changes, elsewhere = _objects(manifest, path, place)
    else:
        trouble = Trouble()
        with options.cache() as cache:
            changes, elsewhere = _changes(manifest, path, place, cache, trouble, options)
            if rows and changes.same:
                refuse(trouble)
                again = rows_again(manifest, _selection(manifest, path, place), cache, options)
                findings, warnings = findings + again.findings, again.warnings
        refuse(trouble)
        findings += silent(trouble)
        if opt_out:
            findings += _opted_out(manifest, path, place, opt_out, options)
    if not changes.same:
        said = f"{counted(changes.changed, 'file')} changed, {changes.added} added, {changes.removed} removed"
        findings.append(finding("RPK154", said))
    false, other = [*elsewhere.false()], [*elsewhere.said()]
    findings += [finding("RPK154", one) for one in (false + other if options.paranoid else false)]
    warnings += [Notice(code="RPK154", message=one) for one in ([] if options.paranoid else other)]
    return DatasetCheck(
        reprokit=reprokit.__version__, manifest=str(path), id=manifest.id, name=manifest.name, root=written(place),
        met=not findings, files=changes, findings=findings, warnings=warnings,
    )  # fmt: skip


def _changes(
    manifest: DatasetManifest, path: Path, place: str, cache: DigestCache, trouble: Trouble, options: ManifestOptions
) -> tuple[FileChanges, Elsewhere]:
    """The tree digest first, which needs no list; what differs is looked for only when it does."""
    snapshot = manifest.snapshot
    selection = _selection(manifest, path, place)
    pointers = {unwritten(one.path) for one in snapshot.pointers if one.kind == "git-lfs"}
    tree, lines, count, fetched = TreeHash(), Lines(), 0, False
    for entry in digests(selection.root, selection.files(trouble), cache, trouble, options.reading):
        found = resolved(selection.root, entry)[0] if entry.path in pointers else entry
        tree.add(found.path, found.digest)
        lines.add(found)
        count += 1
        fetched = fetched or (entry.path in pointers and found.pointer is None)
    refuse(trouble)
    # Where content was fetched since, no true list has these lines.
    if not fetched and tree.digest() == snapshot.digest and lines.digest() == lines_digest(snapshot, path):
        return FileChanges(equal=count), Elsewhere()
    again = replace(options.reading, paranoid=False)  # what was just read is in the cache
    absent: list[str] = []

    def now() -> Iterator[Entry]:
        for entry in digests(selection.root, selection.files(trouble), cache, trouble, again):
            found, pointer = resolved(selection.root, entry)
            if pointer is not None and entry.path not in pointers:
                absent.append(entry.path)
            yield found

    elsewhere = Elsewhere()
    changes = file_changes(entries_of(snapshot, path), now(), elsewhere.see)
    if changes.same:
        # A pointer says what the content should be, and anyone can write one: the content itself was not seen.
        trouble.unreadable += [(name, "only its Git LFS pointer is here") for name in absent]
    return changes, elsewhere


def _objects(manifest: DatasetManifest, path: Path, place: str) -> tuple[FileChanges, Elsewhere]:
    """The objects below a URL; the same content under another version is no change, and is said."""
    elsewhere = Elsewhere(moved=place != unwritten(manifest.made.root), fixed_etags=place.startswith("s3://"))
    listed = object_store.entries(place, read=not _by_version(manifest, path))
    return file_changes(entries_of(manifest.snapshot, path), listed, elsewhere.see), elsewhere


def _by_version(manifest: DatasetManifest, path: Path) -> bool:
    first = next(entries_of(manifest.snapshot, path), None)
    return first is not None and not first.digest.startswith("sha256:")


def _selection(manifest: DatasetManifest, path: Path, place: str) -> Selection:
    root = path.parent.absolute() / place
    if "\0" in place or not root.is_dir():
        raise UsageError("RPK003", f"{root} is not a directory", "Name the directory that holds the data now.")
    snapshot = manifest.snapshot
    beside = path.with_name(snapshot.file_list.name) if snapshot.file_list is not None else path
    itself = [one.parent.resolve() / one.name for one in (path, beside)]
    return selected(
        str(root.resolve()), [*map(unwritten, snapshot.selected)] or ["."], [*map(unwritten, snapshot.excluded)],
        [path.resolve(), beside.resolve(), *itself],
    )  # fmt: skip


def _opted_out(
    manifest: DatasetManifest, path: Path, place: str, lists: Sequence[OptOut], options: ManifestOptions
) -> list[DatasetFinding]:
    reading = manifest.snapshot.reading
    wish = Wish(format=_format(manifest), opt_out=lists)
    if reading is not None:
        wish = Wish(format=reading.format, options=Options(reading.dtype, reading.delimiter), opt_out=lists)
    with FileLog(None, 0) as log, options.cache() as cache:
        described = describe_files(_selection(manifest, path, place), wish, log, cache, options.reading)
    now, then = described.statistics.rows, manifest.statistics.rows
    if described.snapshot.digest == manifest.snapshot.digest and (now or 0) < (then or 0):
        said = f"{now or 0} of {then} rows were read: the manifest was made with other settings of the format"
        raise UsageError(
            "RPK164", said, "Make the manifest again with --opt-out, and the format that it was made with."
        )
    return _found(lists)


def _format(manifest: DatasetManifest) -> str:
    """How the files were read: as one format, where all of them were; else by their names."""
    tables = manifest.schema_fingerprint.tables if manifest.schema_fingerprint is not None else []
    alike = {table.format for table in tables}
    everything = sum(table.files for table in tables) == manifest.snapshot.file_count
    return alike.pop() if len(alike) == 1 and everything and not manifest.snapshot.archives else "auto"


def _query(
    manifest: DatasetManifest, home: Path, database: str | None, lists: Sequence[OptOut]
) -> list[DatasetFinding]:
    result = manifest.snapshot.query
    assert result is not None
    if database is None and "***" in result.database:
        raise UsageError("RPK164", "the manifest does not keep the database's password; give --database URL")
    url = database or _from(home, result.database)
    sampling = manifest.sampling
    wish = Wish(order=result.order, opt_out=lists, split_column=sampling.column, seed=sampling.seed,
                strategy=sampling.strategy)  # fmt: skip
    described, _ = describe_query(result.query, url, wish, home)
    said = []
    if described.snapshot.digest != result.digest:
        rows = described.statistics.rows
        said.append(finding("RPK154", f"the query has another answer: {rows} rows, and {result.rows} then"))
    before = manifest.schema_fingerprint.digest if manifest.schema_fingerprint else ""
    if described.schema_fingerprint is not None and described.schema_fingerprint.digest != before:
        said.append(finding("RPK154", "the query's columns are other ones"))
    if not said and sampling.column:
        said += [finding("RPK154", one) for one in split_differences(sampling, described.sampling)]
    return said + _found(lists)


def _from(home: Path, url: str) -> str:
    """A SQLite file is named from the manifest's directory."""
    scheme, found, file = url.partition(":///")
    if not found or not scheme.startswith("sqlite") or not file or file.startswith(("/", ":")):
        return url
    return f"{scheme}:///{os.path.normpath(home.absolute() / file)}"


def _found(lists: Sequence[OptOut]) -> list[DatasetFinding]:
    return [
        finding("RPK158", f"{one.found} of {one.rows} rows have a {one.key} on {one.path}")
        for one in lists
        if one.found
    ]
