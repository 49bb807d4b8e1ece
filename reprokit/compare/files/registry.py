"""The table of comparators, and which one reads a given file.

A comparator turns a file into a flat mapping of leaves. Adding one is a file with a `Comparator` and a line in
`_BUILTIN`; another package can ship its own under the entry point group ``reprokit.comparators``.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib import import_module, metadata
from typing import TYPE_CHECKING

from reprokit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from reprokit.compare.files.content import Leaf, Options
    from reprokit.compare.files.source import Source

GROUP = "reprokit.comparators"

# Content decides first, in this order; then the name, in this order.
_BUILTIN = (
    "safetensors_file:SAFETENSORS",
    "npy_file:NPY",
    "npy_file:NPZ",
    "keras_file:KERAS",
    "torch_file:TORCH_ZIP",
    "torch_file:TORCH_LEGACY",
    "hdf5_file:HDF5",
    "pickle_file:PICKLE",
    "tensorflow_checkpoint:STATE",
    "orbax_directory:STATE",
    "orbax_directory:DONE",
    "event_file:EVENTS",
    "mlflow_database:DATABASE",
    "mlflow_model:MODEL",
    "wandb_file:RUN",
    "tfrecord:RECORDS",
    "image_file:IMAGE",
    "dated_file:SVG",
    "dated_file:POSTSCRIPT",
    "dated_file:PDF",
    "dated_file:MATLAB",
    "lightgbm_file:LIGHTGBM",
    "msgpack_file:MSGPACK",
    "ubjson_file:UBJSON",
    "trainer_state:STATE",
    "json_file:JSON",
    "json_file:JSON_LINES",
    "csv_file:CSV",
    "text_file:TEXT",
    "bytes_file:BYTES",
)
# Each takes its files before the next one looks.
_GROUPS: tuple[str, ...] = (
    "saved_model:SAVED_MODEL",
    "tensorflow_checkpoint:CHECKPOINT",
    "sharded_torch:SHARDED",
    "orbax_directory:ORBAX",
)


@dataclass(frozen=True)
class Comparator:
    """How to read one type of file.

    Attributes:
        kind: the name under which it is reported.
        suffixes: endings of file names, in lower case, that mean this type where no content says otherwise.
        read: turns a source into its leaves; raises `UnreadableError` if it cannot.
        sniff: whether the content is of this type, from a few of its bytes; None if content does not tell.
        fallback: the kind to try if `read` refuses; ``bytes`` unless the type is a text.
    """

    kind: str
    suffixes: tuple[str, ...]
    read: Callable[[Source, Options], Mapping[str, Leaf]]
    sniff: Callable[[Source], bool] | None = None
    fallback: str = "bytes"


@dataclass(frozen=True)
class GroupComparator:
    """How to read several files that stand for one value.

    Attributes:
        kind: the name under which the value is reported.
        find: from the names of all files (parts joined by ``/``), the roots of such values; for each its files: name
            below the root -> full name. It must take time linear in the number of names.
        read: turns a root's files, by name below the root, into leaves; raises `UnreadableError` if one is missing.
        noise: names below the root that hold no content: a random number, a time.
    """

    kind: str
    find: Callable[[Iterable[str]], dict[str, dict[str, str]]]
    read: Callable[[Mapping[str, Source], Options], Mapping[str, Leaf]]
    noise: frozenset[str] = frozenset()


@functools.cache
def comparators() -> tuple[Comparator, ...]:
    """All comparators of single files: those of other packages first, so that they can take a type over.

    Raises:
        UsageError: RPK004, an entry point gives neither a `Comparator` nor a `GroupComparator`.
    """
    return _registered()[0]


@functools.cache
def group_comparators() -> tuple[GroupComparator, ...]:
    """All comparators of several files that stand for one value, in the order in which they take files.

    Raises:
        UsageError: RPK004, as `comparators`.
    """
    return _registered()[1]


def _registered() -> tuple[tuple[Comparator, ...], tuple[GroupComparator, ...]]:
    found: list[Comparator | GroupComparator] = []
    for entry in sorted(metadata.entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            loaded = entry.load()
        except (ImportError, AttributeError) as error:
            raise UsageError("RPK004", f"comparator {entry.name!r} cannot be loaded: {error}") from error
        if not isinstance(loaded, Comparator | GroupComparator):
            raise UsageError("RPK004", f"entry point {entry.name!r} of {GROUP} is not a Comparator")
        found.append(loaded)
    for place in _BUILTIN + _GROUPS:
        module, _, name = place.partition(":")
        found.append(getattr(import_module(f"reprokit.compare.files.{module}"), name))
    single = tuple(one for one in found if isinstance(one, Comparator))
    return single, tuple(one for one in found if isinstance(one, GroupComparator))


def choose(source: Source) -> Comparator:
    """The comparator for a file: by content where content tells, else by name, else bytes.

    A checkpoint named ``.bin``, ``.pt``, ``.ckpt``, ``.model`` may be a zip, a pickle or safetensors: its first bytes
    know, its name does not.
    """
    everything = comparators()
    name = source.name.lower()
    for comparator in everything:
        if comparator.sniff and comparator.sniff(source):
            return comparator
    for comparator in everything:
        if name.endswith(comparator.suffixes):
            return comparator
    return named("bytes" if _looks_binary(source) else "text")


def named(kind: str) -> Comparator:
    """The comparator that reports itself as `kind`."""
    return next(comparator for comparator in comparators() if comparator.kind == kind)


def _looks_binary(source: Source) -> bool:
    """Whether the file's beginning is not text in UTF-8."""
    head = source.head(1 << 16)
    if b"\0" in head:
        return True
    try:
        head.decode()
    except UnicodeDecodeError as error:
        # A character may have been cut at the end of what was looked at.
        return error.start < len(head) - 3 or source.size <= len(head)
    return False
