"""How wide a text is in the fonts of a badge, without a font at hand."""

from __future__ import annotations

# Advance widths of U+0020 to U+007E in 1/1000 em: for each character the larger one of Verdana (its AFM widths) and
# DejaVu Sans 2.37 (its hmtx table), the first two fonts that a badge asks for. So the text fits in either.
_ASCII = (
    352, 401, 460, 838, 637, 1076, 780, 275, 454, 454, 636, 838, 364, 454, 364, 454, 637, 637, 637, 637, 637, 637,
    637, 637, 637, 637, 454, 454, 838, 838, 838, 545, 1000, 685, 687, 699, 771, 632, 576, 775, 752, 421, 455, 693,
    558, 863, 749, 788, 604, 788, 695, 684, 616, 732, 685, 989, 686, 615, 686, 454, 454, 454, 838, 636, 636, 613, 635,
    550, 635, 616, 353, 635, 634, 278, 344, 592, 278, 975, 634, 612, 635, 635, 427, 521, 394, 634, 592, 818, 592, 592,
    525, 637, 454, 637, 838,
)  # fmt: skip
_MIDDLE_DOT = 364
_EM = 1000


def text_width(text: str, size: float) -> float:
    """The width of a text.

    Args:
        text: one line; a character that the table lacks counts as a full em.
        size: font size in pixels.

    Returns:
        An upper bound in pixels for Verdana and DejaVu Sans, without kerning.
    """
    return sum(_advance(character) for character in text) * size / _EM


def _advance(character: str) -> int:
    if " " <= character <= "~":
        return _ASCII[ord(character) - ord(" ")]
    return _MIDDLE_DOT if character == "\u00b7" else _EM
