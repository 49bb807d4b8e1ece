"""Reads metrics from what a run printed.

The default patterns take a number only when the word before it names a quality (`names.QUALITIES`), as in
``loss: 0.123``, ``accuracy=0.98``, ``val_loss 1.2e-3``, ``epoch 3: acc 97.2%`` or ``Accuracy: 9823/10000 (98%)``.
Everything else that scripts print (ports, seeds, progress) is left alone; a pattern of the user's own reads more.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reprokit.compare.metrics.extraction import Collector, Extraction
from reprokit.compare.metrics.names import is_quality
from reprokit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_CHARACTERS = 16 << 20
"""Of longer texts only the end is searched: about 4 s of work at 4 MB/s."""

# Every repetition is bounded and a name starts only where no name character stands before, so that a line of any
# content is read in linear time.
_NUMBER = r"[-+]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][-+]?\d{1,5})?|[-+]?(?:nan|inf(?:inity)?)\b"
_QUALIFIER = (
    r"(?:train(?:ing)?|test(?:ing)?|val(?:id|idation)?|dev|eval(?:uation)?|mean|average|avg|final|best|total|balanced"
    r"|macro|micro|weighted|overall|top-?[15]|cross)"
)
_DEFAULT = re.compile(
    rf"""(?<![\w./@%-])(?P<name>(?:{_QUALIFIER}[ -]){{0,3}}[a-z][\w./@-]{{0,63}}+)['"]?
    (?P<separator>\s{{0,8}}[:=]\s{{0,8}}|\s{{1,40}}(?:(?:is|of|was)\s{{1,8}})?)
    (?:(?:np\.float\d\d|tensor|array|Array)\()?
    (?P<value>{_NUMBER})(?:\s?/\s?(?P<whole>\d{{1,20}})(?![\d.]))?(?P<percent>\s?%)?""",
    re.IGNORECASE | re.VERBOSE,
)
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]{0,32}[ -/]{0,8}[@-~]|\][^\x07\x1b]{0,256}(?:\x07|\x1b\\)?|[@-Z\\-_])")
_EVIDENT = re.compile(r"[.eE%]|nan|inf", re.IGNORECASE)


def compile_patterns(patterns: Iterable[str]) -> list[re.Pattern[str]]:
    """Compiles a user's patterns.

    Args:
        patterns: regular expressions with the named groups ``name`` and ``value``.

    Raises:
        UsageError: RPK004, a pattern is not a regular expression or lacks a group.
    """
    compiled = []
    for pattern in patterns:
        try:
            expression = re.compile(pattern, re.MULTILINE)
        except (re.error, RecursionError, OverflowError) as error:
            raise UsageError("RPK004", f"the metric pattern {pattern!r} is not a regular expression: {error}") from None
        missing = [name for name in ("name", "value") if name not in expression.groupindex]
        if missing:
            raise UsageError(
                "RPK004",
                f"the metric pattern {pattern!r} has no group named {' and '.join(missing)}",
                r"Write it like (?P<name>\w+) score: (?P<value>[-+.\deE]+)",
            )
        compiled.append(expression)
    return compiled


def from_stdout(
    text: str, patterns: Sequence[str] = (), *, defaults: bool = True, source: str = "stdout", keep: Sequence[str] = ()
) -> Extraction:
    """Reads metrics from printed text; the last occurrence of a name counts.

    Colours are removed and a carriage return ends a line, as progress bars need it. Of a text larger than 16 MiB the
    end is read. A fraction ``9823/10000`` is read as its quotient; a percentage keeps its number (97.2).

    Args:
        text: what was printed.
        patterns: regular expressions with groups ``name`` and ``value``; their matches are metrics whatever the name,
            and win over the default patterns.
        defaults: whether the default patterns are used, too.
        source: how metrics name it.
        keep: globs of names that are metrics even though they look like a time or a size.

    Raises:
        UsageError: RPK004, a pattern is invalid.
    """
    own = compile_patterns(patterns)
    plain = _ESCAPE.sub("", text[-MAX_CHARACTERS:].replace("\r", "\n"))
    found = Collector(source, [*keep, *(["*"] if own else [])])
    if len(text) > MAX_CHARACTERS:
        found.note(f"{source} is larger than {MAX_CHARACTERS} characters; only its end was searched for metrics")
    if defaults:
        for match in _DEFAULT.finditer(plain):
            _add_default(match, found)
    for pattern in own:
        for match in pattern.finditer(plain):
            name, value = match["name"], _number(match["value"] or "")
            if name and value is not None:
                found.add(name.strip(), value)
    return found.result()


def _add_default(match: re.Match[str], found: Collector) -> None:
    name = re.sub(r"[\s]+", "_", match["name"].strip())
    value = _number(match["value"])
    if value is None or not is_quality(name):
        return
    if not re.search(r"[:=]", match["separator"]) and not (_EVIDENT.search(match["value"]) or match["percent"]):
        return  # "3 losses 2 wins" is prose; only a decimal number may follow without a sign
    whole = match["whole"]
    found.add(name, value / int(whole) if whole and int(whole) else value)


def _number(text: str) -> float | None:
    try:
        return float(text.strip().rstrip("%"))
    except ValueError:
        return None
