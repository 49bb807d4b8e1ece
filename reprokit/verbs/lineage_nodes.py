"""Which node of the graph somebody means: by a file's content, an identifier or its beginning, a name, a URI."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from reprokit.digest import sha256_file
from reprokit.errors import CorruptBundleError, UnverifiedError, UsageError
from reprokit.launch.lineage_chain import local_path
from reprokit.launch.lineage_of_bundle import file_uri
from reprokit.launch.opening import open_bundle
from reprokit.launch.packing import SUFFIX
from reprokit.launch.texts import text_of
from reprokit.schema.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reprokit.lineage.store import Store
    from reprokit.schema.lineage import Artifact, Execution

_ZSTD = b"\x28\xb5\x2f\xfd"
_MOST_FILES = 100_000
_LOOKED_UP = 1000  # files of a directory whose place is looked up, since nothing has their content
_MOST_JSON = 64 << 20  # bytes of a document that may be a verdict or a dataset manifest
_NAMED = 10
_SHORTEST = 8  # characters of the beginning of an identifier


def nodes_meant(store: Store, text: str) -> list[Artifact | Execution]:
    """The nodes that ``text`` means: one, or those of a directory's files.

    A path of a file or directory that exists means its content, whatever it is called; so does a ``file:`` URI of one.

    Raises:
        UsageError: RPK144, nothing bears this name; RPK145, several do.
        UnverifiedError: RPK144, the file is there and its content is in no graph here.
        CorruptBundleError: it is a damaged bundle.
    """
    path = (local_path(text) if text.startswith("file:") else None) or Path(text)
    if text and "\0" not in text and os.path.lexists(path):
        return _of_directory(store, path) if path.is_dir() else _of_file(store, path)
    text = text_of(text)
    found = store.find(text) or store.find(file_uri(text_of(str(path.absolute()))))
    if len({node.id for node in found}) == 1:  # a stranger may have called an artifact and a run alike
        return found
    if found:
        raise UsageError("RPK145", f"{text!a} may be any of: {_listed(found)}")
    short = len(text.rpartition(":")[2]) < _SHORTEST and set(text.rpartition(":")[2]) <= set("0123456789abcdef")
    more = f"; the beginning of an identifier needs {_SHORTEST} characters" if text and short else ""
    raise UsageError("RPK144", f"the lineage graph in {store.place} has no {text!a}{more}")


def _of_file(store: Store, path: Path) -> list[Artifact | Execution]:
    """What has the file's content: a node, or two of a bundle or manifest that a run has read as it reads any file."""
    identities = identities_of(path)
    found = store.known(identities)
    if found:
        return found
    if not path.stat().st_size:
        raise UnverifiedError("RPK144", f"{path} is empty, and empty files are in no lineage graph: all are one file")
    same_name = [*store.find(file_uri(text_of(str(path.absolute())))), *store.find(text_of(path.name))]
    known = f"; by that name it knows {_listed(same_name)}" if same_name else ""
    raise UnverifiedError(
        "RPK144",
        f"{path} has the content {identities[0]}, which the lineage graph in {store.place} does not know{known}",
    )


def _of_directory(store: Store, path: Path) -> list[Artifact | Execution]:
    files = []
    for folder, _, names in os.walk(path):
        files += [Path(folder, name) for name in names]
        if len(files) > _MOST_FILES:
            raise UsageError("RPK144", f"{path} has more than {_MOST_FILES} files", "Name one of them.")
    identities = {file: identities_of(file) for file in sorted(files) if file.is_file()}
    found = store.known({one for several in identities.values() for one in several})
    known = {node.id for node in found}
    unknown = [file for file, several in identities.items() if not known & {*several} and file.stat().st_size]
    changed = [file for file in unknown[:_LOOKED_UP] if store.find(file_uri(text_of(str(file.absolute()))))]
    if changed:
        named = ", ".join(text_of(str(file)) for file in changed[:_NAMED])
        raise UnverifiedError(
            "RPK144", f"{len(changed)} files in {path} were changed since they were recorded: {named}"
        )
    if not found:
        raise UnverifiedError("RPK144", f"the lineage graph in {store.place} knows none of the files in {path}")
    return found


def identities_of(path: Path) -> list[str]:
    """The identifiers that a file's node may have: of a bundle, a verdict or a manifest its id, and its bytes' digest.

    Raises:
        UsageError: RPK003, it cannot be read, or is a pipe or a device.
        CorruptBundleError: it is a damaged bundle.
    """
    try:
        check_readable(path)
        with path.open("rb") as file:
            head = file.read(64)
        if head.startswith(_ZSTD):
            own = _of_bundle(path)
        elif head.lstrip().startswith(b"{") and path.stat().st_size <= _MOST_JSON:
            own = _of_document(path.read_bytes())
        else:
            own = ""
        return [own, sha256_file(path)] if own else [sha256_file(path)]
    except OSError as error:
        raise UsageError("RPK003", f"cannot read {path}: {error.strerror}") from None


def check_readable(path: Path) -> None:
    """Only files are read: a pipe would wait for ever, and a device may never end.

    Raises:
        UsageError: RPK003, it is something else, or it is not there.
    """
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError) as error:
        raise UsageError("RPK003", f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
    if not regular:
        raise UsageError("RPK003", f"cannot read {path}: it is no regular file")


def _of_bundle(path: Path) -> str:
    """A bundle's id, or an empty text for data that happen to be compressed in the same way."""
    try:
        with open_bundle(path) as (_reader, _manifest, bundle_id):
            return bundle_id
    except CorruptBundleError:
        if path.name.endswith(SUFFIX):
            raise
        return ""


def _of_document(data: bytes) -> str:
    """A document's own identifier, or an empty text for what is none that bears one."""
    try:
        plain = json.loads(data)
        schema = str(plain.get("schema", ""))
    except (ValueError, AttributeError, RecursionError):
        return ""
    try:
        if schema.startswith("reprokit.verdict/"):
            return Verdict.parse(data, "the verdict").identity()
        if schema.startswith("reprokit.dataset-manifest/"):
            from reprokit.schema.dataset_identity import manifest_id

            return manifest_id(plain)
    except (CorruptBundleError, ValueError):
        return ""
    return ""


def _listed(nodes: Iterable[Artifact | Execution]) -> str:
    several = list({node.id: node for node in nodes}.values())
    more = f" and {len(several) - _NAMED} more" if len(several) > _NAMED else ""
    return ", ".join(f"{node.type} {node.name} = {node.id}"[:200] for node in several[:_NAMED]).encode(
        "ascii", "backslashreplace"
    ).decode() + more  # fmt: skip
