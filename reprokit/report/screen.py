"""A page of text for a terminal: paragraphs, fields and tables, laid out by rich and plain when piped.

Nothing is said by colour alone, no text is read as markup, and without UTF-8 everything is ASCII.
"""

from __future__ import annotations

import io
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

from reprokit.report.wording import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_PIPE_WIDTH = 100
_NARROWEST = 40
_TYPOGRAPHY = str.maketrans({"…": "...", "·": "-", "\u00d7": "x", "\u2013": "-", "\u2014": "-", "✓": "[+]", "✗": "[x]"})
_COLOURS = {"good": "bold green", "bad": "bold red", "unsure": "bold yellow", "title": "bold", "dim": "dim", "": ""}


@dataclass(frozen=True)
class Screen:
    """How to lay out: ``width`` in columns, whether escape codes for colour may be used, and whether ASCII must do."""

    width: int = 80
    color: bool = False
    ascii_only: bool = False


def screen_of(stream: TextIO, environment: Mapping[str, str]) -> Screen:
    """The screen behind a stream.

    Colour needs a terminal other than ``dumb`` and no ``NO_COLOR`` (https://no-color.org: any non-empty value);
    ``FORCE_COLOR`` stands in for a terminal. ``COLUMNS`` wins over the terminal's own width.
    """
    is_terminal = _is_terminal(stream)
    forced = bool(environment.get("FORCE_COLOR"))
    dumb = environment.get("TERM") == "dumb"
    color = (forced or (is_terminal and not dumb)) and not environment.get("NO_COLOR")
    columns = environment.get("COLUMNS", "")
    if columns.isdecimal() and int(columns[:5]) > 0:
        width = int(columns[:5])
    else:
        width = shutil.get_terminal_size((80, 24)).columns if is_terminal else _PIPE_WIDTH
    encoding = (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "").replace("_", "")
    return Screen(max(width, _NARROWEST), color, not encoding.startswith(("utf", "cp65001")))


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except (AttributeError, ValueError):  # a replaced or closed stream
        return False


class Page:
    """Collects blocks of text and renders them once."""

    def __init__(self, screen: Screen) -> None:
        from rich.console import Console

        self._screen = screen
        self._file = io.StringIO()
        self._console = Console(
            file=self._file,
            width=screen.width,
            force_terminal=screen.color,
            color_system="standard" if screen.color else None,
            no_color=not screen.color,
            markup=False,
            emoji=False,
            highlight=False,
            legacy_windows=False,
        )

    def line(self, text: str, style: str = "", indent: int = 0, limit: int = 600) -> None:
        """A paragraph, wrapped at the width; continuation lines keep the indent (columns)."""
        from rich.padding import Padding

        self._console.print(Padding(self._text(text, style, limit), (0, 0, 0, indent)))

    def title(self, text: str) -> None:
        """An empty line and a heading."""
        self._console.print()
        self.line(text, "title")

    def command(self, text: str) -> None:
        """A command to paste: one line of output whatever its length."""
        self._console.print("  " + self._plain(clean(text, 2000)), soft_wrap=True)

    def fields(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Label and text, side by side; a label that repeats is shown once."""
        from rich.table import Table

        grid = Table.grid(padding=(0, 1, 0, 0))
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        previous = None
        for label, text in pairs:
            grid.add_row(self._text("" if label == previous else label, "dim"), self._text(text))
            previous = label
        self._console.print(grid)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """A table without lines; a column starting with ``>`` is aligned to the right, one ending in ``*`` may fold."""
        from rich.table import Table

        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
        for column in columns:
            folds = column.endswith("*")
            table.add_column(
                column.strip(">*"),
                justify="right" if column.startswith(">") else "left",
                overflow="fold",
                no_wrap=not folds,
                min_width=12 if folds else None,
            )
        for row in rows:
            table.add_row(*(self._text(cell) for cell in row))
        self._console.print(table)

    def render(self) -> str:
        """The page, ending in one newline. Without colour no line ends in blanks."""
        text = self._file.getvalue()
        if not self._screen.color:
            text = "\n".join(line.rstrip() for line in text.split("\n"))
        return text.strip("\n") + "\n"

    def _text(self, text: str, style: str = "", limit: int = 300) -> Any:
        from rich.text import Text

        return Text(self._plain(clean(text, limit)), style=_COLOURS[style], overflow="fold")

    def _plain(self, text: str) -> str:
        if not self._screen.ascii_only:
            return text
        return text.translate(_TYPOGRAPHY).encode("ascii", "backslashreplace").decode("ascii")
