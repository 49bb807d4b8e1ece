"""JSON and JSON Lines: values by path. White space and the order of keys do not count; types do (1 is not 1.0)."""

from __future__ import annotations

import json
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from reprokit.compare.files.content import Leaf, Paths, Records, Scalar, Structure, key_part, scalar_of
from reprokit.compare.files.registry import Comparator
from reprokit.compare.files.text_file import lines
from reprokit.compare.files.unreadable import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reprokit.compare.files.content import Options
    from reprokit.compare.files.source import Source

# Parsed JSON takes up to twenty times its size in memory.
_MAX_SIZE = 64 << 20
_MAX_VALUES = 2_000_000
_MAX_DEPTH = 256
_MAX_DIGITS = 4000


def leaves_of_json(text: str) -> dict[str, Leaf]:
    """The values of one document, by path.

    Raises:
        UnreadableError: as `parsed`, or it nests too deeply.
    """
    return leaves_of_document(parsed(text))


def parsed(text: str) -> Any:
    """One document; numbers that Python would round or take long to read are kept as `Scalar`.

    Raises:
        UnreadableError: it is not JSON (NaN and Infinity are accepted), names a key twice, or nests too deeply.
    """
    try:
        return json.loads(text, parse_int=_integer, parse_float=_real, parse_constant=_real, object_pairs_hook=_object)
    except RecursionError as error:
        raise UnreadableError("its JSON is nested too deeply") from error
    except ValueError as error:
        raise UnreadableError(f"it is not JSON: {error}") from error


def leaves_of_document(document: Any) -> dict[str, Leaf]:
    """The values of a parsed document, by path.

    Raises:
        UnreadableError: it nests too deeply.
    """
    leaves: dict[str, Leaf] = {}
    paths = Paths()
    todo: list[tuple[str, Any, int]] = [("", document, 0)]
    while todo:
        path, value, depth = todo.pop()
        if depth > _MAX_DEPTH:
            raise UnreadableError("its JSON is nested too deeply")
        children: list[tuple[str, Any]] = []
        if isinstance(value, dict):
            leaves[path] = Structure("object")
            children = sorted(((key_part(key), child) for key, child in value.items()), key=itemgetter(0))
        elif isinstance(value, list):
            leaves[path] = Structure(f"array of {len(value)}")
            children = [(str(i), child) for i, child in enumerate(value)]
        else:
            leaves[path] = value if isinstance(value, Scalar) else scalar_of(value)
        todo += [(paths.join(path, part), child, depth + 1) for part, child in reversed(children)]
    return leaves


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        # Readers disagree on which value holds (RFC 8259, section 4), so the text is what there is to compare.
        raise UnreadableError("it names a key twice")
    return found


def _integer(text: str) -> int | Scalar:
    return int(text) if len(text) < _MAX_DIGITS else Scalar("int", text)


def _real(text: str) -> float | Scalar:
    number = float(text)
    # A number beyond the range of a double keeps its text: all of them would read as infinity.
    beyond = number in {float("inf"), float("-inf")} and "Inf" not in text
    return Scalar("float", text) if beyond else number


def read_json(source: Source, options: Options) -> dict[str, Leaf]:
    """Reads one document.

    Raises:
        UnreadableError: see `leaves_of_json`; also if it is larger than 64 MiB or 2 million values, or not in UTF-8.
    """
    if source.size > _MAX_SIZE:
        raise UnreadableError(f"it has {source.size} bytes; JSON is read as content up to {_MAX_SIZE}")
    values = sum(int(np.count_nonzero(source.data == ord(mark))) for mark in ",[{")
    if values > _MAX_VALUES:
        raise UnreadableError(f"it has about {values} values; JSON is read as content up to {_MAX_VALUES}")
    try:
        # On the whole text, before keys are told apart: two that become one make it unreadable.
        return leaves_of_json(options.text(source.data.tobytes().decode("utf-8-sig")))
    except UnicodeDecodeError as error:
        raise UnreadableError("it is not in UTF-8") from error


def read_json_lines(source: Source, options: Options) -> dict[str, Leaf]:
    """Reads a document a line, one at a time; the leaf's columns are the paths inside the documents.

    Raises:
        UnreadableError: the first line is not JSON; damage further on shows when the rows are read.
    """

    def rows() -> Iterator[Mapping[str, Scalar]]:
        for line in lines(source, options):
            if line.strip():
                yield {path: _cell(leaf) for path, leaf in leaves_of_json(line).items()}

    next(rows(), None)
    return {"rows": Records("column", rows)}


def _cell(leaf: Leaf) -> Scalar:
    return leaf if isinstance(leaf, Scalar) else Scalar("structure", getattr(leaf, "text", ""))


JSON = Comparator("json", (".json", ".ipynb", ".geojson"), read_json, fallback="text")
JSON_LINES = Comparator("jsonl", (".jsonl", ".ndjson"), read_json_lines, fallback="text")
