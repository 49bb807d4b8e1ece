"""Comments that silence findings: `# noqa`, `# noqa: RPL010`, `# reprokit: ignore[RPL010]`, and for a whole file."""

from __future__ import annotations

import io
import re
import tokenize
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reprokit.lint.findings import Finding

_CODES = r"[A-Z]+[0-9]*(?:[\s,]+[A-Z]+[0-9]+)*"
_NOQA = re.compile(rf"#\s*noqa(?P<colon>\s*:\s*(?P<codes>{_CODES}))?", re.IGNORECASE)
_OURS = re.compile(r"#\s*reprokit\s*:\s*ignore(?P<file>-file)?(?:\[(?P<codes>[^\]]*)\])?", re.IGNORECASE)
_WORTH_READING = re.compile(r"#\s*(?:noqa(?!\s*:)|noqa\s*:.*RPL|reprokit\s*:)", re.IGNORECASE)
_FILE_NOQA = re.compile(r"#\s*(?:ruff|flake8)\s*:\s*noqa", re.IGNORECASE)


@dataclass(slots=True)
class Silence:
    """One comment: its line, the codes it names (none: all), and whether it silenced anything."""

    line: int
    codes: tuple[str, ...]
    ours: bool
    whole_file: bool = False
    used: bool = False

    def covers(self, finding: Finding) -> bool:
        """Whether it silences a finding; a code may be cut short: RPL01 names RPL010 to RPL019."""
        place = self.whole_file or self.line in {finding.line, finding.end_line, finding.first_line}
        return place and (not self.codes or finding.code.startswith(self.codes))


@dataclass(slots=True)
class Silences:
    """The comments of one file."""

    comments: list[Silence] = field(default_factory=list)

    def covers(self, finding: Finding) -> bool:
        """Whether a comment silences a finding; all that do count as used."""
        found = [one for one in self.comments if one.covers(finding)]
        for one in found:
            one.used = True
        return bool(found)

    def unused(self) -> list[Silence]:
        """Comments that name our codes and silenced nothing."""
        return [one for one in self.comments if not one.used and one.ours]


def silences(text: str) -> Silences:
    """The silencing comments of a file; text within strings is none."""
    if not _WORTH_READING.search(text):  # telling comments from strings takes as long as all the rest
        return Silences()
    found = []
    for line, comment in _comments(text):
        if _FILE_NOQA.search(comment):
            continue
        for match in _OURS.finditer(comment):
            codes = _listed(match["codes"])
            found.append(Silence(line, codes, ours=True, whole_file=match["file"] is not None))
        for match in _NOQA.finditer(comment):
            codes = _listed(match["codes"])
            if match["colon"] and not any(code.startswith("RPL") for code in codes):
                continue
            found.append(Silence(line, codes, ours=any(code.startswith("RPL") for code in codes)))
    return Silences(found)


def _listed(codes: str | None) -> tuple[str, ...]:
    return tuple(code.upper() for code in re.split(r"[\s,]+", codes or "") if code)


def _comments(text: str) -> list[tuple[int, str]]:
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError, IndentationError):
        return [(number, line[line.index("#") :]) for number, line in enumerate(text.split("\n"), 1) if "#" in line]
    return [(token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT]
