"""Reads a file as Python: scripts in any declared encoding, and notebooks."""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
import warnings
from dataclasses import dataclass, field
from pathlib import Path

LARGEST = 8 << 20
"""Bytes of the largest file that is read; generated tables, not training code, are larger."""
_MAGIC = re.compile(r"^\s*([%!?]|[\w.]+\?{1,2}\s*$|[\w, ]+=\s*[!%])")
_PYTHON_CELLS = ("%%time", "%%timeit", "%%capture", "%%prun", "%%memit", "%%px")
_PYTHON_2 = re.compile(r"Missing parentheses in call to '(print|exec)'|invalid syntax.*except")


@dataclass(slots=True)
class Source:
    r"""The text of a file, and where its lines stand in a notebook.

    Args:
        text: Python, lines ended by ``\n``.
        cells: for a notebook: first line of each cell in ``text``, the cell's number, and the line in the file.
    """

    text: str
    tree: ast.Module
    cells: list[tuple[int, int, int]] = field(default_factory=list)

    def place(self, line: int) -> tuple[int | None, int, int]:
        """Cell number, line in the cell, line in the file; None for a script."""
        found = None
        for cell in self.cells:
            if cell[0] > line:
                break
            found = cell
        if found is None:
            return None, line, line
        return found[1], line - found[0] + 1, found[2] + line - found[0] if found[2] else 1


class NotReadError(Exception):
    """A file that cannot be read as Python: why, and the line where known."""

    def __init__(self, reason: str, line: int = 1) -> None:
        super().__init__(reason, line)
        self.reason = reason
        self.line = line


def read(path: str) -> Source:
    """Reads and parses a file.

    Raises:
        NotReadError: it is too large, no text, or no Python of this version.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise NotReadError(f"it cannot be opened: {error.strerror or error}") from None
    if len(data) > LARGEST:
        raise NotReadError(f"it is larger than {LARGEST >> 20} MiB")
    return parse(data, notebook=path.endswith(".ipynb"))


def parse(data: bytes, *, notebook: bool = False) -> Source:
    """Parses the bytes of a script or notebook.

    Raises:
        NotReadError: they are no Python of this version.
    """
    if notebook:
        text, cells = _notebook(data)
    else:
        text, cells = _decoded(data), []
    return Source(text, _tree(text), cells)


def _tree(text: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        hint = " (it looks like Python 2)" if _PYTHON_2.search(str(error.msg)) else ""
        raise NotReadError(f"{error.msg or 'invalid syntax'}{hint}", error.lineno or 1) from None
    except (RecursionError, MemoryError):
        raise NotReadError("it is nested too deeply") from None
    except ValueError as error:
        raise NotReadError(str(error)) from None


def _decoded(data: bytes) -> str:
    if b"\0" in data:
        raise NotReadError("it holds NUL bytes", data[: data.index(b"\0")].count(b"\n") + 1)
    try:
        encoding, _lines = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        line = data[: error.start].count(b"\n") + 1 if isinstance(error, UnicodeDecodeError) else 1
        raise NotReadError(f"its encoding is wrong: {error}", line) from None
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _notebook(data: bytes) -> tuple[str, list[tuple[int, int, int]]]:
    try:
        document = json.loads(data)
        listed = document["cells"] if "cells" in document else document["worksheets"][0]["cells"]
    except (ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
        raise NotReadError(f"it is no notebook: {error!r}"[:200]) from None
    raw = data.decode("utf-8", "replace").splitlines()
    lines: list[str] = []
    cells: list[tuple[int, int, int]] = []
    at = 0
    for number, cell in enumerate(listed if isinstance(listed, list) else [], 1):
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        source = cell.get("source", cell.get("input", ""))
        text = "".join(map(str, source)) if isinstance(source, list) else str(source)
        written = _without_magic(text.replace("\r\n", "\n").split("\n"))
        at, found = _in_file(raw, at, text.split("\n")[0])
        cells.append((len(lines) + 1, number, found))
        lines += written
    return "\n".join(lines) + "\n", cells


def _without_magic(lines: list[str]) -> list[str]:
    """Magics and shell lines become `pass`, so that lines keep their numbers."""
    if lines and lines[0].startswith("%%") and not lines[0].startswith(_PYTHON_CELLS):
        return ["pass" for _line in lines]
    return [line[: len(line) - len(line.lstrip())] + "pass" if _MAGIC.match(line) else line for line in lines]


def _in_file(raw: list[str], start: int, first: str) -> tuple[int, int]:
    """The line of the notebook's file that holds a cell's first line; 0 when it is not laid out a line a line."""
    wanted = json.dumps(first, ensure_ascii=False)[1:-1]
    if not wanted:
        return start, 0
    for index in range(start, len(raw)):
        if wanted in raw[index]:
            return index + 1, index + 1
    return start, 0
