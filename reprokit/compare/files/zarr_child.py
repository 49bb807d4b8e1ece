"""Reads the arrays of an Orbax checkpoint with tensorstore and hands them back; run by `isolated`, never imported.

Arrays stand in a key-value store of a few files (OCDBT, in ``manifest.ocdbt``) or in directories of their own, in
Zarr's format 2 or 3.
"""

from __future__ import annotations

import math
import os
import sys
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 - pathlib is not loaded here
    from isolated_child import NOT_LOADED, Answer, limit, parts_of, refuse, settings_given  # type: ignore[import-not-found]

    SETTINGS = settings_given()
    try:
        import numpy as np
        import tensorstore as ts
    except Exception as error:  # noqa: BLE001 - a broken installation may raise anything
        refuse(f"the package tensorstore cannot be imported here: {error!r}", NOT_LOADED)

_HEADS = {".zarray": "zarr", "zarr.json": "zarr3"}
_MAX_VALUE = 1 << 20


def read(top: str, answer: Any) -> None:
    """Hands back every array below a directory, by its name there."""
    context = ts.Context({"cache_pool": {"total_bytes_limit": 0}})
    store: dict[str, Any] = {"driver": "file", "path": f"{top}/"}
    if os.path.exists(f"{top}/manifest.ocdbt"):  # noqa: PTH110 - pathlib is not loaded here
        store = {"driver": "ocdbt", "base": store}
    opened = ts.KvStore.open(store, context=context).result()
    keys = [key.decode("utf-8", "surrogateescape") for key in opened.list().result()]
    arrays = {}
    for key in keys:
        folder, _, base = key.rpartition("/")
        if base in _HEADS:
            arrays[folder] = _HEADS[base]
    stored = _counts(keys, arrays)
    for name, driver in sorted(arrays.items()):
        spec = {"driver": driver, "kvstore": {**store, "path": _below(store, name)}}
        _array(name, spec, context, answer, stored[name])
    if store["driver"] == "ocdbt":
        _others(opened, keys, arrays, answer)


def _below(store: dict[str, Any], name: str) -> str:
    return f"{store['path']}{name}/" if "path" in store else f"{name}/"


def _counts(keys: list[str], arrays: dict[str, str]) -> dict[str, int]:
    """How many chunks each array has: a chunk that is missing would read as zeros."""
    counts = dict.fromkeys(arrays, 0)
    for key in keys:
        owner = next((key[:end] for end in reversed(_ends(key)) if key[:end] in arrays), None)
        if owner is not None and key.rpartition("/")[2] not in _HEADS and not key.endswith(".zattrs"):
            counts[owner] += 1
    return counts


def _array(name: str, spec: dict[str, Any], context: Any, answer: Any, stored: int) -> None:
    found: Any = ts.open(spec, open=True, read=True, context=context).result()
    dtype = found.dtype.numpy_dtype
    shape = tuple(found.shape)
    answer.spend(math.prod(shape) * dtype.itemsize)
    grid = tuple(found.chunk_layout.write_chunk.shape or shape)
    wanted = math.prod(-(-size // max(1, step)) for size, step in zip(shape, grid, strict=True))
    if stored < wanted:
        refuse(f"array {name[:80]!r} has {stored} of {wanted} chunks")
    chunks = tuple(found.chunk_layout.read_chunk.shape or shape)
    place = answer.place()
    for part in parts_of(shape, dtype.itemsize, chunks):
        block = np.ascontiguousarray(found[part].read().result())
        answer.write(block.tobytes())
    known = dtype.kind in "iufcb" and dtype.isbuiltin == 1
    code = dtype.newbyteorder("=").str if known else ""
    answer.put([["k", name]], "spooled", dtype.name, code, list(shape), place, answer.place() - place)


def _others(opened: Any, keys: list[str], arrays: dict[str, str], answer: Any) -> None:
    """What the store holds that is no array: its keys must not vanish."""
    for key in sorted(keys):
        if any(key.startswith(f"{key[:end]}/") for end in _ends(key) if key[:end] in arrays):
            continue
        value = opened.read(key).result().value
        if len(value) > _MAX_VALUE:
            refuse("it holds something that is no array")
        answer.put([["k", key]], "scalar", "bytes", repr(bytes(value)))


def _ends(key: str) -> list[int]:
    return [at for at, character in enumerate(key) if character == "/"]


def main() -> None:
    """Reads the directory that the settings name."""
    limit(SETTINGS)
    answer = Answer(SETTINGS)
    try:
        read(SETTINGS["path"], answer)
    except Exception as error:  # noqa: BLE001 - whatever the library raises, the directory is not readable
        refuse(f"its arrays are damaged: {type(error).__name__}: {str(error)[:120]}".replace("\n", " "))
    answer.end()


if __name__ == "__main__":
    main()
