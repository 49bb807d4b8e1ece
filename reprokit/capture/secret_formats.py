"""Which values are secrets whatever they are called: tokens of known format, credentials in URLs, private keys.

Every pattern is linear: it starts at a word border, its loops are possessive or bounded, and key blocks are found with
plain searches, so that a hostile line of megabytes costs milliseconds.
"""

from __future__ import annotations

import re
from typing import Final

REDACTED: Final = "[redacted]"

_BOUND = r"(?<![A-Za-z0-9])"
# Sources: the vendors' documentation of token prefixes (GitHub, GitLab, Slack, AWS, Hugging Face, OpenAI ...).
_FORMATS = (
    r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])",
    r"gh[pousr]_[A-Za-z0-9]{20,}+",
    r"github_pat_[A-Za-z0-9_]{20,}+",
    r"hf_[A-Za-z0-9]{20,}+",
    r"api_org_[A-Za-z0-9]{20,}+",
    r"sk-(?=[A-Za-z_-]{0,64}+[0-9])[A-Za-z0-9_-]{16,}+",
    r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,}+",
    r"xox[a-z]-[A-Za-z0-9-]{10,}+",
    r"xapp-[0-9]-[A-Za-z0-9-]{10,}+",
    r"gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|soat)-[A-Za-z0-9_-]{16,}+",
    r"AIza[A-Za-z0-9_-]{35}",
    r"ya29\.[A-Za-z0-9_-]{20,}+",
    r"pypi-[A-Za-z0-9_-]{32,}+",
    r"npm_[A-Za-z0-9]{36}",
    r"wandb_v[0-9]_[A-Za-z0-9_]{20,}+",
    r"dapi[0-9a-f]{32}",
    r"SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,}+",
    r"dop_v1_[0-9a-f]{64}",
    r"(?:r8|gsk)_[A-Za-z0-9]{30,}+",
    r"(?:nvapi|xai)-[A-Za-z0-9_-]{30,}+",
    r"KGAT_[A-Za-z0-9]{20,}+",
    r"AGE-SECRET-KEY-1[0-9A-Z]{50,}+",
    r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]++",
)
_KNOWN = re.compile(_BOUND + "(?:" + "|".join(_FORMATS) + ")", re.ASCII)
_BEARER = re.compile(r"(?i:(?<![A-Za-z0-9])Bearer[ \t]{1,4})(?=[A-Za-z._~+/=-]{0,64}+[0-9])([A-Za-z0-9._~+/=-]{16,}+)")
_URL = re.compile(r"(?<![A-Za-z0-9+.-])([A-Za-z][A-Za-z0-9+.-]*+)(:\\?/\\?/)([^\s/?#\"'<>`]*)@", re.ASCII)
_SLACK_HOOK = re.compile(r"(hooks\.slack\.com/(?:services|workflows)/)[A-Za-z0-9/_-]{8,}+")
_PEM_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)?-----")
_PEM_END = re.compile(r"-----END [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)?-----")
_PEM_BODY = re.compile(r"[A-Za-z0-9+/=:,\s\\-]*+", re.ASCII)
_PEM_LIMIT = 1 << 16
# With these a user name alone is an address, not a token.
_LOGIN_SCHEMES = frozenset({"ssh", "git+ssh", "ssh+git", "sftp", "rsync", "svn+ssh", "scp"})


def secret_value(value: str) -> bool:
    """Whether a value holds a credential of a known format, whatever its name."""
    return redact_formats(value)[1] > 0


def redact_formats(text: str) -> tuple[str, int]:
    """Replaces every credential of a known format in `text`.

    Returns:
        The text, and how many were replaced.
    """
    count = 0
    if "PRIVATE KEY" in text:
        text, count = _redact_key_blocks(text)
    text, known = _KNOWN.subn(REDACTED, text)
    text, bearers = _BEARER.subn(lambda match: match[0][: match.start(1) - match.start()] + REDACTED, text)
    text, hooks = _SLACK_HOOK.subn(lambda match: match[1] + REDACTED, text)
    text, urls = strip_url_credentials(text)
    return text, count + known + bearers + hooks + urls


def strip_url_credentials(text: str) -> tuple[str, int]:
    """Replaces the user information of every URL (`scheme://user:password@host`) in `text`.

    The user's name goes too: many services take a token there. `ssh://git@host` stays.
    """
    if "@" not in text:
        return text, 0
    count = 0

    def replace(match: re.Match[str]) -> str:
        nonlocal count
        scheme, user = match[1], match[3]
        if user in {"", REDACTED} or (":" not in user and scheme.lower() in _LOGIN_SCHEMES):
            return match[0]
        count += 1
        return f"{scheme}{match[2]}{REDACTED}@"

    return _URL.sub(replace, text), count


def _redact_key_blocks(text: str) -> tuple[str, int]:
    pieces: list[str] = []
    position = count = 0
    end = _PEM_END.search(text)
    while begin := _PEM_BEGIN.search(text, position):
        if end and end.start() < begin.end():  # searched anew only when passed: linear in all
            end = _PEM_END.search(text, begin.end())
        if end and end.start() - begin.end() <= _PEM_LIMIT:
            stop = end.end()
        else:  # cut short, as in a truncated log: everything that could belong to its body goes
            body = _PEM_BODY.match(text, begin.end(), begin.end() + _PEM_LIMIT)
            stop = body.end() if body and body[0].strip() else begin.end()
        found = stop > begin.end()
        pieces += [text[position : begin.start()], REDACTED if found else begin[0]]
        position, count = stop, count + found
    pieces.append(text[position:])
    return "".join(pieces), count
