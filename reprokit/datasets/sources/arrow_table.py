"""Parquet, and Arrow's file and stream formats, through pyarrow, in record batches."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from reprokit.datasets.sources import BATCH_ROWS, Options, damaged, needed
from reprokit.schema.dataset import Column

if TYPE_CHECKING:
    from collections.abc import Iterator


def _values(column: Any) -> list[Any]:
    """Values as Python's; a time that Python has no room for is the number that the file has."""
    try:
        found: list[Any] = column.to_pylist()
    except (OverflowError, ValueError):
        found = [_value(scalar) for scalar in column]
    return [*map(_without_pandas, found)] if "[ns" in str(column.type) else found


def _value(scalar: Any) -> Any:
    try:
        return scalar.as_py()
    except (OverflowError, ValueError):
        return scalar.value


def _without_pandas(value: Any) -> Any:
    """What pyarrow makes of nanoseconds where there is no pandas: whether it is installed must not matter."""
    if isinstance(value, list | tuple):
        return [*map(_without_pandas, value)]
    if isinstance(value, dict):
        return {key: _without_pandas(held) for key, held in value.items()}
    if not type(value).__module__.startswith("pandas"):
        return value
    if value.value % 1000:
        return value.value
    return value.to_pydatetime() if hasattr(value, "to_pydatetime") else value.to_pytimedelta()


class ArrowTable:
    """One file. Its own schema says the types; how they are stored (dictionaries, large offsets) does not matter."""

    texts = False
    tokens: int | None = None

    def __init__(self, full: str, path: str, kind: str) -> None:
        self._full, self._path, self.format = full, path, kind
        self._schema: Any = None
        self._arrow = needed("pyarrow", path)

    def batches(self) -> Iterator[dict[str, list[Any]]]:
        """The rows."""
        try:
            for batch in self._parquet() if self.format == "parquet" else self._ipc():
                for at in range(0, batch.num_rows, BATCH_ROWS):
                    piece = batch.slice(at, BATCH_ROWS)
                    yield {name: _values(piece.column(i)) for i, name in enumerate(piece.schema.names)}
        except (self._arrow.ArrowException, OSError, EOFError, ValueError, ArithmeticError, AttributeError) as error:
            raise damaged(self._path, error) from None

    def _parquet(self) -> Iterator[Any]:
        from pyarrow import parquet

        with parquet.ParquetFile(self._full) as file:
            self._schema = self._checked(file.schema_arrow)
            yield from file.iter_batches(BATCH_ROWS)

    def _ipc(self) -> Iterator[Any]:
        from pyarrow import ipc

        with self._arrow.memory_map(self._full, "rb") as file:
            is_file = file.read(6) == b"ARROW1"
            file.seek(0)
            if not is_file:
                reader = ipc.open_stream(file)
                self._schema = self._checked(reader.schema)
                yield from reader
                if file.tell() < file.size():  # other programs read on: several streams may stand in one file
                    raise damaged(self._path, "something follows the end of its stream; write it as one")
                return
            reader = ipc.open_file(file)
            self._schema = self._checked(reader.schema)
            for number in range(reader.num_record_batches):
                yield reader.get_batch(number)

    def _checked(self, schema: Any) -> Any:
        if len(set(schema.names)) != len(schema.names):
            raise damaged(self._path, "two columns have the same name")
        return schema

    def columns(self) -> list[Column]:
        """Their names and types."""
        fields = self._schema if self._schema is not None else ()
        return [Column(name=field.name, type=type_text(field.type), nullable=field.nullable) for field in fields]

    @property
    def single(self) -> frozenset[str]:
        """Columns with floats of less than 64 bits."""
        return frozenset(one.name for one in self.columns() if _SINGLE.search(one.type))


_SINGLE = re.compile(r"\b(?:half)?float\b")


def type_text(kind: Any) -> str:
    """A type in Arrow's words, without what only concerns storage."""
    from pyarrow import types

    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return type_text(kind.value_type)
    if isinstance(kind, _extension()):
        _, named, parameters = str(kind).partition(f"extension<{kind.extension_name}[")  # such as a tensor's shape
        name = f"{kind.extension_name}[{parameters.removesuffix('>')}" if named else kind.extension_name
        return f"extension<{name}: {type_text(kind.storage_type)}>"
    plain = _PLAIN.get(str(kind))
    return plain if plain is not None else _nested_text(kind)


_PLAIN = {"large_string": "string", "string_view": "string", "large_binary": "binary", "binary_view": "binary"}


def _nested_text(kind: Any) -> str:
    from pyarrow import types

    if types.is_fixed_size_list(kind):
        return f"fixed_size_list<item: {_field_text(kind.value_field)}>[{kind.list_size}]"
    if types.is_list(kind) or types.is_large_list(kind) or types.is_list_view(kind) or types.is_large_list_view(kind):
        return f"list<item: {_field_text(kind.value_field)}>"
    if types.is_struct(kind):
        return f"struct<{', '.join(f'{field.name}: {_field_text(field)}' for field in kind)}>"
    if types.is_map(kind):
        return f"map<{type_text(kind.key_type)}, {_field_text(kind.item_field)}>"
    return str(kind)


def _extension() -> Any:
    import pyarrow as pa

    return pa.BaseExtensionType


def _field_text(field: Any) -> str:
    return type_text(field.type) + ("" if field.nullable else " not null")


def open_table(full: str, path: str, kind: str, _options: Options) -> ArrowTable:
    """Opens a file."""
    return ArrowTable(full, path, kind)
