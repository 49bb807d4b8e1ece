"""A file of a snapshot, as a plain tuple: there may be ten million, and a model for each would be slow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from reprokit.datasets.names import unwritten, written
from reprokit.schema.dataset import FileEntry

if TYPE_CHECKING:
    from collections.abc import Mapping


class Entry(NamedTuple):
    """The fields of `reprokit.schema.dataset.FileEntry`; the path has surrogate escapes."""

    path: str
    digest: str
    size: int
    link: str | None = None
    pointer: str | None = None
    version: str | None = None
    etag: str | None = None


_OPTIONAL = ("link", "pointer", "version", "etag")


def plain(entry: Entry) -> dict[str, Any]:
    """An entry as JSON values; what is not known is left out."""
    found: dict[str, Any] = {"path": written(entry.path), "digest": entry.digest, "size": entry.size}
    for name in _OPTIONAL:
        value = getattr(entry, name)
        if value is not None:
            found[name] = written(value) if name == "link" else value
    return found


def of_plain(values: Mapping[str, Any]) -> Entry:
    """Reads what `plain` wrote.

    Raises:
        KeyError: a required key is missing.
        TypeError: a value has another type.
    """
    path, digest, size, link = values["path"], values["digest"], values["size"], values.get("link")
    if not (isinstance(path, str) and isinstance(digest, str) and isinstance(size, int)):
        raise TypeError("a file's path and digest are text, and its size is a number")
    rest = {name: values[name] for name in _OPTIONAL if name != "link" and values.get(name) is not None}
    return Entry(unwritten(path), digest, size, unwritten(link) if link is not None else None, **rest)


def model(entry: Entry) -> FileEntry:
    """An entry as a part of a manifest."""
    return FileEntry.model_validate(plain(entry))


def of_model(entry: FileEntry) -> Entry:
    """A manifest's file as an entry."""
    link = unwritten(entry.link) if entry.link is not None else None
    return Entry(unwritten(entry.path), entry.digest, entry.size, link, entry.pointer, entry.version, entry.etag)
