"""The dataset manifest: ``reprokit.dataset-manifest/1``. What a dataset holds, how it was made, and what may be done.

Sizes are in bytes, times in ISO 8601 (UTC where they have a clock time), digests named as ``ALGORITHM:HEX``. A field
with a default is optional; all others are required. What varies between two descriptions of the same dataset (when,
where and by which version it was described) stands in ``made``, which the manifest's id does not cover.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from reprokit.schema.base import Document, Model, canonical_escaped
from reprokit.schema.dataset_identity import manifest_id
from reprokit.schema.dataset_sampling import Sampling
from reprokit.schema.dataset_terms import Terms

if TYPE_CHECKING:
    from collections.abc import Iterable

Kind = Literal["files", "sql", "object-store"]


class FileEntry(Model):
    """One file, or one object of a store.

    ``digest`` is ``sha256:HEX`` of the content; of a file above the limit for one piece ``sha256-chunks-64mib:HEX``; of
    an object that was not read what its store says (``s3-version:…``, ``gcs-generation:…``); of a ``.dvc`` output that
    is not at hand ``dvc-md5:HEX``.
    """

    path: str = Field(
        description="relative to the root, with `/`; a byte that is not UTF-8, and a backslash, as `\\xNN`"
    )
    digest: str
    size: int = Field(ge=0, description="bytes; of a pointer, of what it points to")
    link: str | None = Field(default=None, description="the target, where the file is a symbolic link")
    pointer: Literal["git-lfs", "dvc"] | None = Field(
        default=None, description="the content is not here; digest and size are those that a pointer file names"
    )
    version: str | None = Field(default=None, description="S3 VersionId or GCS generation")
    etag: str | None = None


class FileList(Model):
    """The files when there are too many to stand in the manifest: JSON lines, compressed with zstd, beside it."""

    name: str
    sha256: str = Field(description="of the uncompressed lines")


class ArchiveContent(Model):
    """What an archive holds, whatever its compression, the order of its members and their times.

    ``digest`` is the tree digest of the members' names and contents.
    """

    path: str
    format: str
    digest: str
    members: int
    bytes: int


class Pointer(Model):
    """A pointer file of Git LFS or DVC: what it says of the content, and whether the content is here."""

    path: str
    kind: Literal["git-lfs", "dvc"]
    points_to: str
    digest: str
    size: int | None = None
    present: bool
    agrees: bool | None = Field(default=None, description="the content that is here has this digest; null: not here")


class QueryResult(Model):
    """A database query and its answer. A password in the database's URL is never kept."""

    query: str
    database: str
    order: Literal["any", "query"] = Field(description="`any`: a set of rows with repetitions; `query`: as they came")
    digest: str
    rows: int


class RowReading(Model):
    """How rows were read, so that they can be read again. A query's answer needs none of it."""

    format: str = Field(default="auto", description="of all files; `auto` goes by their names")
    dtype: str = Field(default="", description="of the numbers in raw token files")
    delimiter: str = Field(default="", description="of CSV files")


class LeftOut(Model):
    """A file that is no part of the snapshot, and why."""

    path: str
    reason: str


class Snapshot(Model):
    """The content: ``digest`` covers every file's name and digest (for a query, its answer)."""

    kind: Kind
    digest: str
    file_count: int = Field(ge=0)
    bytes: int = Field(ge=0)
    files: list[FileEntry] = Field(default=[], description="empty when they stand in `file_list`")
    file_list: FileList | None = None
    selected: list[str] = Field(default=[], description="globs of the files below the root; `.` is all of them")
    excluded: list[str] = Field(default=[], description="globs of what is left out")
    reading: RowReading | None = Field(default=None, description="null in a manifest of an earlier version")
    archives: list[ArchiveContent] = []
    pointers: list[Pointer] = []
    query: QueryResult | None = None
    left_out: list[LeftOut] = Field(default=[], description="links to directories, special files; the first 1,000")


class Column(Model):
    """A column; ``type`` in Arrow's words, without what only concerns storage (a dictionary, large offsets)."""

    name: str
    type: str
    nullable: bool


class Vocabulary(Model):
    """A tokenizer's file. ``digest`` covers what it means (order of keys and white space do not matter)."""

    path: str
    kind: str
    digest: str
    sha256: str
    entries: int | None = Field(default=None, description="number of tokens")


