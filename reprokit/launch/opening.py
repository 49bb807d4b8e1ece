"""Opens a bundle: container, manifest, id. What a manifest says of places is checked before anything trusts it."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from reprokit.bundle.names import unescape_name
from reprokit.bundle.reader import BundleReader
from reprokit.digest import sha256_bytes
from reprokit.errors import CorruptBundleError
from reprokit.launch.texts import raw_of, text_of
from reprokit.schema.versions import load_document

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from reprokit.schema.manifest import InputFile, Manifest, OutputFile

MANIFEST_SCHEMA = "reprokit.manifest/1"


@contextmanager
def open_bundle(path: Path) -> Iterator[tuple[BundleReader, Manifest, str]]:
    """Opens a bundle; yields its reader, its manifest and its id.

    Raises:
        UsageError: RPK003, there is no such file.
        CorruptBundleError: it cannot be read as a bundle, or its manifest names impossible places.
    """
    from reprokit.schema.manifest import Manifest

    with _opened(path) as reader:
        manifest = Manifest.parse(reader.manifest, f"the manifest of {path.name}")
        _check_places(manifest)
        _check_members(reader, manifest)
        yield reader, manifest, sha256_bytes(reader.manifest)


def _opened(path: Path) -> BundleReader:
    """The reader; of several bundles the message says which one is broken."""
    try:
        return BundleReader.open(path)
    except CorruptBundleError as error:
        raise CorruptBundleError(error.code, f"{text_of(path.name)}: {error.message}", error.hint) from error


def _check_places(manifest: Manifest) -> None:
    """Every path is absolute and normalised, so that none leads out of the tree in which a replay lays them out."""
    run = manifest.run
    if not run.command:
        raise CorruptBundleError("RPK027", "the manifest has an empty command")
    try:
        for text in (*run.command, *run.environment.values()):
            raw_of(text)
        paths = [run.root, run.working_directory, *run.directories, *run.prefixes]
        for path in (*paths, *(one.path for one in manifest.inputs), *(one.path for one in manifest.outputs)):
            raw = raw_of(path)
            if not raw.startswith("/") or raw.startswith("//") or "\0" in raw or os.path.normpath(raw) != raw:
                raise CorruptBundleError("RPK027", f"the manifest names {path!a}, which is no absolute, plain path")
    except ValueError as error:
        raise CorruptBundleError("RPK027", f"the manifest holds a badly escaped text: {error}") from None


def _check_members(reader: BundleReader, manifest: Manifest) -> None:
    """Every member that an input or output points to is in the archive, with the digest and size that it states."""
    held = {member.path: (member.sha256, member.size) for member in reader.members}
    entries: list[InputFile | OutputFile] = [*manifest.inputs, *manifest.outputs]
    for entry in entries:
        if entry.member is None:
            continue
        try:
            name = unescape_name(entry.member)
        except ValueError as error:
            raise CorruptBundleError("RPK027", str(error)) from None
        if held.get(name) != (entry.sha256, entry.size):
            raise CorruptBundleError("RPK027", f"{entry.path}: the manifest and the member {entry.member} disagree")


def peek(path: Path) -> tuple[dict[str, Any], bytes]:
    """The manifest as plain JSON, its schema's version checked and nothing else, and its bytes.

    Raises:
        UsageError: RPK003, there is no such file.
        CorruptBundleError: it cannot be read as a bundle.
    """
    with _opened(path) as reader:
        return load_document(reader.manifest, MANIFEST_SCHEMA, f"the manifest of {path.name}"), reader.manifest


_RUN: dict[str, Any] = {
    "name": str, "command": list, "environment": dict, "exit_status": int, "duration_s": (int, float), "started": str,
    "working_directory": str, "root": str, "policy": str, "trace_level": str,
}  # fmt: skip
_LISTS = ("inputs", "outputs", "streams", "metrics", "warnings", "members")
_ROWS: dict[str, dict[str, Any]] = {
    "inputs": {"path": str, "size": int}, "outputs": {"path": str, "size": int}, "members": {"size": int},
    "warnings": {"code": str, "message": str}, "metrics": {"name": str, "source": str},
    "streams": {"name": str, "steps": int, "delimited_by": str, "complete": bool},
}  # fmt: skip


def is_plausible(document: dict[str, Any]) -> bool:
    """Whether a manifest has the shape that is needed to show it. What fails here is left to full validation."""
    run = document.get("run")
    if not isinstance(run, dict) or not all(isinstance(run.get(key), kind) for key, kind in _RUN.items()):
        return False
    if not run["command"] or not all(isinstance(word, str) for word in run["command"]):
        return False
    for name in _LISTS:
        rows = document.get(name)
        if not isinstance(rows, list):
            return False
        for row in rows:
            if not isinstance(row, dict) or not all(isinstance(row.get(k), kind) for k, kind in _ROWS[name].items()):
                return False
    paths = [
        run["root"],
        run["working_directory"],
        *(row["path"] for row in (*document["inputs"], *document["outputs"])),
    ]
    return all(path.startswith("/") and "\0" not in path for path in paths)
