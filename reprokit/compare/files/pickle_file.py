"""Pickles and joblib's files, read as structure; nothing in them runs.

joblib writes an array's elements right behind the pickle opcode that announces the array, so its files are read by the
same machine with one hook. A compressed file has been unpacked before it comes here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from reprokit.compare.files import torch_file
from reprokit.compare.files.arrays import checked_size, dense
from reprokit.compare.files.numpy_nodes import dtype_of, wrapped
from reprokit.compare.files.pickle_leaves import Flattener
from reprokit.compare.files.pickle_machine import Machine
from reprokit.compare.files.pickle_nodes import Object, Ready, Sequence
from reprokit.compare.files.registry import Comparator
from reprokit.compare.files.unreadable import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from reprokit.compare.files.content import Leaf, Options
    from reprokit.compare.files.limits import Budget
    from reprokit.compare.files.source import Bytes, Source


def leaves_of_pickle(
    data: Bytes, budget: Budget, prefix: str = "", text: Callable[[str], str] = str
) -> dict[str, Leaf]:
    """Reads one pickle, or several in a row, as `pickle.dump` may be called repeatedly on one file.

    Raises:
        UnreadableError: something else stands there.
    """
    leaves: dict[str, Leaf] = {}
    at = count = 0
    while at < data.size or not count:
        machine = Machine(data, at, after_build=_joblib_array)
        node = machine.load()
        flattener = Flattener(budget, torch_file.NestedStorages(), machine.opcodes, text=text)
        path = prefix if not count else f"{prefix}<pickle {count}>"
        flattener.add(path, node)
        if machine.dropped:
            flattener.add(f"{path}/<dropped>" if path else "<dropped>", Sequence("list", machine.dropped))
        if flattener.leaves.keys() & leaves.keys():
            raise UnreadableError("two of its values have the same path")
        leaves |= flattener.leaves
        at, count = machine.input.at, count + 1
    return leaves


def _joblib_array(machine: Machine, node: Object) -> Any:
    """Takes the array that joblib wrote behind its announcement (`NumpyArrayWrapper.read_array`)."""
    attributes = wrapped(node)
    if attributes is None:
        return None
    dtype, shape = dtype_of(attributes.get("dtype")), attributes.get("shape")
    if not isinstance(shape, Sequence):
        raise UnreadableError("an array in its joblib data has no shape")
    if dtype is None or dtype.hasobject:
        return _nested_pickle(machine, attributes)
    padding = 0 if attributes.get("numpy_array_alignment_bytes") is None else machine.input.byte()
    machine.input.take(padding)
    data = machine.input.take(checked_size(tuple(shape.items), dtype.itemsize))
    return Ready(dense(data, dtype, tuple(shape.items), fortran=attributes.get("order") == "F"))


def _nested_pickle(machine: Machine, attributes: dict[str, Any]) -> Any:
    """An array of objects, which joblib writes as a pickle of its own."""
    dtype = attributes.get("dtype")
    code = dtype.arguments()[0] if isinstance(dtype, Object) and dtype.arguments() else None
    if code not in {"O8", "O4", "|O"}:
        raise UnreadableError("its joblib data hold an array of an unknown type")
    inner = Machine(machine.input.data, machine.input.at, after_build=_joblib_array)
    node = inner.load()
    machine.input.at = inner.input.at
    machine.dropped += inner.dropped
    machine.opcodes += inner.opcodes
    return node


def read_pickle(source: Source, options: Options) -> dict[str, Leaf]:
    """Reads a pickle or a joblib file.

    Raises:
        UnreadableError: it is neither.
    """
    return leaves_of_pickle(source.data, source.budget, text=options.text)


def _is_pickle(source: Source) -> bool:
    head = source.head(2)
    # Protocol 2 and later; the older ones have no mark and are known by their names.
    return len(head) == 2 and head[0] == 0x80 and 2 <= head[1] <= 5 and bytes(np.asarray(source.data[-1:])) == b"."


PICKLE = Comparator("pickle", (".pkl", ".pickle", ".joblib", ".p", ".sav", ".dill"), read_pickle, _is_pickle)
