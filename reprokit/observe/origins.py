"""Who opens a file, by the frames on the stack."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # typing costs 8 ms at start
if TYPE_CHECKING:
    from typing import Any

RUNS = ("import", "script")
"""Origins of what is opened to be run."""
_IMPORTERS = ("<frozen importlib", "<frozen zipimport", "<frozen runpy", "<frozen site")
_FRAMES = 8
_OURS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "switches.py")  # stands before sorted listings
_SOURCE_READERS = ("/linecache.py", "/inspect.py")  # of the standard library


def origin_of(depth: int, root: str, standard: str) -> str:
    """Who opens a file.

    Returns:
        ``import`` for the import system, ``script`` for the interpreter itself, ``source`` for traceback machinery,
        ``user`` for the project's own code (also through the standard library, as in ``Path.read_text``), or ``call``.
    """
    try:
        frame: Any = sys._getframe(depth)
    except ValueError:  # no Python code runs: the interpreter opens the script, or a source line for a traceback
        return "script"
    while frame.f_code.co_filename == _OURS and frame.f_back is not None:
        frame = frame.f_back
    filename = frame.f_code.co_filename
    if filename.startswith(_IMPORTERS):
        return "import"
    if _reads_source(frame, standard) or "/importlib/metadata/" in filename:
        return "source"  # tracebacks, and the search for installed distributions
    for _ in range(_FRAMES):
        if not filename.startswith(("<frozen", standard)) or "-packages" in filename:
            break
        frame = frame.f_back
        if frame is None:
            return "call"
        filename = frame.f_code.co_filename
    absolute = filename if filename[:1] == "/" else os.path.join(os.getcwd(), filename)
    return "user" if absolute.startswith(root) and "-packages/" not in absolute else "call"


def _reads_source(frame: Any, standard: str) -> bool:
    """Whether a line is looked up for a traceback; others, too, open a corpus of source code by ``tokenize.open``."""
    if frame.f_code.co_filename == f"{standard}/tokenize.py" and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code.co_filename in [standard + name for name in _SOURCE_READERS]
