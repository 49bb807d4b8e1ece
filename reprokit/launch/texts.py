"""Paths, arguments and values as they stand in a manifest, and back.

JSON holds Unicode and a path holds bytes, so what is not UTF-8 is escaped as in a member's name. Other text stands as
it is, backslashes included, so that commands stay readable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprokit.bundle.names import escape_name, unescape_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reprokit.schema.manifest import Notice


def text_of(raw: str) -> str:
    r"""A path or argument as it stands in a manifest: escaped only where JSON has no way to say it.

    ``raw_of(text_of(raw)) == raw`` for everything that `os.fsdecode` returns.

    >>> text_of("a\\d"), text_of("\udcff\\d")
    ('a\\d', '\\xff\\x5cd')
    """
    try:
        raw.encode()
    except UnicodeEncodeError:
        return escape_name(raw)
    return escape_name(raw) if "\\x" in raw else raw


def raw_of(text: str) -> str:
    """Reads what `text_of` wrote.

    Raises:
        ValueError: `text_of` writes no such text.
    """
    return unescape_name(text) if "\\x" in text else text


def unique_notices(notices: Iterable[Notice]) -> list[Notice]:
    """Each notice once, with a message that can be printed."""
    said = {(notice.code, notice.message): notice for notice in notices}
    return [notice.model_copy(update={"message": _printable(notice.message)}) for notice in said.values()]


def _printable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return escape_name(text)
    return text
