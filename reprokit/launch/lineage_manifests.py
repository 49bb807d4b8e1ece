"""The dataset manifests of a project, and which of them hold what a run was seen to read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from reprokit.capture.accesses import role_of
from reprokit.capture.dvc_files import dvc_projects, is_dvc_book
from reprokit.errors import ReprokitError, UsageError
from reprokit.launch.texts import raw_of, text_of
from reprokit.lineage.impact import UNCOVERED
from reprokit.lineage.merging import merge
from reprokit.schema.config import find_pyproject, load_config
from reprokit.schema.lineage import Event, Lineage
from reprokit.schema.manifest import Notice

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Container, Iterable, Sequence

    from reprokit.launch.lineage_listing import Listing
    from reprokit.schema.config import Config
    from reprokit.schema.dataset import DatasetManifest
    from reprokit.schema.manifest import InputFile, Manifest

_NAMED = 5  # files in a warning


def manifest_files(config: Config, start: Path, given: Sequence[Path] = ()) -> list[Path]:
    """The project's dataset manifests: those given, those of `[tool.reprokit.dataset.NAME]`, those of the globs.

    Raises:
        UsageError: RPK004, a glob in the settings is none.
    """
    found_at = find_pyproject(start)
    home = found_at.parent if found_at is not None else start
    found = dict.fromkeys(path.absolute() for path in given)
    for name, dataset in config.dataset.items():
        found[home / (dataset.manifest or f"{name}.manifest.json")] = None
    for pattern in config.lineage.manifests:
        base, relative = (Path("/"), pattern.lstrip("/")) if pattern.startswith("/") else (home, pattern)
        try:
            found |= dict.fromkeys(sorted(base.glob(relative)))
        except (ValueError, NotImplementedError, IndexError) as error:
            place = "[tool.reprokit.lineage] manifests"
            raise UsageError("RPK004", f"{place}: {pattern!a} is no glob of files: {error}") from None
    there = [path for path in found if path.is_file()]  # a link that leads to itself leads to none
    chosen: dict[Path, Path] = {}
    for path in sorted(there, key=lambda one: not one.is_symlink()):
        chosen.setdefault(path.resolve(), path)  # a link, since its data may lie beside it and beside the other
    return [path for path in there if chosen[path.resolve()] is path]


def documents_of(start: Path, wanted: Container[str]) -> tuple[dict[str, DatasetManifest], list[Notice]]:
    """Those of the project's dataset manifests that are wanted, by their identifiers, and which cannot be read.

    Raises:
        UsageError: RPK004, a glob in the settings is none.
    """
    from reprokit.datasets.manifests import read_manifest

    found, warnings = {}, []
    for path in manifest_files(load_config(start), start):
        try:
            manifest = read_manifest(path)
        except ReprokitError as error:
            warnings.append(Notice(code=error.code, message=text_of(error.message)))
            continue
        if manifest.id in wanted:
            found[manifest.id] = manifest
    return found, warnings


def opt_out_lists(config: Config, start: Path) -> set[Path]:
    """The files that the project's settings call opt-out lists, whether a manifest names them already or not."""
    found_at = find_pyproject(start)
    home = found_at.parent if found_at is not None else start
    return {(home / one.list).resolve() for dataset in config.dataset.values() for one in dataset.opt_out}


def covered_part(
    manifest: Manifest,
    part: Lineage,
    listing: Listing,
    made: Callable[[Iterable[str]], set[str]] = lambda _digests: set(),
    lists: Collection[Path] = (),
) -> tuple[Lineage, list[Notice]]:
    """Joins the manifests that hold what a run read to the run.

    Args:
        manifest: of the run's bundle.
        part: the run's part of the graph, with one execution.
        listing: the project's dataset manifests; without any, nothing is asked of the run.
        made: which of some digests are of files that an earlier recorded run made: their origin is known.
        lists: the project's opt-out lists. They are no data: nothing of them goes into what a run makes.

    Returns:
        What is to be merged into the part, and warnings: files that are in no manifest, manifests that cannot be read.
    """
    if not listing.files:
        return Lineage(), []
    from reprokit.datasets.lineage_part import lineage_of_manifest

    if isinstance(listing.trouble, ReprokitError):
        error = listing.trouble
        return Lineage(), [*listing.warnings, Notice(code=error.code, message=text_of(error.message))]
    if listing.trouble is not None:
        raise listing.trouble
    warnings, readable = list(listing.warnings), listing.readable
    projects = dvc_projects(raw_of(entry.path) for entry in manifest.inputs)
    manifests = {*listing.files, *(path.resolve() for path in listing.files)}
    inputs = [e for e in manifest.inputs if _is_data(e, manifests) and not is_dvc_book(raw_of(e.path), projects)]
    matches = {path: listing.matches[path] for e in inputs if (path := raw_of(e.path)) in listing.matches}
    missed = [path for e in inputs if (path := raw_of(e.path)) not in matches]
    applied = {proof.list_digest for one in readable.values() for proof in one.filters.opt_out}
    listed = {raw_of(one.path) for one in inputs if one.sha256 in applied or Path(raw_of(one.path)).resolve() in lists}
    missed = [path for path in missed if path not in listed]
    run = part.executions[0]
    used = sorted({match.manifest for several in matches.values() for match in several})
    parts = [lineage_of_manifest(one) for one in _with_upstream(readable.values(), used)]
    events = [Event(artifact=one, execution=run.id, type="INPUT", time=run.started) for one in used]
    facts = run.model_copy(update={"properties": {**run.properties, UNCOVERED: len(missed)}})
    by_path = {raw_of(entry.path): entry.sha256 for entry in inputs}
    known = made({by_path[path] for path in missed})
    unknown = [path for path in missed if by_path[path] not in known]
    if unknown:
        warnings.append(Notice(code="RPK190", message=_said(unknown)))
    return merge([*parts, Lineage(executions=[facts], events=events)]), warnings


def _with_upstream(manifests: Iterable[DatasetManifest], used: Sequence[str]) -> list[DatasetManifest]:
    """The manifests that were used, and those at hand that these were made from, through any number of steps."""
    at_hand = {one.id: one for one in manifests}
    wanted = dict.fromkeys(used)
    waiting = list(wanted)
    while waiting:
        one = at_hand.get(waiting.pop())
        for upstream in one.preprocessing.upstream if one is not None else ():
            if upstream.id not in wanted:
                wanted[upstream.id] = None
                waiting.append(upstream.id)
    return [at_hand[identifier] for identifier in wanted if identifier in at_hand]


def _is_data(entry: InputFile, manifests: Container[Path]) -> bool:
    """Whether a manifest should hold it: data with content, and neither a manifest nor a program.

    What looks like code is data only where a manifest lists it; a corpus may well be of programs.
    """
    path = Path(raw_of(entry.path))
    data = entry.is_data and bool(entry.size) and not entry.listed and path not in manifests
    return data and not (entry.executable and role_of(str(path), "call") == "data" and _is_program(path))


def _is_program(path: Path) -> bool:
    """Whether a file that may be executed is a program; on some file systems, and in copies of them, every file may."""
    try:
        with path.open("rb") as file:
            return file.read(4).startswith((b"#!", b"\x7fELF"))
    except OSError:
        return False


def _said(missed: Sequence[str]) -> str:
    names = ", ".join(text_of(path) for path in missed[:_NAMED])
    more = f" and {len(missed) - _NAMED} more" if len(missed) > _NAMED else ""
    return f"read, and in no dataset manifest of the project: {names}{more}"
