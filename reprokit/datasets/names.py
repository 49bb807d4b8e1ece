r"""File names as a manifest writes them: any bytes are a name on Linux, and JSON has room for text only.

Every byte that is not UTF-8, and every backslash, is written as ``\xNN``, as in a bundle's manifest.
"""

from __future__ import annotations

import re

_ESCAPE = re.compile(r"\\x([0-9a-f]{2})")


def written(path: str) -> str:
    """A path with surrogate escapes (PEP 383) as text; nearly every path is written as it is."""
    if path.isascii() and "\\" not in path:
        return path
    return path.replace("\\", "\\x5c").encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def unwritten(text: str) -> str:
    """The path that `written` wrote."""
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]).decode("utf-8", "surrogateescape"), text)
