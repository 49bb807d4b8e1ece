"""Values of JSON, one at a time: those of an array need not be in memory together."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE = 1 << 16
_LONGEST = 256 << 20
_MARGIN = 32
"""Characters before the end of a piece in which an error may mean no more than that it was cut there."""
_NUMBER_END = 3
"""Characters that must be there behind a number: of ``1.5e+7``, ``1`` and ``1.5`` are numbers as well."""
_BLANKS = " \t\r\n"


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object. Which of two values of one key is meant depends on who reads it: one of them would be hidden."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has a key twice")
    return found


DECODER = json.JSONDecoder(object_pairs_hook=_distinct)
"""Python's decoder, but for objects that have a key twice: those are errors."""


def array_items(file: IO[str]) -> Iterator[Any]:
    """The items of an array, and nothing may follow it. The longest item bounds the memory.

    Raises:
        ValueError: it is no array, or damaged.
    """
    text = _Text(file)
    if text.next() != "[":
        raise ValueError("it is no array of JSON")
    text.at += 1
    if text.next() == "]":
        text.at += 1
    else:
        yield text.value()
        while (mark := text.next()) == ",":
            text.at += 1
            yield text.value()
        if mark != "]":
            raise ValueError("the array has no end" if not mark else f"{mark!r} stands after an item of the array")
        text.at += 1
    if text.next():
        raise ValueError("something follows the array")


class _Text:
    """What was read of a file and not used yet, and a place in it."""

    def __init__(self, file: IO[str]) -> None:
        self._file, self._held, self.at, self._ended = file, "", 0, False

    def _more(self) -> None:
        """Reads as much again as is held, so that a long item is not parsed too often."""
        rest = self._held[self.at :]
        piece = self._file.read(max(PIECE, len(rest)))
        self._held, self.at, self._ended = rest + piece, 0, not piece

    def next(self) -> str:
        """The next character that is no blank, without taking it; nothing at the end."""
        while True:
            while self.at < len(self._held) and self._held[self.at] in _BLANKS:
                self.at += 1
            if self.at < len(self._held):
                return self._held[self.at]
            if self._ended:
                return ""
            self._more()

    def value(self) -> Any:
        """Takes the next value."""
        self.next()
        while True:
            try:
                found, end = DECODER.raw_decode(self._held, self.at)
            except json.JSONDecodeError as error:
                if self._ended or not self._may_be_cut(error):
                    raise
            else:
                if end + _NUMBER_END <= len(self._held) or self._ended or not isinstance(found, int | float):
                    self.at = end
                    return found
            if len(self._held) - self.at > _LONGEST:
                raise ValueError(f"an item is longer than {_LONGEST} characters")
            self._more()

    def _may_be_cut(self, error: json.JSONDecodeError) -> bool:
        return error.msg.startswith("Unterminated string") or error.pos >= len(self._held) - _MARGIN
