"""Licence expressions in SPDX's words."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from reprokit.datasets.sources import needed
from reprokit.errors import UsageError

_OWN = re.compile(r"(?:DocumentRef-[A-Za-z0-9.-]+:)?(?:LicenseRef|AdditionRef)-[A-Za-z0-9.-]+")

_WORD = re.compile(r"[^\s()]+")
_DEPRECATED = re.compile(r"[AL]?GPL-[0-9.]+\+?", re.IGNORECASE)
"""Identifiers that SPDX still lists; their newer names say "only" or "or later"."""


@cache
def _spdx() -> Any:
    return needed("license_expression", "a licence").get_spdx_licensing()


def normal_licence(text: str) -> str:
    """The expression with the usual spelling of its identifiers; an empty text stays one.

    Raises:
        UsageError: RPK157, it is none.
        UnverifiedError: RPK150, the library is missing.
    """
    if not text.strip():
        return ""
    spdx = _spdx()
    library = needed("license_expression", "a licence")
    try:
        found = spdx.parse(text, validate=False, strict=True)
    except (library.ExpressionError, library.ExpressionParseError) as error:
        raise UsageError("RPK157", f"{text!r}: {error}") from None
    listed = {key.lower() for key in spdx.known_symbols}
    later = {key for key in spdx.unknown_license_keys(found) if key.endswith("+") and key[:-1].lower() in listed}
    unknown = [key for key in spdx.unknown_license_keys(found) if not _OWN.fullmatch(key) and key not in later]
    # The library takes other names too, and would turn GPL into GPL-1.0-or-later, which nobody said.
    keys = {key.lower() for key in spdx.license_keys(found)}
    names = [word for word in _WORD.findall(text) if word.upper() not in ("AND", "OR", "WITH")]
    unknown = unknown or [word for word in names if not (word.lower() in keys or _DEPRECATED.fullmatch(word))]
    if unknown:
        raise UsageError("RPK157", f"{text!r}: not in SPDX's list: {', '.join(map(repr, unknown))}")
    return str(found)
