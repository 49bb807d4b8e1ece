"""Keeping secrets out of everything that is stored: names, values, free text, arguments, logs.

Structure stays (`TOKEN=[redacted]`, `"password": "[redacted]"`), so a scrubbed file can still be read and compared.
When in doubt the value goes: a bundle is published, and a lost word costs less than a lost key. Entropy is not
measured: digests and commit hashes, of which bundles are full, are as random as keys.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reprokit.capture.secret_formats import REDACTED, redact_formats, secret_value
from reprokit.capture.secret_names import Strength, name_strength, secret_name

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["REDACTED", "Scrubber", "scrub", "scrub_arguments", "scrub_bytes", "secret_name", "secret_value"]

# Cheap test that spares most text the scan below; every name that `name_strength` knows holds one of these.
_HINT = re.compile(r"pass|pwd|pswd|token|secret|key|auth|cred|cookie|private|jwt|bearer|dsn|pat|sig", re.IGNORECASE)
_ANNOTATION = (
    r":[ \t]{0,4}(?:Final\[)?(?:Optional\[)?(?:str|bytes|Any|Final|SecretStr)\]{0,2}(?:[ \t]?\|[ \t]?None)?"
    r"[ \t]{0,4}=(?!=)"
)
# `name=`, `name: `, `"name": `, `["name"] = `, `--name `: the name begins where no name character stands before it.
_ASSIGNMENT = re.compile(
    r"(?<![\w.\-])(?P<name>[\w.\-]++)"
    rf"(?:(?P<quote>\\{{0,3}}[\"'])?\]?[ \t]{{0,8}}(?P<sep>{_ANNOTATION}|:=|=>|=(?!=)|:(?![/:]))[ \t]{{0,8}}"
    r"|(?P<gap>[ \t]{1,8})(?=[^\s\-]))",
    re.ASCII,
)
_QUOTED = (
    re.compile(r"\\\\\\(?P<q>[\"'])(?P<body>(?:(?!\\\\\\(?P=q))[^\n])*+)"),
    re.compile(r"\\(?P<q>[\"'])(?P<body>(?:\\\\\\[\"']|(?!\\(?P=q))[^\n])*+)"),
    re.compile(r"[rbfuRBFU]{0,2}(?P<q>\"\"\"|'''|\"|')(?P<body>(?:\\.|(?!(?P=q))[^\\\n])*+)"),
)
# An unquoted value runs to white space; punctuation ends it unless the value plainly goes on behind it.
_BARE = re.compile(
    r"(?:[^\s,;&\"'`<>)}\]\\]|\\(?![\"'n])|[\"'`<>)}\]](?=\w)"
    r"|[,;&](?=[^\s\"'])(?![\w.\-]{1,64}[\"']?[ \t]{0,2}[=:]))++",
    re.ASCII,
)
_LIST = re.compile(r"\[(?=[^\]\n\"']{0,512}+[\"'])[^\]\n]{0,4096}+\]?")  # of strings
_COOKIES = re.compile(r"[^\n\"']++")
_SCHEME = re.compile(r"(?:Bearer|Basic|Token|Digest|Negotiate|ApiKey)[ \t]{1,4}", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?[0-9][0-9_.,]{0,30}+(?:[eE][+-]?[0-9]{1,4})?", re.ASCII)
_NOTHING = frozenset(
    {"", "none", "null", "nil", "true", "false", "yes", "no", "on", "off", "...", "undefined", "default"}
)
_CODE = re.compile(r"[A-Za-z_][\w.]{0,200}+[(\[]|lambda\b|await\b", re.ASCII)
_DOTTED = re.compile(r"[A-Za-z_]\w{0,60}(?:\.[A-Za-z_]\w{0,60}){0,8}", re.ASCII)
# `$TOKEN`, `${TOKEN}`, `$(command`, `{token}`, `<your token>`, `%s`: they name a secret and do not hold it. The closing
# bracket may have been left to the text behind.
_REFERENCE = re.compile(
    r"(?:\$[A-Z_][A-Z0-9_]{0,60}|\$[{(]\w{1,60}[})]?|\{[a-z_.]{0,60}\}?|<[a-z_ -]{1,60}>?|%s|%\(\w{1,60}\)?s?)\Z",
    re.ASCII,
)
_TYPES = re.compile(
    r"(?:str|int|bool|bytes|float|Any|Tensor|list|dict|tuple|set|Optional|Union|Callable|Sequence)\b", re.ASCII
)
_URL_SIGNATURES = frozenset({"sig", "signature", "x-amz-signature", "x-goog-signature"})
_LINE = 1 << 20
_KEY_BLOCK = b"PRIVATE KEY"


def scrub(text: str) -> tuple[str, int]:
    """Redacts secrets in free text: logs, diffs, JSON, command lines.

    Returns:
        The text, and how many values were replaced. Scrubbing again changes nothing.
    """
    text, count = redact_formats(text)
    if not _HINT.search(text):
        return text, count
    pieces: list[str] = []
    done = position = 0
    while match := _ASSIGNMENT.search(text, position):
        position = match.end()
        strength = _strength(match, text)
        if strength is Strength.NONE:
            continue
        start, stop = _value(match, text)
        position = max(position, stop)
        if start < stop and not _harmless(match, text[start:stop], strength, quoted=start > match.end()):
            pieces += [text[done:start], REDACTED]
            done, count = stop, count + 1
    pieces.append(text[done:])
    return "".join(pieces), count


def scrub_bytes(data: bytes) -> tuple[bytes, int]:
    """Redacts secrets in bytes of any encoding that extends ASCII; all other bytes stay as they are."""
    text, count = scrub(data.decode("latin-1"))  # one character a byte, so nothing else can change
    return text.encode("latin-1"), count


def scrub_arguments(argv: Sequence[str]) -> tuple[list[str], list[int]]:
    """Redacts secrets in a command's arguments: `--token X`, `--token=X`, `auth.token=X`, `TOKEN=X`, URLs.

    A one-letter option such as `-p` says nothing by its name; its value goes only if its format is known.

    Returns:
        The arguments and the positions of those that were changed.
    """
    clean: list[str] = []
    changed: list[int] = []
    announced = Strength.NONE
    for position, argument in enumerate(argv):
        dashes = argument.startswith("--") and not argument.startswith("---")  # a PEM block is no option
        option = dashes or (argument.startswith("-") and len(argument) == 2)
        value = "" if option or announced is Strength.NONE else argument
        if value and value != REDACTED and not _is_plain(value, announced):
            replaced = REDACTED
        else:
            replaced = _scrub_argument(argument)
        announced = name_strength(argument) if argument.startswith("-") and "=" not in argument else Strength.NONE
        clean.append(replaced)
        if replaced != argument:
            changed.append(position)
    return clean, changed


class Scrubber:
    """Redacts a log while it is written, in bounded memory: `feed` bytes, then `close`.

    Whole lines are scrubbed as they complete. A line beyond 1 MiB is cut at white space where there is any, and a
    private key that spans lines is held back until its end or 64 KiB.
    """

    def __init__(self) -> None:
        self.count = 0
        self._held = bytearray()

    def feed(self, data: bytes) -> bytes:
        """Takes bytes and returns those that can be written now."""
        self._held += data
        cut = self._held.rfind(b"\n") + 1
        begin = self._held.rfind(b"-----BEGIN ", 0, cut)
        if begin >= 0 and len(self._held) - begin < 1 << 16 and not self._closed(begin, cut):
            cut = begin
        if not cut and len(self._held) > _LINE:
            cut = max(self._held.rfind(b" "), self._held.rfind(b"\t")) + 1 or len(self._held)
        return self._release(cut)

    def close(self) -> bytes:
        """Returns what was held back."""
        return self._release(len(self._held))

    def _closed(self, begin: int, cut: int) -> bool:
        header = self._held[begin : self._held.find(b"\n", begin) + 1]
        return _KEY_BLOCK not in header or self._held.find(b"-----END ", begin, cut) >= 0

    def _release(self, cut: int) -> bytes:
        ready = bytes(self._held[:cut])
        del self._held[:cut]
        clean, count = scrub_bytes(ready)
        self.count += count
        return clean


def _scrub_argument(argument: str) -> str:
    clean = scrub(argument)[0]
    name, equals, value = clean.partition("=")
    strength = name_strength(name) if equals and len(name) <= 128 and not any(map(str.isspace, name)) else Strength.NONE
    if strength is Strength.NONE or value == REDACTED or _is_plain(value, strength):
        return clean
    return f"{name}={REDACTED}"  # the whole rest, blanks included


def _strength(match: re.Match[str], text: str) -> Strength:
    name = match["name"]
    if match["gap"]:  # `--api-key abc`; in prose a blank separates nothing
        return name_strength(name) if name.startswith("-") and name_strength(name) > Strength.WEAK else Strength.NONE
    if not _HINT.search(name):
        return Strength.NONE
    if name.lower() in _URL_SIGNATURES:
        return Strength.STRONG if text[match.start() - 1 : match.start()] in {"?", "&"} else Strength.NONE
    strength = name_strength(name)
    if strength is Strength.WEAK and name.isupper() and match["sep"] == "=":
        return Strength.STRONG  # an environment variable, not the `key=` of a Python call
    # `token: the` in the log of a language model; `"token": "abc"` in JSON is meant.
    if strength is Strength.STRONG and name in {"token", "Token"} and match["sep"] == ":" and not match["quote"]:
        return Strength.WEAK
    return strength


def _value(match: re.Match[str], text: str) -> tuple[int, int]:
    """Where the value behind a name begins and ends, without its quotes."""
    start = match.end()
    if text.startswith(REDACTED, start):
        return start, start
    for pattern in _QUOTED:
        if quoted := pattern.match(text, start):
            return quoted.span("body")
    if listed := _LIST.match(text, start):
        return listed.span()
    if match["sep"] == ":" and "cookie" in match["name"].lower():
        bare = _COOKIES.match(text, start)
    else:
        scheme = _SCHEME.match(text, start)
        start_bare = scheme.end() if scheme else start
        if text.startswith(REDACTED, start_bare):
            return start, start
        bare = _BARE.match(text, start_bare)
    return (start, bare.end()) if bare else (start, start)


def _harmless(match: re.Match[str], value: str, strength: Strength, *, quoted: bool) -> bool:
    """Whether what stands behind a secret's name is a flag, a number or code rather than the secret."""
    if value == REDACTED or _is_plain(value, strength):
        return True
    if quoted:
        return bool(_REFERENCE.match(value))
    if match["sep"] == "=" and match["name"].isupper() and match.end("sep") == match.end():
        return bool(_REFERENCE.match(value))
    bracketed = strength is not Strength.PASSWORD and value[0] in "([" and not value.startswith(("['", '["'))
    if bracketed or _CODE.match(value) or _REFERENCE.match(value) or (match["sep"] == ":" and _TYPES.match(value)):
        return True
    if match["gap"] or match["name"].startswith("-"):
        return False
    dotted = _DOTTED.fullmatch(value)
    return bool(dotted) and (secret_name(value) or value.startswith(("self.", "args.", "cfg.", "config.")))


def _is_plain(value: str, strength: Strength) -> bool:
    if value.lower() in _NOTHING or set(value) == {"*"}:
        return True
    if strength is not Strength.PASSWORD and _NUMBER.fullmatch(value):
        return True
    if strength is not Strength.WEAK:
        return False
    # A weak name needs a value that looks like a credential: long, with letters and digits.
    letters, digits = any(map(str.isalpha, value)), any(map(str.isdigit, value))
    return not (len(value) >= 8 and letters and digits and not any(map(str.isspace, value)))
