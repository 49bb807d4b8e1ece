"""Text, line by line; lines that match a pattern of the options are left out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reprokit.compare.files.content import Leaf, Records, Scalar
from reprokit.compare.files.registry import Comparator
from reprokit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reprokit.compare.files.content import Options
    from reprokit.compare.files.source import Source

_MAX_LINE = 16 << 20


def lines(source: Source, options: Options) -> Iterator[str]:
    """The lines of a text with their newlines, as `Options.text` gives them; one longer than 16 MiB comes in pieces.

    Bytes that are not UTF-8 become lone surrogates, so that different bytes stay different.
    """
    with source.stream() as stream:
        while line := stream.readline(_MAX_LINE):
            yield options.text(line.decode("utf-8", "surrogateescape"))


def read_text(source: Source, options: Options) -> dict[str, Leaf]:
    """Reads the lines that no pattern of the options matches.

    Raises:
        UsageError: RPK001, a pattern is not a regular expression.
    """
    try:
        patterns = [re.compile(pattern) for pattern in options.ignore_patterns]
    except re.error as error:
        raise UsageError("RPK001", f"{error.pattern!r} is not a regular expression: {error}") from error

    def rows() -> Iterator[Mapping[str, Scalar]]:
        for number, line in enumerate(lines(source, options), 1):
            text = line.removesuffix("\n")
            if not any(pattern.search(text) for pattern in patterns):
                yield {f"line {number}": Scalar("line" if text != line else "line without newline", text)}

    return {"lines": Records("line", rows)}


TEXT = Comparator("text", (".txt", ".log", ".md", ".yaml", ".yml", ".toml", ".xml", ".html", ".svg"), read_text)
