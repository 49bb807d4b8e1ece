"""What Matplotlib and SciPy write with the time in it: figures as SVG, PDF and PostScript, and MATLAB's ``.mat`` files.

The date of a figure is no more content than the comment of an image. Matplotlib also names the parts of an SVG by a
digest with a random salt; such names become ranks in the order in which they are given, and every reference follows.
Files of other programs are left to the comparators of texts and bytes.
Sources: ``_make_id`` and ``metadata`` in matplotlib/backends/backend_svg.py, ``_create_pdf_info_dict`` in
backend_pdf.py, ``_print_figure`` in backend_ps.py (Matplotlib 3.11); ``write_file_header`` in
scipy/io/matlab/_mio5.py (SciPy 1.17).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from reprokit.compare.files.content import Scalar
from reprokit.compare.files.registry import Comparator
from reprokit.compare.files.text_file import read_text
from reprokit.digest import sha256_bytes

if TYPE_CHECKING:
    from reprokit.compare.files.content import Leaf, Options
    from reprokit.compare.files.source import Source

_LARGEST = 64 << 20
_HEAD = 2048
_MAKER = b"<dc:title>Matplotlib v"
_SVG_DATE = re.compile(r"(?<=<dc:date>)\d{4}-\d\d-\d\dT[\d:.]+(?=</dc:date>)")
# Markers, clipping, hatches, images and the paths of a collection.
_NAMED = r"((?:[mph]|image|C[0-9a-f]+_[0-9a-f]+_)[0-9a-f]{10})"
_GIVEN = re.compile(rf'\bid="{_NAMED}"')
_USED = re.compile(rf'(?<=id="){_NAMED}(?=")|(?<=href="#){_NAMED}(?=")|(?<=url\(#){_NAMED}(?=\))')
_POSTSCRIPT_DATE = re.compile(r"^%%CreationDate: \w{3} \w{3} [ \d]\d [\d:]{8} \d{4}$", re.MULTILINE)
_PDF_DATE = re.compile(rb"/CreationDate \(D:\d{14}(?:Z|[+-]\d\d'\d\d')\)")
_PDF_MAKER = b"/Producer (Matplotlib pdf backend"
_MATLAB_TEXT = 116
_MATLAB_DATE = re.compile(rb"(?<=, Created on: )\w{3} \w{3} [ \d]\d [\d:]{8} \d{4}")


def read_svg(source: Source, options: Options) -> dict[str, Leaf]:
    """The lines of a figure, without its date and with ranks for the names that Matplotlib made up."""
    ranks: dict[str, str] = {}
    for found in _GIVEN.finditer(source.data.tobytes().decode("utf-8", "surrogateescape")):
        ranks.setdefault(found[1], f"name {len(ranks)}")

    def rank(found: re.Match[str]) -> str:
        return ranks.get(found[0], found[0])

    def text(line: str) -> str:
        return _USED.sub(rank, _SVG_DATE.sub("", options.text(line)))

    return read_text(source, replace(options, text=text))


def read_postscript(source: Source, options: Options) -> dict[str, Leaf]:
    """The lines of a figure, without its date."""
    return read_text(source, replace(options, text=lambda line: _POSTSCRIPT_DATE.sub("", options.text(line))))


def read_pdf(source: Source, options: Options) -> dict[str, Leaf]:
    """The bytes of a figure, without its date, if it has one date."""
    del options
    data = source.data.tobytes()
    return _whole(_PDF_DATE.sub(b"", data) if len(_PDF_DATE.findall(data)) == 1 else data)


def read_matlab(source: Source, options: Options) -> dict[str, Leaf]:
    """The bytes of a file of MATLAB's fifth version, without the date in the text that it begins with."""
    del options
    data = source.data.tobytes()
    return _whole(_MATLAB_DATE.sub(b"", data[:_MATLAB_TEXT]) + data[_MATLAB_TEXT:])


def _whole(data: bytes) -> dict[str, Leaf]:
    return {"without its date": Scalar("bytes", f"{len(data)} bytes {sha256_bytes(data)}")}


def _is_svg(source: Source) -> bool:
    head = source.head(_HEAD)
    return source.size <= _LARGEST and head.startswith(b"<?xml") and _MAKER in head and b"<svg " in head


def _is_postscript(source: Source) -> bool:
    head = source.head(_HEAD)
    return source.size <= _LARGEST and head.startswith(b"%!PS-Adobe-3.0") and b"\n%%Creator: Matplotlib v" in head


def _is_pdf(source: Source) -> bool:
    return source.size <= _LARGEST and source.head(5) == b"%PDF-" and _PDF_MAKER in source.data.tobytes()


def _is_matlab(source: Source) -> bool:
    return source.size <= _LARGEST and source.head(19) == b"MATLAB 5.0 MAT-file"


SVG = Comparator("SVG of Matplotlib", (), read_svg, _is_svg, fallback="text")
POSTSCRIPT = Comparator("PostScript of Matplotlib", (), read_postscript, _is_postscript, fallback="text")
PDF = Comparator("PDF of Matplotlib", (), read_pdf, _is_pdf)
MATLAB = Comparator("MATLAB", (), read_matlab, _is_matlab)
