"""Data frames of pandas and polars: numbers as arrays, texts as rows, and what is missing as a mask."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from reprokit.compare.files.content import Records, Scalar, scalar_of
from reprokit.compare.values.arrays import array_leaf
from reprokit.compare.values.node import Branch, Node, key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_MISSING = Scalar("missing", "(missing)")


def read_pandas(value: Any) -> Node | None:
    """The node for one of pandas' values, or None if it is none."""
    pandas = sys.modules["pandas"]
    if isinstance(value, pandas.DataFrame):
        columns = [(key_of(label), value.iloc[:, place]) for place, label in enumerate(value.columns)]
        heads = [("<columns>", value.columns), ("<index>", value.index)]
        return Branch(f"DataFrame {list(value.shape)}", _unique([*heads, *columns]))
    if isinstance(value, pandas.MultiIndex):
        levels = [(str(level), value.get_level_values(level)) for level in range(value.nlevels)]
        return Branch(f"MultiIndex of {len(value)}", levels)
    if isinstance(value, (pandas.Series, pandas.Index)):
        return _pandas_column(pandas, value)
    if value is pandas.NA or value is pandas.NaT:
        return _MISSING
    if isinstance(value, (pandas.Timestamp, pandas.Timedelta, pandas.Period, pandas.Interval)):
        return Scalar(type(value).__name__, str(value))
    return None


def _pandas_column(pandas: Any, column: Any) -> Node:
    dtype = column.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "biufcmM":
        return array_leaf(column.to_numpy())
    if isinstance(dtype, pandas.CategoricalDtype):
        codes = column.cat.codes if isinstance(column, pandas.Series) else column.codes
        return Branch(
            f"categorical{' ordered' if dtype.ordered else ''}",
            [("codes", np.asarray(codes)), ("categories", dtype.categories)],
        )
    missing = np.asarray(column.isna())
    if (plain := getattr(dtype, "numpy_dtype", None)) is not None and plain.kind in "biuf":
        data = column.to_numpy(dtype=plain, na_value=plain.type(0))
        return Branch(str(dtype), [("data", data), ("missing", missing)])
    items = column.tolist()
    if isinstance(dtype, pandas.DatetimeTZDtype):
        return Branch(str(dtype), [("utc", np.asarray(column.array.asi8)), ("missing", missing)])
    return _items(str(dtype), items, missing)


def read_polars(value: Any) -> Node | None:
    """The node for one of polars' values, or None if it is none."""
    polars = sys.modules["polars"]
    if isinstance(value, polars.DataFrame):
        columns = [(key_of(column.name), column) for column in value.get_columns()]
        return Branch(
            f"DataFrame {list(value.shape)}", _unique([("<columns>", _items("names", value.columns)), *columns])
        )
    if not isinstance(value, polars.Series):
        return None
    missing = value.is_null().to_numpy()
    plain = value.to_physical() if value.dtype.is_temporal() else value
    if plain.dtype.is_integer() or plain.dtype.is_float() or plain.dtype == polars.Boolean:
        data = plain.fill_null(value=False) if plain.dtype == polars.Boolean else plain.fill_null(0)
        return Branch(str(value.dtype), [("data", data.to_numpy()), ("missing", missing)])
    return _items(str(value.dtype), value.to_list(), missing)


def _unique(children: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Two columns may have one label: the second is ``<2>label``."""
    seen: dict[str, int] = {}
    found = []
    for part, child in children:
        seen[part] = seen.get(part, 0) + 1
        found.append((part if seen[part] == 1 else f"<{seen[part]}>{part}", child))
    return found


def _items(kind: str, items: list[Any], missing: Iterable[bool] = ()) -> Node:
    """A column of anything: texts as one leaf of rows, other values one by one."""
    gone = list(missing) or [False] * len(items)
    if all(absent or type(item) is str for item, absent in zip(items, gone, strict=True)):

        def rows() -> Iterator[Mapping[str, Scalar]]:
            for item, absent in zip(items, gone, strict=True):
                yield {"text": _MISSING if absent else scalar_of(item)}

        return Branch(kind, [("texts", Records("column", rows))])
    values = [_MISSING if absent else item for item, absent in zip(items, gone, strict=True)]
    return Branch(f"{kind} of {len(items)}", [(str(number), item) for number, item in enumerate(values)])
