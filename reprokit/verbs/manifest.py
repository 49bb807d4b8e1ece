"""Makes dataset manifests, and says whether a dataset is still the one of its manifest."""

from __future__ import annotations

import datetime as dt
import glob
import os
import platform
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import reprokit
from reprokit.datasets.cache import SETTLED_NS, DigestCache
from reprokit.datasets.comparing import field_changes, file_changes
from reprokit.datasets.description import Described, Wish, describe_files, describe_objects, describe_query
from reprokit.datasets.filelist import INLINE, FileLog, entries_of, list_path
from reprokit.datasets.hashing import Reading
from reprokit.datasets.licences import normal_licence
from reprokit.datasets.manifests import read_manifest, target_of, write_manifest
from reprokit.datasets.names import written
from reprokit.datasets.optout import OptOut
from reprokit.datasets.rows_known import remember_splits
from reprokit.datasets.selection import select
from reprokit.datasets.sources import FORMATS, Options, object_store
from reprokit.digest import sha256_file
from reprokit.errors import CATALOGUE, UsageError
from reprokit.errors.counting import counted
from reprokit.launch.workplace import state_directory
from reprokit.schema.base import escaped
from reprokit.schema.config import find_pyproject, load_config
from reprokit.schema.dataset import DatasetManifest, Filters, Making, Preprocessing, Upstream
from reprokit.schema.dataset_reports import DatasetDiff, DatasetFinding, FileChanges

if TYPE_CHECKING:
    from reprokit.capture.git import GitState
    from reprokit.datasets.walking import Trouble
    from reprokit.schema.dataset_config import DatasetConfig
    from reprokit.schema.dataset_terms import Terms
    from reprokit.schema.manifest import Notice

SUFFIX = ".manifest.json"


@dataclass(frozen=True)
class ManifestOptions:
    """How files are read.

    Attributes:
        threads: how many read at once; as many as processors by default.
        paranoid: read everything again, whatever the cache says.
        cached: use the cache at all.
        inline: how many files stand in the manifest itself.
        settled_ns: see `reprokit.datasets.cache`.
    """

    threads: int = 0
    paranoid: bool = False
    cached: bool = True
    inline: int = INLINE
    settled_ns: int = SETTLED_NS

    @property
    def reading(self) -> Reading:
        """How the hasher is told."""
        return Reading(self.threads, self.paranoid)

    def cache(self) -> DigestCache:
        """The cache of this user."""
        return DigestCache(state_directory() / "digests.sqlite" if self.cached else None, self.settled_ns)


@dataclass(frozen=True)
class Made:
    """A manifest that was made, where it is, what it says against the dataset, and what else went wrong."""

    manifest: DatasetManifest
    path: Path
    findings: list[DatasetFinding] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    @property
    def met(self) -> bool:
        """Whether what is promised of the dataset holds."""
        return not self.findings


def configured(name: str, start: Path) -> tuple[DatasetConfig, Path]:
    """A dataset of the project's settings, and the directory that they count from.

    Raises:
        UsageError: RPK004, the settings cannot be read; RPK164, there is none of this name.
    """
    known, home = load_config(start).dataset, find_pyproject(start)
    if name not in known or home is None:
        raise UsageError("RPK164", f"no dataset is called {name!r}; there are: {', '.join(sorted(known)) or 'none'}")
    return known[name], home.parent


def create(
    config: DatasetConfig, name: str, base: Path, output: Path | None = None, options: ManifestOptions | None = None
) -> Made:
    """Describes a dataset and writes its manifest.

    Args:
        config: what it is made of.
        name: of the dataset.
        base: the directory that paths of the settings count from.
        output: where the manifest goes; by default where the settings say, else ``NAME.manifest.json`` in ``base``.
        options: how files are read.

    Raises:
        UsageError: RPK003, RPK151, RPK157, RPK164 or RPK195.
        UnverifiedError: RPK150, RPK152, RPK153, RPK156, RPK160, RPK161 or RPK163. Nothing is written.
    """
    options = options or ManifestOptions()
    path = output or base / (config.manifest or f"{name}{SUFFIX}")
    path = target_of(path)
    terms = config.terms.model_copy(update={"licence": normal_licence(config.terms.licence)})
    opt_out = [OptOut(base / one.list, one.key, one.version, hashed=one.hashed) for one in config.opt_out]
    wish = wish_of(config, opt_out)
    with FileLog(path.parent, options.inline) as log, options.cache() as cache:
        described, making = _described(config, base, path, wish, log, cache, options)
        manifest = _manifest(config, name, base, described, making, terms, opt_out)
        if (listed := log.settled(path)) is not None:
            manifest = manifest.model_copy(
                update={"snapshot": manifest.snapshot.model_copy(update={"file_list": listed})}
            )
        write_manifest(manifest, path, log)
        remember_splits(manifest, manifest.sampling, cache)
    return Made(manifest, path, promises(manifest) + silent(described.trouble), _in_graph(manifest, base))


