"""LightGBM's text models: the lists of numbers of each tree as arrays, so that a difference has a distance.

Source: src/boosting/gbdt_model_text.cpp and src/io/tree.cpp of LightGBM. The sizes of the trees' texts, and parameters
that only name files, are no content.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from reprokit.compare.files.content import Leaf, Paths, Scalar, key_part
from reprokit.compare.files.protobuf_leaves import array_leaf, bytes_leaf
from reprokit.compare.files.registry import Comparator
from reprokit.compare.files.text_file import lines
from reprokit.compare.files.unreadable import UnreadableError

if TYPE_CHECKING:
    from reprokit.compare.files.content import Options
    from reprokit.compare.files.source import Source

_MAX_SIZE = 256 << 20
_MAX_LIST = 1 << 20  # split into words it takes fifty times that
_NOISE = {
    "tree_sizes", "input_model", "output_model", "output_result", "save_binary", "snapshot_freq", "config", "data",
    "valid", "machines", "machine_list_filename", "convert_model",
}  # fmt: skip
_PARAMETER = re.compile(r"\[(\w+): (.*)\]")
_NUMBER = re.compile(r"-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?|-?inf|-?nan")


def read_lightgbm(source: Source, options: Options) -> dict[str, Leaf]:
    """Reads a model: ``KEY`` of the head, ``Tree=0/KEY``, ``parameters/KEY``.

    Raises:
        UnreadableError: it is larger than 256 MiB, or has a line that none of its writers makes.
    """
    if source.size > _MAX_SIZE:
        raise UnreadableError(f"it has {source.size} bytes; a model is read as content up to {_MAX_SIZE}")
    leaves: dict[str, Leaf] = {}
    paths = Paths()
    section = ""
    for number, line in enumerate(lines(source, options)):
        text = line.rstrip("\n")
        key, equals, value = text.partition("=")
        if found := _PARAMETER.fullmatch(text):
            key, value, section = found[1], found[2], "parameters"
        elif key == "Tree" or text in {"end of trees", "feature_importances:", "parameters:", "end of parameters"}:
            section = text.rstrip(":")
            continue
        elif not equals:
            if text and text != "tree":
                leaves[paths.join(section, f"<line {number}>")] = Scalar("line", text)
            continue
        path = paths.join(section, key_part(key))
        if path in leaves:
            raise UnreadableError("it names a value twice")
        if key not in _NOISE:
            leaves[path] = _value(value)
    return leaves


def _value(text: str) -> Leaf:
    """A list of numbers as an array of doubles, which is what LightGBM reads; anything else as it stands."""
    if len(text) > _MAX_LIST:
        return bytes_leaf(text.encode("utf-8", "surrogateescape"))
    words = text.split(" ")
    # A number of 17 digits and more may be an integer that no double holds.
    if all(_NUMBER.fullmatch(word) and (len(word) < 16 or not word.lstrip("-").isdigit()) for word in words):
        return array_leaf(np.array([float(word) for word in words]))
    return Scalar("str", text)


def _is_lightgbm(source: Source) -> bool:
    return re.match(rb"tree\nversion=v\d+\n", source.head(32)) is not None


LIGHTGBM = Comparator("LightGBM", (), read_lightgbm, _is_lightgbm, fallback="text")
