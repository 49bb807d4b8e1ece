"""Reads an HDF5 file with h5py and hands its values back; run by `isolated`, never imported.

Nothing outside the file is opened: soft and external links are told by where they point, virtual datasets and datasets
kept in other files are refused, and so are filters that need a plugin.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import sys
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 - pathlib is not loaded here
    from isolated_child import NOT_LOADED, Answer, limit, parts_of, refuse, settings_given  # type: ignore[import-not-found]

    SETTINGS = settings_given()
    try:
        import h5py
        import numpy as np
    except Exception as error:  # noqa: BLE001 - a broken installation may raise anything
        refuse(f"the package h5py cannot be imported here: {error!r}", NOT_LOADED)

_BLOCK = 4 << 20
_MAX_TEXTS = 200_000
_BYTES_PER_OBJECT = 32  # no header of an object is smaller, so more objects than that are the same ones again
_FLOOR = 10_000
Parts = list[list[str]]


class Reader:
    """Walks a file, groups by name."""

    def __init__(self, file: Any, answer: Any, size: int) -> None:
        self._file = file
        self._answer = answer
        self._left = _FLOOR + size // _BYTES_PER_OBJECT

    def walk(self) -> None:
        """Hands everything back. The stack is explicit, since groups may nest more deeply than Python may recurse."""
        todo: list[tuple[Parts, Any, tuple[Any, ...]]] = [([], self._file, ())]
        while todo:
            parts, found, above = todo.pop()
            self._left -= 1
            if self._left < 0 or len(above) > 256:
                refuse("its groups contain each other too often or too deeply")
            if isinstance(found, h5py.Dataset):
                self._dataset(parts, found)
            elif isinstance(found, h5py.Datatype):
                self._answer.put(parts, "structure", f"datatype {_type_text(found.id)}")
            else:
                address = _address(found)
                if address in above:
                    self._answer.put(parts, "structure", "a group that contains it")
                    continue
                self._answer.put(parts, "structure", "group")
                for name in sorted(found, reverse=True):
                    self._linked(todo, [*parts, ["k", name]], found, name, (*above, address))
            self._attributes(parts, found)

    def _linked(self, todo: list[Any], parts: Parts, group: Any, name: str, above: tuple[Any, ...]) -> None:
        link = group.get(name, getlink=True)
        if isinstance(link, h5py.HardLink):
            todo.append((parts, group[name], above))
        elif isinstance(link, h5py.SoftLink):
            self._answer.put(parts, "scalar", "soft link", str(link.path))
        elif isinstance(link, h5py.ExternalLink):
            self._answer.put(parts, "scalar", "external link", json.dumps([str(link.filename), str(link.path)]))
        else:
            refuse("it has a link of an unknown kind")

    def _attributes(self, parts: Parts, found: Any) -> None:
        for name in sorted(found.attrs):
            self._left -= 1
            if self._left < 0:
                refuse("it has far more attributes than its size allows")
            attribute = found.attrs.get_id(name)
            where = [*parts, ["@", name]]
            if attribute.get_space().get_simple_extent_type() == h5py.h5s.NULL:
                self._answer.put(where, "structure", f"empty {_type_text(attribute.get_type())}")
                continue
            dtype, shape = attribute.dtype, attribute.shape
            self._check(dtype)
            self._answer.spend(math.prod(shape) * dtype.itemsize)
            values = np.empty(shape, dtype)
            attribute.read(values)
            self._array(where, values, attribute.get_type())

    def _dataset(self, parts: Parts, found: Any) -> None:
        kind = found.id.get_type()
        if found.is_virtual or found.external:
            refuse(f"the values of {_name(parts)} stand in other datasets or files")
        if found.shape is None:
            self._answer.put(parts, "structure", f"empty {_type_text(kind)}")
            return
        self._check(found.dtype)
        size = math.prod(found.shape) * found.dtype.itemsize
        layout = found.id.get_create_plist().get_layout()
        start = found.id.get_offset() if layout == h5py.h5d.CONTIGUOUS else None
        if start is not None and _is_plain(kind, found.dtype) and found.id.get_storage_size() == size:
            code = "|u1" if found.dtype.kind == "b" else found.dtype.str
            self._answer.put(parts, "mapped", _name_of(found.dtype), code, list(found.shape), start, size)
            return
        self._answer.spend(size)
        if found.dtype.hasobject or not found.shape:
            self._array(parts, found[()] if not found.dtype.hasobject else _read(found), kind)
            return
        place = self._answer.place()
        for block in parts_of(found.shape, found.dtype.itemsize, found.chunks):
            self._answer.write(_packed(found[block]))
        self._answer.put(
            parts, "spooled", *_described(found.dtype), list(found.shape), place, self._answer.place() - place
        )

    def _check(self, dtype: Any) -> None:
        if dtype.itemsize > _BLOCK * 16:
            refuse("its elements are too large")

    def _array(self, parts: Parts, values: Any, kind: Any) -> None:
        """An array in memory: elements of plain types as bytes, texts and references one by one."""
        values = np.asarray(values) if not isinstance(values, np.ndarray) else values
        if not values.dtype.hasobject:
            data = _packed(values)
            place = self._answer.place()
            self._answer.write(data)
            described = _described(values.dtype)
            self._answer.put(parts, "spooled", *described, list(values.shape), place, self._answer.place() - place)
            return
        name = _type_text(kind)
        if not values.shape:
            self._answer.put(parts, "scalar", name, self._text(values[()]))
            return
        self._answer.put(parts, "structure", f"{name}{list(values.shape)}")
        if values.size <= _MAX_TEXTS:
            for index, value in enumerate(values.flat):
                self._answer.put([*parts, ["#", str(index)]], "scalar", name, self._text(value))
        else:
            refuse("it has more texts in one array than can be compared")

    def _text(self, value: Any) -> str:
        text = json.dumps(self._plain(value))
        if len(text) <= 4096:
            return text
        return f"{len(text)} characters sha256:{hashlib.sha256(text.encode()).hexdigest()}"

    def _plain(self, value: Any, depth: int = 0) -> Any:  # noqa: PLR0911 - one case for each kind
        """A text, a reference, a list of variable length or a record of them, as JSON."""
        if depth > 8:
            refuse("its elements are nested too deeply")
        if isinstance(value, str):
            return value
        if isinstance(value, bytes):
            self._answer.spend(len(value))
            return value.decode("utf-8", "surrogateescape")
        if isinstance(value, h5py.RegionReference):
            refuse("it refers to parts of datasets")
        if isinstance(value, h5py.Reference):
            named = h5py.h5r.get_name(value, self._file.id) if value else b""
            return ["reference", (named or b"").decode("utf-8", "surrogateescape")]
        if isinstance(value, np.ndarray):
            self._answer.spend(value.nbytes)
            if not value.dtype.hasobject:
                return [value.dtype.newbyteorder("=").str, list(value.shape), _packed(value).hex()]
            return [self._plain(one, depth + 1) for one in value.flat]
        if isinstance(value, np.void) and value.dtype.names:
            return [[name, self._plain(value[name], depth + 1)] for name in value.dtype.names]
        if isinstance(value, np.generic):
            return [value.dtype.newbyteorder("=").str, value.tobytes().hex()]
        return repr(value)


def _read(found: Any) -> Any:
    """All elements of a dataset of texts and the like."""
    values = np.empty(found.shape, found.dtype)
    if values.size:
        found.read_direct(values)
    return values


def _packed(block: Any) -> bytes:
    native = np.ascontiguousarray(block, dtype=block.dtype.newbyteorder("=")) if not block.dtype.fields else block
    if native.dtype.fields:
        from numpy.lib.recfunctions import repack_fields

        native = native.astype(repack_fields(native.dtype, recurse=True).newbyteorder("="))
    return bytes(native.tobytes())


def _described(dtype: Any) -> tuple[str, Any]:
    """An element type for the parent: empty or a name, and a code or the fields."""
    if dtype.fields:
        fields = []
        for name in dtype.names:
            inner = dtype.fields[name][0]
            base, axes = inner.subdtype or (inner, ())
            fields.append([name, _described(base)[1], list(axes)])
        return "", fields
    return _name_of(dtype), dtype.newbyteorder("=").str


def _name_of(dtype: Any) -> str:
    """The name of an element type that NumPy's code does not tell from others: a truth value, an enumeration."""
    members = h5py.check_enum_dtype(dtype)
    if members is None or dtype.kind == "b":
        return "bool" if dtype.kind == "b" else ""
    labels = json.dumps(sorted((int(value), name) for name, value in members.items()))
    return f"{dtype.name} enum {hashlib.sha256(labels.encode()).hexdigest()[:16]}"