class TableSchema(Model):
    """The columns of the files of one format. ``digest`` is computed from them: ``sha256-columns:HEX``."""

    format: str
    digest: str
    columns: list[Column]
    files: int
    features: dict[str, Any] = Field(default={}, description="Hugging Face features, such as the names of classes")


class SchemaFingerprint(Model):
    """Computed from the data. Files of a format whose columns differ make several tables."""

    digest: str
    tables: list[TableSchema] = []
    tokenizers: list[Vocabulary] = []


class Upstream(Model):
    """A dataset that this one was made from: the id of its manifest."""

    id: str
    name: str = ""


class Preprocessing(Model):
    """How the dataset was made of others. A dirty tree's difference is kept as its digest."""

    command: str | None = None
    git_commit: str | None = None
    git_remote: str | None = None
    git_dirty: bool | None = None
    git_diff: str | None = Field(default=None, description="sha256 of the uncommitted changes")
    image_digest: str | None = None
    parameters: dict[str, Any] = {}
    upstream: list[Upstream] = []


class FilterRule(Model):
    """One rule that removed or redacted rows; ``kind`` for example ``pii``, ``redaction``, ``quality``."""

    name: str
    kind: str
    version: str
    action: Literal["drop", "redact", "flag"] = "drop"
    description: str = ""


class OptOutProof(Model):
    """That an opt-out list was applied: every row was read and its key looked up. The keys themselves are not kept."""

    list_digest: str = Field(description="sha256 of the list's file: its artifact in the lineage graph")
    keys_digest: str = Field(description="of the set of keys, in any order: sha256 over their sorted blake2b-128")
    version: str
    key: str = Field(description="the column, or `path`, that was compared")
    keys: int
    rows_read: int
    found: int = Field(description="rows whose key is on the list; 0 when it was applied")
    files_unread: int = Field(
        default=0, description="files without rows that can be read, such as texts; archives with such members"
    )
    holds: bool


class Filters(Model):
    """What was removed before the snapshot."""

    rules: list[FilterRule] = []
    opt_out: list[OptOutProof] = []
    rows_in: int | None = Field(default=None, ge=0)
    rows_out: int | None = Field(default=None, ge=0)
    rows_counted: int | None = Field(default=None, description="rows of the snapshot, as read")


class ColumnStatistics(Model):
    """Ranges of numbers and times; of texts only their lengths, in characters, so that no content is shown."""

    name: str
    nulls: int
    minimum: float | int | str | None = None
    maximum: float | int | str | None = None
    shortest: int | None = Field(default=None, description="characters, bytes or items")
    longest: int | None = None
    nans: int = 0


class Statistics(Model):
    """What one pass over the rows found."""

    rows: int | None = Field(default=None, description="null where the files have no rows")
    tokens: int | None = Field(default=None, description="of memory-mapped token files")
    columns: list[ColumnStatistics] = []


class Making(Model):
    """What varies between two descriptions of the same dataset."""

    created: str
    reprokit: str
    root: str = Field(default="", description="directory of the files, relative to the manifest's; or a URL")
    host: str = ""
    database_state: str = Field(default="", description="what a database calls its state: a snapshot, a version")


class DatasetManifest(Document):
    """A dataset's contract. ``id`` is the sha256 of its canonical JSON, without ``id``, ``made`` and the list of files.

    The list is covered all the same: ``snapshot.digest`` is computed from it.
    """

    schema_id: Literal["reprokit.dataset-manifest/1"] = Field(default="reprokit.dataset-manifest/1", alias="schema")
    id: str = ""
    name: str
    version: str = ""
    snapshot: Snapshot
    schema_fingerprint: SchemaFingerprint | None = None
    preprocessing: Preprocessing = Preprocessing()
    filters: Filters = Filters()
    sampling: Sampling = Sampling()
    terms: Terms = Terms()
    statistics: Statistics = Statistics()
    made: Making

    def identified(self) -> DatasetManifest:
        """The same with its ``id`` filled in."""
        return self.model_copy(update={"id": self.computed_id()})

    def computed_id(self) -> str:
        """``sha256:HEX`` over what two equal datasets have in common."""
        return manifest_id(self.to_json())


def columns_digest(columns: Iterable[Column]) -> str:
    """``sha256-columns:HEX`` of the columns' names, types, order and nullability."""
    plain = [[column.name, column.type, column.nullable] for column in columns]
    return "sha256-columns:" + hashlib.sha256(canonical_escaped(plain)).hexdigest()
