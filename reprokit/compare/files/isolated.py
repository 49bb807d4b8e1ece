"""Reading a file with a library of its own, in a process of its own.

Libraries such as HDF5's are written in C and have crashed, hung and filled the memory on damaged files. So they run in
a child process with limits on processor time and memory, and hand back plain values and an unlinked file of bytes. The
library is optional: without it nothing is claimed.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reprokit.compare.files.arrays import dense
from reprokit.compare.files.content import Leaf, Paths, Scalar, Structure, key_part
from reprokit.compare.files.dtypes import numpy_dtype, storage_dtype
from reprokit.compare.files.limits import Budget
from reprokit.compare.files.source import mapped
from reprokit.compare.files.unreadable import MissingReaderError, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from reprokit.compare.files.source import Bytes

_MAX_ANSWER = 64 << 20
_SECONDS = 1.0  # of processor time, after the library has been loaded
_SECONDS_PER_BYTE = 1e-6
_MEMORY = 160 << 20  # on top of what the loaded library takes
_PATIENCE = 120.0
_NOT_LOADED, _REFUSED = 4, 3


def read_isolated(
    child: str, path: Path, size: int, *, package: str, extra: str, data: Bytes | None = None, memory: int = _MEMORY
) -> dict[str, Leaf]:
    """Reads what stands at a path with one of the programs beside this file.

    Args:
        child: the program: ``hdf5_child``.
        path: the file or directory that it is to read.
        size: how many bytes stand there; the measure of what reading them may take.
        package: the library that it needs.
        extra: what to install where the library is missing, for the message.
        data: the bytes behind the elements that the program only points at.
        memory: how many bytes it may take on top of what the loaded library takes.

    Raises:
        MissingReaderError: the library is not installed, or cannot be loaded.
        UnreadableError: the library refuses what it is given, crashes on it, or passes a limit.
    """
    if not installed(package):
        raise MissingReaderError(f"the package {package} is not installed; pip install {extra}")
    budget = Budget(size)
    with tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as spool:
        settings = {
            "path": os.fspath(path), "spool": spool.fileno(), "budget": budget.left, "memory": memory,
            "seconds": _SECONDS + _SECONDS_PER_BYTE * size, "sys_path": sys.path,
        }  # fmt: skip
        _run(child, settings, answer.fileno(), spool.fileno())
        if os.fstat(answer.fileno()).st_size > _MAX_ANSWER:
            raise UnreadableError("the names of its values would take too much memory")
        answer.seek(0)
        entries = json.load(answer)
        given = mapped(spool)
        return _leaves(entries, given if data is None else data, given, budget)


def installed(package: str) -> bool:
    """Whether a package can be found, without importing it."""
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def _run(child: str, settings: dict[str, Any], answer: int, spool: int) -> None:
    program = Path(__file__).with_name(f"{child}.py")
    command = [sys.executable, "-I", "-S", os.fspath(program), json.dumps(settings)]
    kept = {key: os.environ[key] for key in ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR") if key in os.environ}
    # Many threads would take memory before anything is read; a plugin of HDF5 is code that a file asks for.
    kept |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "HDF5_PLUGIN_PRELOAD": "::"}
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=answer, stderr=subprocess.PIPE, env=kept, pass_fds=(spool,),
            timeout=_PATIENCE + settings["seconds"], check=False,
        )  # fmt: skip
    except (subprocess.TimeoutExpired, OSError) as error:
        raise UnreadableError(f"its reader did not come to an end: {type(error).__name__}") from error
    said = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2][:300]
    if done.returncode == _NOT_LOADED:
        raise MissingReaderError(said)
    if done.returncode:
        why = said if done.returncode == _REFUSED else f"its reader ended with status {done.returncode}"
        raise UnreadableError(why)


def _leaves(entries: list[Any], data: Bytes, spooled: Bytes, budget: Budget) -> dict[str, Leaf]:
    """The leaves that a child describes: path parts, a kind, and what the kind needs."""
    leaves: dict[str, Leaf] = {}
    paths = Paths()
    for parts, kind, *rest in entries:
        path = ""
        for mark, name in parts:
            path = paths.join(path, _part(mark, name))
        if path in leaves:
            raise UnreadableError("two of its values have the same path")
        if kind == "structure":
            leaves[path] = Structure(rest[0])
        elif kind == "scalar":
            leaves[path] = Scalar(rest[0], rest[1])
        else:
            leaves[path] = _tensor(data if kind == "mapped" else spooled, rest, budget)
    return leaves


def _part(mark: str, name: str) -> str:
    """A part of a path: a key, an index, or something that is neither."""
    if mark == "#":
        return str(int(name))
    return key_part(name) if mark == "k" else f"<{mark}{key_part(name)}>"


def _tensor(data: Bytes, place: Sequence[Any], budget: Budget) -> Leaf:
    name, dtype, shape, start, size = place
    budget.spend(size)
    if start < 0 or size < 0 or start + size > data.size:
        raise UnreadableError(f"an array claims {size} bytes at {start}, but there are {data.size}")
    return dense(data[start : start + size], _dtype(dtype, name), tuple(shape), name=name)


def _dtype(code: str | list[Any], name: str) -> np.dtype[Any]:
    """The element type from its code, from its fields, or from the name of one that NumPy does not know."""
    import numpy as np

    if isinstance(code, list):
        found: np.dtype[Any] = np.dtype([(str(field), _field(kind), tuple(axes)) for field, kind, axes in code])
        return found
    return numpy_dtype(code) if code else storage_dtype(name)


def _field(code: str | list[Any]) -> Any:
    return _dtype(code, "") if isinstance(code, list) else numpy_dtype(code)
