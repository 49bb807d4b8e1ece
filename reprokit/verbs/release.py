"""Judges whether a model or a bundle may be released, by the rules of a policy; nothing is run."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from reprokit.errors import ReprokitError, UnverifiedError, UsageError
from reprokit.launch.lineage_chain import GraphSource, HeldGraph, chain_of, files_at_hand, local_path, state_of
from reprokit.launch.lineage_opening import opened_graph
from reprokit.launch.lineage_parts import part_of_bundle
from reprokit.launch.lineage_places import pending_directory, store_place
from reprokit.launch.opening import open_bundle
from reprokit.lineage.merging import described, merge
from reprokit.lineage.rules import FileState, judge_several
from reprokit.lineage.spool import waiting
from reprokit.policy.policies import BUILT_IN as POLICIES
from reprokit.policy.tables import check_tables, resolve
from reprokit.schema.config import load_config
from reprokit.schema.lineage import Artifact, Lineage
from reprokit.schema.release import (
    BUILT_IN,
    ReleaseReport,
    ReleaseRules,
    asks_of_releases,
    rules_of,
    with_additions,
)
from reprokit.schema.tiers import Status
from reprokit.verbs.lineage_nodes import check_readable
from reprokit.verbs.release_data import bundles_at_hand, datasets_at_hand, unrelated_manifests
from reprokit.verbs.release_folder import folder_at
from reprokit.verbs.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reprokit.lineage.store import Store
    from reprokit.schema.config import Config
    from reprokit.schema.lineage import Execution
    from reprokit.verbs.release_folder import Folder

_FILES = ("File", "Model", "OptOutList", "Bundle")
_BUNDLE = ".repro.tar.zst"
_ZSTD = b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True)
class _Subject:
    """What is asked about: its node, what it says itself, and how its file is now where that is known."""

    nodes: list[str]
    own: Lineage = field(default_factory=Lineage)
    files: dict[str, FileState] = field(default_factory=dict)
    folder: Folder | None = None

    @property
    def node(self) -> str:
        """The node of what is one file or one run; a directory has none of its own."""
        return self.nodes[0] if self.folder is None else ""


def verify_release(
    subject: str,
    policy: str = BUILT_IN,
    *,
    lineage: str | None = None,
    now: float | None = None,
    start: Path | None = None,
    progress: Callable[[str], None] = lambda _text: None,
) -> ReleaseReport:
    """Judges a bundle, a model's file or directory, or whatever has a node in the graph.

    Args:
        subject: a path, or an identifier, its beginning, a URI, or the name of what is no file.
        policy: its name.
        lineage: the graph: a ``reprokit.lineage/1`` document, or a store; the project's store by default.
        now: seconds since the epoch; the clock's by default.
        start: where the configuration is looked for, upwards; the working directory by default.
        progress: is told, in a few words, what happens.

    Raises:
        UsageError: RPK003, there is no such file; RPK145, the name is ambiguous; RPK146, no such policy.
        UnverifiedError: RPK140 or RPK141, the graph cannot be had.
        CorruptBundleError: the bundle or the document is damaged, or from a newer version.
    """
    where = start or Path.cwd()
    config = load_config(where)
    _check_additions(config, policy)
    rules = rules_of(with_additions(config.release, config.policy), policy)
    with graph_source(where, lineage) as source:
        asked = _resolved(source, subject)
        chain = chain_of(source, asked.nodes, asked.own)
    return _report(subject, policy, rules, asked, chain, now=now, start=where, progress=progress)


def _check_additions(config: Config, policy: str) -> None:
    """A table that bears a release policy's name and whose every key is misspelt would be passed over by both kinds."""
    for name in dict.fromkeys((BUILT_IN, policy, *config.release)):
        table = config.policy.get(name)
        if table is None or asks_of_releases(table):
            continue
        try:
            if name in POLICIES:
                check_tables({name: table})  # which says that this name is taken
            resolve(name, config.policy)
        except UsageError as error:
            said = f"[tool.reprokit.policy.{name}] has keys neither of a release policy nor of determinism switches"
            known = f"Known keys of a release policy: {', '.join(ReleaseRules.model_fields)}."
            raise UsageError("RPK146", f"{said}: {error.message}", known) from None


def _report(
    subject: str,
    policy: str,
    rules: ReleaseRules,
    asked: _Subject,
    chain: Lineage,
    *,
    now: float | None,
    start: Path,
    progress: Callable[[str], None],
) -> ReleaseReport:
    files, unrelated = dict(asked.files), frozenset[tuple[str, str]]()
    if rules.files == "check":
        for node in asked.nodes:
            files = {**files_at_hand(chain, node, progress), **files}
        bundles = bundles_at_hand(chain, asked.nodes, progress)
        files, chain = files | bundles.states, merge([chain, bundles.words])
        wanted = {node.id: node.name for node in chain.artifacts if node.type == "DatasetManifest"}
        datasets = datasets_at_hand(wanted, start, progress)
        files, unrelated = files | datasets.states, unrelated_manifests(chain, datasets.manifests)
        progress("comparing")
    at = int((time.time() if now is None else now) * 1000)
    judged = judge_several(chain, asked.nodes, rules, at, files, unrelated)
    findings = judged.findings
    if asked.folder is not None:
        findings = [*asked.folder.findings(chain, rules), *findings]
    unsure = bool(findings) and not any(finding.established for finding in findings)
    return ReleaseReport(
        subject=subject, node=asked.node, policy=policy, rules=rules, met=not findings,
        status=Status.UNVERIFIED if unsure else Status.VERIFIED, time=at, findings=findings,
        models=judged.models, runs=judged.runs, manifests=judged.manifests, rebuilt=judged.rebuilt,
        checked=sorted(state.place for state in files.values() if not state.problem),
    )  # fmt: skip


