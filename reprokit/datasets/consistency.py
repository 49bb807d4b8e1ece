"""What a manifest says twice must agree: someone who edits one place and computes the id again forgets the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprokit.datasets.filelist import SUFFIX
from reprokit.datasets.fingerprint import schema_digest
from reprokit.schema.dataset import columns_digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reprokit.schema.dataset import DatasetManifest


def contradictions(manifest: DatasetManifest) -> Iterator[str]:
    """Names what does not agree; nothing for a manifest that was made from data."""
    yield from _of_snapshot(manifest)
    yield from _of_schema(manifest)
    yield from _of_proofs(manifest)


def _of_snapshot(manifest: DatasetManifest) -> Iterator[str]:
    snapshot, query = manifest.snapshot, manifest.snapshot.query
    if (snapshot.kind == "sql") != (query is not None):
        yield f"a snapshot of kind {snapshot.kind} with{'out' * (query is None)} a query"
    elif query is not None:
        if query.digest != snapshot.digest:
            yield f"the query's answer is {query.digest}, and the snapshot {snapshot.digest}"
        if manifest.statistics.rows not in (None, query.rows):
            yield f"the query has {query.rows} rows, and {manifest.statistics.rows} were counted"
    beside = snapshot.file_list.name if snapshot.file_list is not None else ""
    # The id does not cover this name, and the file that has it is left out where a dataset is looked at.
    if snapshot.file_list is not None and not (beside.endswith(SUFFIX) and {*"/\0"}.isdisjoint(beside)):
        yield f"{beside!r} is no name of its list of files"
    if snapshot.files and snapshot.file_list is not None:
        yield "its files stand both in it and beside it"
    if snapshot.file_list is None and len(snapshot.files) != snapshot.file_count:
        yield f"it holds {len(snapshot.files)} files, and counts {snapshot.file_count}"
    pointers = {one.path: (one.digest, one.size) for one in snapshot.pointers if one.kind == "git-lfs"}
    said = {one.path: (one.digest, one.size) for one in snapshot.files if one.pointer is not None}
    if snapshot.file_list is None and said != pointers:
        yield "its files and its pointers disagree on which content was not here"
    if snapshot.file_list is None and sum(one.size for one in snapshot.files) != snapshot.bytes:
        yield f"its files do not have {snapshot.bytes} bytes"


def _of_schema(manifest: DatasetManifest) -> Iterator[str]:
    found = manifest.schema_fingerprint
    for table in found.tables if found is not None else ():
        if columns_digest(table.columns) != table.digest:
            yield f"the columns of its {table.format} files do not have the digest {table.digest}"
    if found is not None and schema_digest(found.tables, found.tokenizers) != found.digest:
        yield f"its columns and tokenizers do not have the digest {found.digest}"


def _of_proofs(manifest: DatasetManifest) -> Iterator[str]:
    filters, sampling = manifest.filters, manifest.sampling
    for proof in filters.opt_out:
        if proof.holds != (proof.found == 0) or not 0 <= proof.found <= proof.rows_read:
            said = "applied" if proof.holds else "not applied"
            yield f"{proof.found} of {proof.rows_read} rows are on an opt-out list that was {said}"
    if filters.rows_counted != manifest.statistics.rows:
        yield f"{filters.rows_counted} rows were left, and {manifest.statistics.rows} counted"
    if (sampling.disjoint is not False and sampling.overlaps) or (sampling.disjoint is False and not sampling.overlaps):
        yield "its splits are disjoint, and share rows"
