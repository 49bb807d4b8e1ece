"""Pointer files: Git LFS keeps one in the content's place, DVC keeps one beside it.

A Git LFS pointer names the sha256 and the size of what it stands for, so a checkout without the content has the same
tree digest as one with it. A ``.dvc`` file names an md5, which is compared with what lies beside it. Formats: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md,
https://dvc.org/doc/user-guide/project-structure/dvc-files.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from typing import TYPE_CHECKING, Any

from reprokit.datasets.entries import Entry
from reprokit.datasets.names import written
from reprokit.datasets.sources import damaged, needed
from reprokit.errors.reasons import reason_of
from reprokit.schema.dataset import Pointer

if TYPE_CHECKING:
    from collections.abc import Iterator

_LFS = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:ext-\d-[^\n]+\n)*oid sha256:([0-9a-f]{64})\nsize (\d{1,19})\n"
)
LARGEST = 1024
"""A Git LFS pointer is smaller than this, in bytes."""
_LARGEST_DVC = 1 << 20


def lfs_pointer(data: bytes) -> tuple[str, int] | None:
    """The digest (``sha256:HEX``) and the size that a Git LFS pointer names; None for another file."""
    found = _LFS.fullmatch(data) if len(data) < LARGEST else None
    return ("sha256:" + found[1].decode(), int(found[2])) if found else None


def resolved(root: str, entry: Entry) -> tuple[Entry, Pointer | None]:
    """The entry of what a file stands for: of its content if it is a Git LFS pointer, else the entry itself."""
    if not 100 < entry.size < LARGEST:
        return entry, None
    with open(os.path.join(root, entry.path), "rb") as file:
        named = lfs_pointer(file.read(LARGEST))
    if named is None:
        return entry, None
    digest, size = named
    path = written(entry.path)
    return (
        Entry(entry.path, digest, size, entry.link, "git-lfs"),
        Pointer(path=path, kind="git-lfs", points_to=path, digest=digest, size=size, present=False),
    )


def dvc_pointers(root: str, path: str) -> Iterator[Pointer]:
    """What a ``.dvc`` file names, each compared with the content beside it.

    Raises:
        UnverifiedError: RPK156, it is damaged; RPK150, PyYAML is missing.
    """
    yaml = needed("yaml", path)
    full = os.path.join(root, path)
    try:
        with open(full, "rb") as file:
            # DVC writes YAML 1.2, and PyYAML reads 1.1, where `no` is a truth value and `12:30` a number: all is text.
            found = yaml.load(file.read(_LARGEST_DVC), Loader=yaml.BaseLoader)
        outputs, below = _outputs(found), str(found.get("wdir") or ".")
        named = [(os.path.join(below, str(out["path"])), *_digest_of(out), _size(out.get("size"))) for out in outputs]
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise damaged(path, f"no .dvc file: {reason_of(error)}") from None
    folder = path.rpartition("/")[0]
    for name, kind, value, size in named:
        target = os.path.normpath(os.path.join(folder, name))
        if target.startswith("..") or os.path.isabs(target):
            raise damaged(path, f"it names a path outside of the dataset: {name}")
        here = os.path.join(root, target)
        present = os.path.isfile(here) or os.path.isdir(here)  # a pipe would be waited for
        yield Pointer(
            path=written(path), kind="dvc", points_to=written(target), digest=f"dvc-{kind}:{value}",
            size=size, present=present,
            agrees=_agrees(here, kind, value) if present else None,
        )  # fmt: skip


def _outputs(found: Any) -> list[Any]:
    outputs = found["outs"]
    if not isinstance(outputs, list) or not all(out["path"] for out in outputs):
        raise TypeError("it has no outputs with a path")
    return outputs


def _size(text: object) -> int | None:
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 20 else None


def _digest_of(out: dict[str, Any]) -> tuple[str, str]:
    """The kind and the value of what DVC says of an output.

    Until version 3 it had no key ``hash``, and the line ends of texts did not count. An output that was imported and
    never fetched has the digest of its store, or none.
    """
    if "md5" in out:
        return ("md5" if out.get("hash") == "md5" else "md5-dos2unix"), str(out["md5"])
    return next(((key, str(out[key])) for key in ("etag", "checksum", "version_id") if key in out), ("none", ""))


def _agrees(here: str, kind: str, value: str) -> bool | None:
    """Whether content has a digest; None where it cannot be computed from the content alone."""
    if not kind.startswith("md5"):
        return None
    if dvc_md5(here) == value:
        return True
    if kind == "md5":
        return False
    return None if os.path.isdir(here) else _md5_of_text(here) == value


def _md5_of_text(path: str) -> str:
    state, held = hashlib.md5(usedforsecurity=False), b""
    with open(path, "rb") as file:
        while data := file.read(1 << 20):
            data = held + data
            held = data[-1:] if data.endswith(b"\r") else b""  # a line end may be cut in two
            state.update(data[: len(data) - len(held)].replace(b"\r\n", b"\n"))
    state.update(held)
    return state.hexdigest()


def dvc_md5(full: str) -> str:
    """DVC's digest of a file, or of a directory: the md5 of a JSON list of its files' md5 and paths, with ``.dir``."""
    if not os.path.isdir(full):
        return _md5(full)
    files: list[dict[str, Any]] = []
    for folder, _, names in os.walk(full):
        for name in names:
            path = os.path.join(folder, name)
            files.append({"md5": _md5(path), "relpath": os.path.relpath(path, full).replace(os.sep, "/")})
    files.sort(key=lambda one: str(one["relpath"]))
    return hashlib.md5(json.dumps(files, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + ".dir"


def _md5(path: str) -> str:
    with open(path, "rb", buffering=0) as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