@contextlib.contextmanager
def graph_source(start: Path, lineage: str | None = None) -> Iterator[GraphSource]:
    """The graph that is asked: a document, a store, or the project's store with all that waits for it.

    Raises:
        UsageError: RPK003, there is no such file; RPK142 or RPK143, not a store that this version can use.
        UnverifiedError: RPK140 or RPK141, it cannot be had.
        CorruptBundleError: the document is damaged, or from a newer version.
    """
    if lineage is not None and lineage.endswith(".json"):
        yield HeldGraph(_document(Path(lineage)))
    elif lineage is not None:
        with _store(lineage) as store:
            yield store
    else:
        with contextlib.ExitStack() as stack:
            source: GraphSource
            try:
                source = stack.enter_context(opened_graph(start)).store
            except UnverifiedError as error:
                if error.code != "RPK140":
                    raise
                source = HeldGraph(_waiting(start))  # without a database nobody has taken the parts away
            yield source


def _store(place: str) -> Store:
    try:
        from reprokit.lineage.store import Store
    except ImportError as error:
        raise UnverifiedError("RPK140", f"the lineage graph cannot be read: {error}") from None
    if "://" not in place and not os.path.isfile(place):  # noqa: PTH113 - a name that is too long is none
        raise UsageError("RPK003", f"{place}: there is no such file")
    return Store(place)


def _document(path: Path) -> Lineage:
    try:
        return Lineage.parse(path.read_bytes(), path.name)
    except OSError as error:
        raise UsageError("RPK003", f"{path}: {error.strerror}") from None


def _waiting(start: Path) -> Lineage:
    parts = []
    for path in waiting(pending_directory(store_place(load_config(start), start))):
        with contextlib.suppress(ReprokitError, OSError):  # whoever drains them says what is wrong with one
            parts.append(Lineage.parse(path.read_bytes(), path.name))
    return merge(parts)


def _resolved(source: GraphSource, subject: str) -> _Subject:
    if not subject:  # a variable that is not set: the empty path would be the whole working directory
        raise UsageError("RPK003", "the name of what is to be judged is empty")
    path = (local_path(subject) if subject.startswith("file:") else None) or Path(subject)
    if os.path.isfile(path):  # noqa: PTH113 - a name that is too long for a file is none, and no error
        return _bundle(path) if _is_bundle(path) else _file(source, path)
    if os.path.isdir(path):  # noqa: PTH112
        folder = folder_at(path, source)
        return _Subject(folder.nodes, folder.own, folder.files, folder)
    if "\0" not in subject and os.path.lexists(path):
        check_readable(path)  # a link to nothing, or a pipe, is not the model that once lay there
    found = source.find(subject)
    if not found:
        if subject.startswith(("sha256:", "urn:")):
            return _Subject([subject])
        raise UsageError("RPK003", f"{subject}: there is no such file, and nothing of this name in the graph")
    if len(found) > 1:
        said = "; ".join(f"{described(node)} {node.id}" for node in found[:10])
        raise UsageError("RPK145", f"{subject!r} can be {len(found)} nodes: {said}")
    _check_no_file(subject, found[0])
    return _Subject([found[0].id])


def _check_no_file(subject: str, node: Artifact | Execution) -> None:
    """A file that is missing is not judged by its name: other projects share the graph, and have files of that name.

    Raises:
        UsageError: RPK003.
    """
    if not isinstance(node, Artifact) or node.type not in _FILES or (node.uri and local_path(node.uri) is None):
        return
    if subject in (node.name, node.uri):
        said = f"{subject}: there is no such file; the graph knows {described(node)} by that name"
        raise UsageError("RPK003", said, f"Name the file, or its content wherever it lies: {node.id}")


def _is_bundle(path: Path) -> bool:
    if path.name.endswith(_BUNDLE):
        return True
    try:
        with path.open("rb") as file:
            return file.read(len(_ZSTD)) == _ZSTD
    except OSError as error:
        raise UnverifiedError("RPK149", f"{path} cannot be read: {error.strerror}") from None


def _bundle(path: Path) -> _Subject:
    verify(path)
    with open_bundle(path) as (reader, manifest, bundle_id):
        return _Subject([bundle_id], part_of_bundle(reader, manifest, bundle_id, path.stat().st_size))


def _file(source: GraphSource, path: Path) -> _Subject:
    """A file by its content; one that was changed, by its place."""
    state = state_of(path)
    if state.problem:
        raise UnverifiedError("RPK149", f"{path} cannot be read: {state.problem}")
    if source.find(state.digest):
        return _Subject([state.digest], files={state.digest: state})
    here = {path.resolve(), path.absolute()}
    placed = [node for node in source.find(path.name) if local_path(getattr(node, "uri", "")) in here]
    if placed:
        latest = max(placed, key=lambda node: getattr(node, "created", 0))
        return _Subject([latest.id], files={latest.id: state})
    return _Subject([state.digest], files={state.digest: state})
