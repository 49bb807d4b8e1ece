"""The tables of a dataset: which of its files have the same columns.

A file of Parquet or Arrow says its columns itself. CSV and JSON lines do not: what a column is shows in all files that
have it, and how rows are cut into files must not matter. So files with the same names of columns are one table, and so
are files of JSON lines of which one has some of the other's keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reprokit.datasets.fingerprint import table_schema
from reprokit.datasets.shapes import Shape, TextShape
from reprokit.schema.dataset import Column, columns_digest

if TYPE_CHECKING:
    from reprokit.datasets.sources import Table
    from reprokit.schema.dataset import TableSchema

_Shapes = dict[str, Shape] | dict[str, TextShape]


class _Seen:
    """Files that say their columns by their values, all with the same names."""

    def __init__(self, format_: str) -> None:
        self.format = format_
        self.shapes: dict[str, Any] = {}
        self.files = 0

    def merge(self, shapes: _Shapes, files: int) -> None:
        first = not self.files
        for name, shape in shapes.items():
            if name not in self.shapes:
                self.shapes[name] = type(shape)()
                self.shapes[name].nullable = not first
            self.shapes[name].merge(shape)
        for name in self.shapes.keys() - shapes.keys():
            self.shapes[name].nullable = True
        self.files += files

    def columns(self) -> list[Column]:
        """As the files name them; the extensions of a shard are sorted."""
        found = [Column(name=name, type=one.type(), nullable=one.nullable) for name, one in self.shapes.items()]
        return sorted(found, key=lambda one: one.name) if self.format == "webdataset" else found


class Tables:
    """Takes files that were read, and says which tables they are."""

    def __init__(self) -> None:
        self._typed: dict[tuple[str, str], tuple[list[Column], int, dict[str, Any]]] = {}
        self._seen: dict[tuple[str, tuple[str, ...]], _Seen] = {}

    def add(self, table: Table, features: dict[str, Any] | None = None) -> None:
        """Adds a file that was read to its end."""
        shapes: _Shapes | None = getattr(table, "shapes", None)
        if shapes is None:
            columns = table.columns()
            known = self._typed.setdefault((table.format, columns_digest(columns)), (columns, 0, features or {}))
            self._typed[table.format, columns_digest(columns)] = (columns, known[1] + 1, known[2])
            return
        if not shapes and table.format != "csv":
            return  # a file without a line says nothing of the others
        names = tuple(shapes) if table.format == "csv" else tuple(sorted(shapes))
        self._seen.setdefault((table.format, names), _Seen(table.format)).merge(shapes, 1)

    def schemas(self) -> list[TableSchema]:
        """The tables."""
        typed = [table_schema(key[0], columns, files, more) for key, (columns, files, more) in self._typed.items()]
        return typed + [table_schema(one.format, one.columns(), one.files, {}) for one in self._joined()]

    def _joined(self) -> list[_Seen]:
        """Tables with some of another's names are put to the largest such; the first file says the order of names."""
        groups: dict[tuple[str, tuple[str, ...]], list[_Seen]] = {}
        for key in sorted(self._seen, key=lambda one: -len(one[1])):
            home = next((one for one in groups if one[0] == key[0] != "csv" and {*key[1]} <= {*one[1]}), key)
            groups.setdefault(home, []).append(self._seen[key])
        order = {id(one): at for at, one in enumerate(self._seen.values())}
        joined = []
        for parts in groups.values():
            whole = _Seen(parts[0].format)
            for part in sorted(parts, key=lambda one: order[id(one)]):
                whole.merge(part.shapes, part.files)
            joined.append(whole)
        return joined