def _in_graph(manifest: DatasetManifest, base: Path) -> list[Notice]:
    """Leaves what the manifest says for the lineage graph, so that it can be asked before any run read the data."""
    from reprokit.datasets.lineage_part import lineage_of_manifest
    from reprokit.launch.lineage_parts import hand_over
    from reprokit.lineage.rules.sealing import sealed

    config = load_config(base)
    return hand_over(sealed(lineage_of_manifest(manifest)), config, base) if config.lineage.record else []


def wish_of(config: DatasetConfig, opt_out: list[OptOut]) -> Wish:
    """What is to be found out.

    Raises:
        UsageError: RPK164, there is no such format.
    """
    if config.format not in FORMATS:
        raise UsageError("RPK164", f"format {config.format!r} is none of {', '.join(FORMATS)}")
    splits = config.splits
    return Wish(
        format=config.format, options=Options(config.dtype, config.delimiter), splits=splits.parts,
        split_column=splits.column, seed=splits.seed, strategy=splits.strategy, opt_out=opt_out, order=config.order,
    )  # fmt: skip


def _described(
    config: DatasetConfig, base: Path, path: Path, wish: Wish, log: FileLog, cache: DigestCache,
    options: ManifestOptions,
) -> tuple[Described, dict[str, str]]:  # fmt: skip
    paths = [config.path] if isinstance(config.path, str) else config.path
    if bool(config.query) == bool(paths) or bool(config.query) != bool(config.database):
        raise UsageError("RPK164", "a dataset is a path, or a query with its database")
    if config.query:
        described, state = describe_query(config.query, _database(config.database, base), wish, path.parent)
        return described, {"database_state": state}
    if paths[0].startswith(object_store.SCHEMES):
        if len(paths) > 1 or config.opt_out or config.splits.parts or config.splits.column:
            raise UsageError("RPK164", "objects of a store are described as bytes, from one URL")
        return describe_objects(paths[0], wish, log, read=config.read), {"root": paths[0]}
    selection = select(paths, base, config.exclude, [path, list_path(path)])
    root = os.path.relpath(selection.root, path.parent.absolute())
    return describe_files(selection, wish, log, cache, options.reading), {"root": written(root)}


def _database(text: str, base: Path) -> str:
    """A path of a SQLite file counts from the settings' directory; ``$NAME`` is a variable of the environment."""
    text = os.path.expandvars(text)
    return text if "://" in text else str(base / text)


def _manifest(
    config: DatasetConfig, name: str, base: Path, described: Described, making: dict[str, str], terms: Terms,
    opt_out: list[OptOut],
) -> DatasetManifest:  # fmt: skip
    filters = Filters(
        rules=list(config.filters.rules), opt_out=[one.proof() for one in opt_out], rows_in=config.filters.rows_in,
        rows_out=config.filters.rows_out, rows_counted=described.statistics.rows,
    )  # fmt: skip
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    made = Making(created=now, reprokit=reprokit.__version__, host=platform.node(), **making)
    manifest = DatasetManifest(
        name=name, version=config.version, snapshot=described.snapshot,
        schema_fingerprint=described.schema_fingerprint, preprocessing=_preprocessing(config, base), filters=filters,
        sampling=described.sampling, terms=terms, statistics=described.statistics, made=made,
    )  # fmt: skip
    return DatasetManifest.model_validate(escaped(manifest.to_json())).identified()


