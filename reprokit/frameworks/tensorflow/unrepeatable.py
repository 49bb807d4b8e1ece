"""Finds the operation that ended the script because determinism is on and it has no deterministic kernel.

TensorFlow raises where PyTorch can warn. The error passes as it is; at exit the interpreter still has it.
"""

from __future__ import annotations

import re
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reprokit.observe.start import Session

_SWITCH = "tensorflow.op_determinism"
_OPERATIONS = (
    (re.compile(r"Random ops require a seed"), "a random operation without a seed"),
    (re.compile(r'"(\w+)" cannot be called (?:when|if)[\s\S]*determinism'), ""),
    (re.compile(r"(\w+) cannot be called when determinism is enabled"), ""),
    (re.compile(r"implementation of (\S+?)(?: is| does|\.|,)", re.IGNORECASE), ""),
    (re.compile(r"\[Op:(\w+)\]"), ""),
    (re.compile(r"\{\{node ([^}\s]+)\}\}"), ""),
)
_FRAME = re.compile(r'File "([^"]+)", line (\d+)')


def operation_in(text: str) -> str:
    """The operation that a message complains of, or an empty text where it is about something else."""
    if "determinis" not in text.lower():
        return ""
    for pattern, name in _OPERATIONS:
        found = pattern.search(text)
        if found:
            return name or found[1]
    return "an operation"


def place_of(error: BaseException, root: str) -> str:
    """The innermost line of the user's own code: where it called, or where it put the operation into a graph."""
    frames = [(frame.filename, frame.lineno or 0) for frame in traceback.extract_tb(error.__traceback__)]
    frames = [(file, int(line)) for file, line in _FRAME.findall(str(error))] or frames
    found = ""
    for file, line in frames:
        path = str(Path(file).absolute())
        if path.startswith(root) and "site-packages" not in path and not file.startswith("<"):
            found = f"{path.removeprefix(root).lstrip('/')}:{line}"
    return found


def note_what_ended(session: Session) -> None:
    """Notes the operation and the line, if determinism is what ended the script."""
    error = getattr(sys, "last_value", None)
    seen: set[int] = set()
    while isinstance(error, BaseException) and id(error) not in seen:
        seen.add(id(error))
        operation = operation_in(str(error))
        if operation:
            session.note("policy-problem", _SWITCH, operation, place_of(error, str(session.config.get("root", "/"))))
            return
        error = error.__cause__ or error.__context__
