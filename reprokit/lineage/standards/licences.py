"""Which texts are licences by SPDX's names, so that a standard may say so."""

from __future__ import annotations

import re

# Those in common use; all of them are in the lists that the standards' validators know.
_NAMES = {name.lower(): name for name in (
    "0BSD", "AFL-3.0", "AGPL-3.0-only", "AGPL-3.0-or-later", "Apache-2.0", "Artistic-2.0", "BSD-2-Clause",
    "BSD-3-Clause", "BSL-1.0", "C-UDA-1.0", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-NC-3.0", "CC-BY-NC-4.0", "CC-BY-NC-ND-3.0",
    "CC-BY-NC-ND-4.0", "CC-BY-NC-SA-3.0", "CC-BY-NC-SA-4.0", "CC-BY-ND-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC0-1.0",
    "CDLA-Permissive-1.0", "CDLA-Permissive-2.0", "CDLA-Sharing-1.0", "ECL-2.0", "EPL-2.0", "EUPL-1.1", "EUPL-1.2",
    "GFDL-1.3-only", "GFDL-1.3-or-later", "GPL-2.0-only", "GPL-2.0-or-later", "GPL-3.0-only", "GPL-3.0-or-later", "ISC",
    "LGPL-2.1-only", "LGPL-2.1-or-later", "LGPL-3.0-only", "LGPL-3.0-or-later", "MIT", "MIT-0", "MPL-2.0", "MS-PL",
    "NCSA", "O-UDA-1.0", "ODC-By-1.0", "ODbL-1.0", "OFL-1.1", "OGL-UK-3.0", "OSL-3.0", "PDDL-1.0", "Python-2.0",
    "Unlicense", "WTFPL", "Zlib",
)}  # fmt: skip
_OPERATORS = frozenset({"AND", "OR"})
_OWN = re.compile(r"LicenseRef-[A-Za-z0-9.-]+")


def spdx_name(text: str) -> str:
    """The name of one licence as SPDX writes it, or an empty text for what is none of those in common use."""
    return _NAMES.get(text.strip().lower(), "")


def spdx_expression(text: str) -> str:
    """Several licences joined by ``AND`` and ``OR``, in SPDX's form; an empty text for anything else."""
    said: list[str] = []
    for part in text.split():
        name = spdx_name(part) or (part if part in _OPERATORS or _OWN.fullmatch(part) else "")
        if not name or (name in _OPERATORS) != bool(len(said) % 2):
            return ""
        said.append(name)
    return " ".join(said) if len(said) % 2 else ""