def _preprocessing(config: DatasetConfig, base: Path) -> Preprocessing:
    """How it was made: what the settings say, and the commit where they say anything."""
    given = config.preprocessing
    upstream = [read_manifest(base / path) for path in given.upstream]
    links = [Upstream(id=one.id, name=one.name) for one in upstream]
    if not (given.command or given.parameters or links or given.image_digest):
        return Preprocessing()
    from reprokit.capture.container import container
    from reprokit.capture.git import git_state
    from reprokit.digest import sha256_bytes

    git = git_state(base)
    fresh = _untracked(git, given.command or "", base) if git else b""
    return Preprocessing(
        command=given.command, parameters=given.parameters, upstream=links,
        image_digest=given.image_digest or container().image_digest,
        git_commit=git.commit if git else None, git_remote=git.remote if git else None,
        git_dirty=bool(fresh) or (git.dirty if git else None),
        git_diff=sha256_bytes(git.diff + fresh) if git and (git.dirty or fresh) and git.diff is not None else None,
    )  # fmt: skip


def _untracked(git: GitState, command: str, base: Path) -> bytes:
    """Names and digests of a command's files that are in no commit: a tree that is clean says nothing of them."""
    from reprokit.capture.git import lacking

    words = [(base / word).resolve() for word in command.split() if "\0" not in word]
    inside = [os.path.relpath(one, git.top.resolve()) for one in words if one.is_file()]
    names = () if git.problem else lacking(git.top, [one for one in inside if not one.startswith("../")]) or ()
    return b"".join(os.fsencode(f"{name}\0{sha256_file(git.top / name)}\n") for name in names)


def promises(manifest: DatasetManifest) -> list[DatasetFinding]:
    """What a manifest itself says against its dataset."""
    found = []
    for proof in manifest.filters.opt_out:
        if not proof.holds:
            version = f" of version {proof.version}" if proof.version else ""
            said = f"{proof.found} of {proof.rows_read} rows have a {proof.key} on the list{version}"
            found.append(finding("RPK158", said))
    for overlap in manifest.sampling.overlaps:
        rows = ", ".join(f"row {a} is row {b}" for a, b in overlap.examples)
        said = f"{overlap.first} and {overlap.second} share {counted(overlap.rows, 'row')}: {rows} (from 0)"
        found.append(finding("RPK159", said))
    found += [
        finding("RPK162", f"{pointer.path} names {pointer.digest}; {pointer.points_to} is other content")
        for pointer in manifest.snapshot.pointers
        if pointer.agrees is False
    ]
    filters = manifest.filters
    if filters.rows_out is not None and filters.rows_counted not in (None, filters.rows_out):
        said = f"the filters left {filters.rows_out} rows, and the snapshot has {filters.rows_counted}"
        found.append(finding("RPK154", said))
    left = filters.rows_counted if filters.rows_out is None else filters.rows_out
    if filters.rows_in is not None and left is not None and left > filters.rows_in:
        found.append(finding("RPK154", f"the filters got {filters.rows_in} rows, and left {left}: more than they got"))
    return found


def silent(trouble: Trouble) -> list[DatasetFinding]:
    """Files whose content is another one than it was, although nothing shows it: a failing disk, for example."""
    return [
        finding("RPK154", f"{path}: other content, though size and times are the same: it {why}")
        for path, why in trouble.silent
    ]


def finding(code: str, message: str) -> DatasetFinding:
    """A finding with the catalogue's remedy."""
    return DatasetFinding(code=code, message=message, remedy=CATALOGUE[code].remedy)


def diff(first: Path, second: Path) -> DatasetDiff:
    """Compares two manifests; the data are not looked at.

    Raises:
        UsageError: RPK003, one does not exist.
        CorruptBundleError: one was changed or is none.
    """
    here, there = read_manifest(first), read_manifest(second)
    files = FileChanges(equal=here.snapshot.file_count)
    if here.snapshot.digest != there.snapshot.digest:
        files = file_changes(entries_of(here.snapshot, first), entries_of(there.snapshot, second))
    return DatasetDiff(
        reprokit=reprokit.__version__, first=here.id, second=there.id, equal=here.id == there.id, files=files,
        fields=field_changes(here, there),
    )  # fmt: skip


def name_of(path: str) -> str:
    """The name of a dataset that nobody named: its directory's, or its file's without its endings."""
    parts = [part for part in path.rstrip("/").split("/") if not glob.has_magic(part)]
    name = parts[-1] if parts else "dataset"
    return Path.cwd().name if name in ("", ".", "..") else name.lstrip(".").partition(".")[0] or "dataset"