def _is_plain(kind: Any, dtype: Any) -> bool:
    """Whether the bytes in the file are those of the NumPy type."""
    return dtype.kind in "iufb" and kind.equal(h5py.h5t.py_create(dtype, logical=True))


def _type_text(kind: Any) -> str:
    """A type in words that tell it from every other."""
    names = {h5py.h5t.STRING: "text", h5py.h5t.REFERENCE: "reference", h5py.h5t.VLEN: "list"}
    form = kind.get_class()
    if form in names:
        return names[form]
    return f"type {hashlib.sha256(kind.encode()).hexdigest()[:16]}"


def _address(group: Any) -> Any:
    info = h5py.h5o.get_info(group.id)
    return info.fileno, info.addr


def _name(parts: Parts) -> str:
    return repr("/".join(name for _, name in parts))[:80]


def main() -> None:
    """Reads the file that the settings name."""
    limit(SETTINGS)
    answer = Answer(SETTINGS)
    try:
        with h5py.File(SETTINGS["path"], "r", locking=False) as file:
            Reader(file, answer, os.path.getsize(SETTINGS["path"])).walk()  # noqa: PTH202 - as above
    except Exception as error:  # noqa: BLE001 - whatever the library raises, the file is not readable
        refuse(f"its HDF5 data are damaged: {type(error).__name__}: {str(error)[:120]}".replace("\n", " "))
    answer.end()


if __name__ == "__main__":
    main()
