"""Baseline files: their names, reading them with every doubt an error, and writing them under a lock."""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import re
import zipfile
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from reprokit.compare.values import UnreadableError, read_content
from reprokit.errors import CorruptBundleError, ReprokitError, UsageError
from reprokit.launch.writing import write_atomically
from reprokit.schema.baseline import Baseline

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from reprokit.compare.values import Tensor

_ARRAYS = "arrays"
_LONGEST = 80
_MAX_BYTES = 64 << 20


class UnusableBaselineError(ReprokitError):
    """RPK073 or RPK078: the stored file cannot be read or written; the test fails, it never passes for that."""


def file_name(test: str) -> str:
    """A file's name for a test's id: readable, valid on every file system, and of one test only.

    >>> file_name("test_net.py::test_forward[relu/1]")
    'test_net.test_forward-relu-1-2e97475a.json'
    """
    readable = re.sub(r"[^A-Za-z0-9_.]+", "-", test.replace(".py::", ".").replace("::", ".")).strip("-.")
    # Upper and lower case, and characters that were replaced, count here.
    return f"{readable[:_LONGEST]}-{hashlib.sha256(test.encode()).hexdigest()[:8]}.json"


def load(path: Path, test: str) -> Baseline | None:
    """Reads a test's baseline.

    Args:
        path: the file.
        test: the test's id, which the file must name.

    Returns:
        None if there is none.

    Raises:
        UnusableBaselineError: RPK073, it is there and cannot be used.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, f"cannot be read: {error.strerror}") from error
    if len(data) > _MAX_BYTES:
        raise _unusable(path, f"has more than {_MAX_BYTES >> 20} MiB")
    if b"<<<<<<< " in data[:_MAX_BYTES] and b">>>>>>> " in data:
        raise _unusable(path, "holds the marks of a merge conflict", "Resolve it, or take one side and update.")
    try:
        found = Baseline.parse(data, str(path))
    except CorruptBundleError as error:
        hint = "Upgrade reprokit, or delete the file and write it anew with --repro-update-new-only."
        newer = hint if error.code == "RPK025" else ""
        raise _unusable(path, error.message.removeprefix(f"{path} "), newer) from error
    if found.test != test:
        raise _unusable(path, f"belongs to the test {found.test}, not to {test}", "Do not copy or rename baselines.")
    return found


def _unusable(path: Path, why: str, hint: str = "") -> UnusableBaselineError:
    return UnusableBaselineError("RPK073", f"the baseline {path} {why}", hint)


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Holds the directory for one writer; other processes wait. The lock is on the directory: no file is left.

    Raises:
        UnusableBaselineError: RPK078, there is no such directory and none can be made.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise UnusableBaselineError("RPK078", f"baselines cannot be kept in {directory}: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def save(path: Path, baseline: Baseline) -> bool:
    """Writes a baseline whole or not at all; a file that says the same already is not touched.

    Returns:
        Whether the file changed.

    Raises:
        UnusableBaselineError: RPK078, it cannot be written.
    """
    data = baseline.text().encode()
    with suppress(OSError):
        if path.read_bytes() == data:
            return False
    write(path, data)
    return True


def write(path: Path, data: bytes) -> None:
    """Writes a file of the store.

    Raises:
        UnusableBaselineError: RPK078.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data)
    except (OSError, UsageError) as error:
        raise UnusableBaselineError("RPK078", f"the baseline {path} cannot be written: {error}") from error


def store_array(directory: Path, leaf: Tensor) -> str:
    """Keeps an array beside the baselines, named by its content.

    Returns:
        The file's name below ``arrays/``: the sha256 of its bytes and ``.npz``.
    """
    import numpy as np

    member = io.BytesIO()
    np.lib.format.write_array(member, leaf.array(), allow_pickle=False)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:  # stored, with the date of all ZipInfo: equal arrays, equal bytes
        archive.writestr(zipfile.ZipInfo("array.npy"), member.getvalue())
    data = packed.getvalue()
    name = f"{hashlib.sha256(data).hexdigest()}.npz"
    if not (directory / _ARRAYS / name).exists():
        write(directory / _ARRAYS / name, data)
    return name


def stored_array(directory: Path, name: str, dtype: str) -> Tensor:
    """Reads a kept array, whose bytes must be those that its name says.

    Raises:
        UnusableBaselineError: RPK073, it is missing or altered.
    """
    from reprokit.compare.values.arrays import array_leaf

    path = directory / _ARRAYS / name
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if f"{found}.npz" != name:
            raise _unusable(path, "is not the array that it was: its sha256 is another")
        leaf: Any = next(iter(read_content(path, name).leaves.values()))
        return array_leaf(leaf.array(), dtype)
    except (OSError, UsageError, UnreadableError) as error:
        why = f"cannot be read: {getattr(error, 'strerror', None) or error}"
        raise _unusable(path, why, "Commit the directory arrays/ with the baselines.") from error


def arrays_in(baseline: Baseline) -> set[str]:
    """The names of the arrays that a baseline refers to."""
    leaves = (leaf for checks in baseline.entries.values() for found in checks.values() for leaf in found.values())
    return {leaf.file for leaf in leaves if leaf.file}


def test_of(path: Path) -> str | None:
    """The test that a file names, or None if it is no baseline."""
    try:
        found = json.loads(path.read_bytes())
        return str(found["test"]) if str(found["schema"]).startswith("reprokit.baseline/") else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def unlink(path: Path) -> None:
    """Deletes a file of the store.

    Raises:
        UnusableBaselineError: RPK078.
    """
    try:
        path.unlink()
    except OSError as error:
        raise UnusableBaselineError("RPK078", f"{path} cannot be deleted: {error.strerror}") from error
