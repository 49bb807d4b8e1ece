"""A directory that may be released as one model: its files as they are, by content."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from reprokit.digest import sha256_bytes
from reprokit.errors import UnverifiedError, UsageError
from reprokit.launch.lineage_chain import local_path, state_of
from reprokit.launch.texts import raw_of, text_of
from reprokit.lineage.graph import Graph
from reprokit.lineage.rules.folders import of_folder
from reprokit.schema.lineage import Artifact, Lineage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reprokit.launch.lineage_chain import GraphSource
    from reprokit.lineage.rules import FileState
    from reprokit.schema.release import ReleaseFinding, ReleaseRules

_MOST_FILES = 100_000
_EMPTY = sha256_bytes(b"")


@dataclass(frozen=True)
class Folder:
    """A directory.

    Attributes:
        path: its real path.
        held: digests of its files, by path in it.
        nodes: those of them that were made by an execution in the graph.
        own: what the graph knows of the files.
        files: states of the nodes.
    """

    path: str
    held: dict[str, str]
    nodes: list[str] = field(default_factory=list)
    own: Lineage = field(default_factory=Lineage)
    files: dict[str, FileState] = field(default_factory=dict)

    def findings(self, chain: Lineage, rules: ReleaseRules) -> list[ReleaseFinding]:
        """What is wrong with it as a whole."""
        return list(of_folder(Graph(chain), self.path, self.held, rules.external_models))


def folder_at(path: Path, source: GraphSource) -> Folder:
    """Reads a directory; a link to a file counts as the file, and what cannot be read is no directory to judge.

    Raises:
        UsageError: RPK003, it holds nothing, or far more files than a model.
        UnverifiedError: RPK149, something in it cannot be read.
    """
    top = path.resolve()
    states: dict[str, FileState] = {}
    for file in _files(top):
        if len(states) == _MOST_FILES:
            raise UsageError("RPK003", f"{path} has more than {_MOST_FILES} files", "Name the model's own directory.")
        states[text_of(str(file.relative_to(top)))] = _readable(file)
    held = {name: state.digest for name, state in states.items()}
    if set(held.values()) <= {_EMPTY}:
        raise UsageError("RPK003", f"{path} holds no file with any content", "Name the model's directory.")
    known = {
        digest: node
        for digest in sorted({*held.values()})
        for node in source.find(digest)
        if isinstance(node, Artifact)
    }
    above = Graph(source.walk(sorted(known), "up"))
    # What a run only read was made elsewhere; whether it may lie here is asked of the directory as a whole.
    made = [digest for digest in known if above.makers[digest]]
    nodes = [*known.values(), *_placed(top, {name for name, digest in held.items() if digest not in known}, source)]
    files = {state.digest: state for state in states.values() if state.digest in made}
    return Folder(text_of(str(top)), held, made, Lineage(artifacts=nodes), files)


def _placed(top: Path, unknown: set[str], source: GraphSource) -> list[Artifact]:
    """What lay in the place of files whose content nobody knows: they were changed."""
    found = {}
    for name in sorted(unknown):
        here = Path(top, raw_of(name))
        for node in source.find(here.name):
            if isinstance(node, Artifact) and local_path(node.uri) == here:
                found[node.id] = node
    return list(found.values())


def _files(top: Path) -> Iterator[Path]:
    """The files in a directory, sorted; links to directories are not followed.

    Raises:
        UnverifiedError: RPK149.
    """

    def failed(error: OSError) -> None:
        raise UnverifiedError("RPK149", f"{error.filename} cannot be read: {error.strerror}")

    for folder, folders, names in os.walk(top, onerror=failed):
        for name in folders:
            if Path(folder, name).is_symlink():
                raise UnverifiedError("RPK149", f"{Path(folder, name)} is a link to a directory")
        folders.sort()
        yield from (Path(folder, name) for name in sorted(names))


def _readable(path: Path) -> FileState:
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
    except OSError as error:
        raise UnverifiedError("RPK149", f"{path} cannot be read: {error.strerror}") from None
    if not regular:
        raise UnverifiedError("RPK149", f"{path} is no regular file")
    state = state_of(path)
    if state.problem:
        raise UnverifiedError("RPK149", f"{path} cannot be read: {state.problem}")
    return state
