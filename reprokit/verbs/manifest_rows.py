"""Computes again what a manifest says of its rows: the splits, and with `--paranoid` the columns and ranges too.

The files are those of the manifest by then. So what differs was never true of them: the manifest was forged, or made
with another reader. What was computed before is kept beside the digests of files, by the digest of all the content.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reprokit.datasets.description import Described, Wish, describe_files
from reprokit.datasets.filelist import FileLog
from reprokit.datasets.names import unwritten
from reprokit.datasets.rows_known import known_splits, remember_splits
from reprokit.datasets.sources import Options
from reprokit.errors import UnverifiedError, UsageError
from reprokit.schema.base import escaped, plain_numbers
from reprokit.schema.manifest import Notice
from reprokit.verbs.manifest import finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic import BaseModel

    from reprokit.datasets.cache import DigestCache
    from reprokit.datasets.selection import Selection
    from reprokit.schema.dataset import DatasetManifest
    from reprokit.schema.dataset_reports import DatasetFinding
    from reprokit.schema.dataset_sampling import Sampling, Split
    from reprokit.verbs.manifest import ManifestOptions


class Again(NamedTuple):
    """What does not hold, and what could not be computed again."""

    findings: list[DatasetFinding]
    warnings: list[Notice]


def rows_again(manifest: DatasetManifest, selection: Selection, cache: DigestCache, options: ManifestOptions) -> Again:
    """Computes the splits again; with ``paranoid`` all that comes from the rows.

    Raises:
        UnverifiedError: RPK150, RPK152, RPK153, RPK156 or RPK163.
    """
    if manifest.snapshot.reading is None:
        old = "the splits were not computed again: this manifest does not say how they are found; make it again"
        return Again([], [Notice(code="RPK164", message=old)] if manifest.sampling.splits else [])
    if not (manifest.sampling.splits or options.paranoid):
        return Again([], [])
    try:
        if options.paranoid:
            described = _described(manifest, selection, cache, options)
            said = [*split_differences(manifest.sampling, described.sampling), *_rest(manifest, described)]
        else:
            said = [*split_differences(manifest.sampling, _known_sampling(manifest, selection, cache, options))]
    except UsageError as error:  # such as a column that is not there
        said = [f"the manifest speaks of other rows: {error.message}"]
    return Again([finding("RPK154", one) for one in said], [])


def _known_sampling(
    manifest: DatasetManifest, selection: Selection, cache: DigestCache, options: ManifestOptions
) -> Sampling:
    found = known_splits(manifest, cache)
    if found is None:
        found = _described(manifest, selection, cache, options).sampling
        remember_splits(manifest, found, cache)
    return found


def _described(
    manifest: DatasetManifest, selection: Selection, cache: DigestCache, options: ManifestOptions
) -> Described:
    reading, sampling = manifest.snapshot.reading, manifest.sampling
    assert reading is not None
    wish = Wish(
        format=reading.format, options=Options(reading.dtype, reading.delimiter),
        splits={one.name: [*map(unwritten, one.globs)] for one in sampling.splits if one.globs},
        split_column=sampling.column, seed=sampling.seed, strategy=sampling.strategy,
    )  # fmt: skip
    with FileLog(None, 0) as log:
        described = describe_files(selection, wish, log, cache, options.reading)
    if described.snapshot.digest != manifest.snapshot.digest:  # and nothing is kept of it under the other's digest
        raise UnverifiedError("RPK153", "files changed between the look at them and the look at their rows")
    return described


def split_differences(then: Sampling, now: Sampling) -> Iterator[str]:
    """Names what was not found again of the splits that a manifest has."""
    now = type(now).model_validate(_written(now))
    known: dict[str, Split] = {one.name: one for one in now.splits}
    if [one.name for one in then.splits] != [*known]:
        named = ", ".join(known) or "none"
        yield f"the rows are of other splits than {', '.join(one.name for one in then.splits)}: {named}"
        return
    for one in then.splits:
        found = known[one.name]
        if one != found:
            what = "rows" if one.rows == found.rows else f"{found.rows} rows, and not {one.rows}"
            yield f"the split {one.name} has other {what}: {found.digest}, and the manifest says {one.digest}"
    if (then.disjoint, then.overlaps) != (now.disjoint, now.overlaps):
        words = {True: "disjoint", False: "not disjoint", None: "not comparable"}
        yield f"the splits are {words[now.disjoint]}, and the manifest says that they are {words[then.disjoint]}"


def _rest(manifest: DatasetManifest, now: Described) -> Iterator[str]:
    then = manifest.schema_fingerprint
    if (then and then.digest) != (now.schema_fingerprint and now.schema_fingerprint.digest):
        yield "the columns or tokenizers are other ones than the manifest says"
    pairs: Sequence[tuple[str, Sequence[BaseModel], Sequence[BaseModel]]] = (
        ("rows, tokens or ranges of columns", [manifest.statistics], [now.statistics]),
        ("contents of archives", manifest.snapshot.archives, now.snapshot.archives),
        ("pointers", manifest.snapshot.pointers, now.snapshot.pointers),
    )
    for what, here, there in pairs:
        if [*map(_written, here)] != [*map(_written, there)]:
            yield f"the {what} are other ones than the manifest says"


def _written(part: BaseModel) -> object:
    """As it stands in a manifest, where large numbers and halves of characters are texts."""
    return escaped(plain_numbers(part.model_dump(mode="json")))
