"""Which names announce a secret: `API_KEY` does, `MONKEY`, `MAX_TOKENS` and `pad_token_id` do not.

A name is cut into words (at punctuation and at camel-case borders) and judged word by word, since substrings such as
`KEY` or `TOKEN` stand in many harmless names of this field.
"""

from __future__ import annotations

import re
from enum import IntEnum


class Strength(IntEnum):
    """How surely a name announces a secret."""

    NONE = 0
    WEAK = 1  # `key`, `auth`, `private`: a secret if its value looks like one
    STRONG = 2  # `api_key`, `token`: a secret unless its value is a number, a flag or plainly code
    PASSWORD = 3  # `password`, `secret`: a secret whatever its value


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+", re.ASCII)
_PASSWORD_PARTS = ("PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "CREDENTIAL")
_STRONG_WORDS = frozenset({"AUTHORIZATION", "BEARER", "JWT", "COOKIE", "COOKIES", "OAUTH"})
_WEAK_WORDS = frozenset({"AUTH", "PRIVATE", "DSN"})
# Of these a name speaks *about* a secret, or holds a path to it.
_ABOUT = _words(
    "FILE FILES PATH PATHS DIR DIRECTORY NAME NAMES TYPE TYPES LENGTH LEN SIZE COUNT COLUMN COLUMNS COL FIELD INDEX "
    "IDX ENABLED REQUIRED TTL EXPIRY EXPIRES TIMEOUT PARALLELISM MANAGER PROVIDER STORE BACKEND URL URI ENDPOINT HOST "
    "PORT METHOD SOCK PATTERN REGEX"
)
_KEY_OWNERS = _words(
    "API ACCESS SECRET PRIVATE SSH MASTER ENCRYPTION ENCRYPT SIGNING ACCOUNT LICENSE AUTH DEPLOY SERVICE GPG PGP AES "
    "RSA HMAC WEBHOOK STORAGE SHARED SUBSCRIPTION CLIENT ADMIN WANDB"
)
_PLAIN_KEYS = _words(
    "PRIMARY FOREIGN SORT CACHE PARTITION DICT COLUMN PUBLIC NUM VALUE QUERY MISSING UNEXPECTED STATE PRNG RNG RANDOM "
    "SHUFFLE DROPOUT PARAM PARAMS BATCH INPUT OUTPUT HEAD PROJ CONFIG METRIC MONITOR LABEL LOSS FEATURE IMAGE TEXT "
    "TARGET DATA GROUP JOIN UNIQUE NATURAL"
)
_TOKEN_OWNERS = _words("API ACCESS AUTH BEARER REFRESH SESSION SERVICE USER GITHUB GITLAB HF HUB")
_PLAIN_TOKENS = _words(
    "PAD EOS BOS UNK MASK SEP CLS SPECIAL MAX MIN NUM N PER IMAGE AUDIO VIDEO NEXT PREV LOSS ACCURACY EMBEDDING "
    "EMBED EMB DROPOUT LIMIT BUDGET DECODER ENCODER"
)
_PLAIN_PASSES = _words("FORWARD BACKWARD NUM N FIRST SECOND SINGLE MULTI BAND LOW HIGH BY")


def secret_name(name: str) -> bool:
    """Whether a variable, option or field of this name is taken for a secret."""
    return name_strength(name) > Strength.NONE


def name_strength(name: str) -> Strength:
    """How surely `name` announces a secret."""
    words = [word.upper() for word in _WORD.findall(name)]
    if not words or words[-1] in _ABOUT:
        return Strength.NONE
    return max(_judge(position, words) for position in range(len(words)))


def _judge(position: int, words: list[str]) -> Strength:
    word = words[position]
    others = set(words) - {word}
    if any(part in word for part in _PASSWORD_PARTS):
        return Strength.PASSWORD
    if word in {"PWD", "PASS", "PSWD"}:  # alone, PWD is the working directory and PASS a verb
        short = bool(others) and position == len(words) - 1 and not others & _PLAIN_PASSES
        return Strength.PASSWORD if short else Strength.NONE
    if word.removesuffix("S").endswith("TOKEN"):
        return _judge_token(word, others)
    if word.removesuffix("S").endswith("KEY"):
        return _judge_key(word, position, words)
    if word in _STRONG_WORDS or (word == "PAT" and others and position == len(words) - 1):
        return Strength.STRONG
    return Strength.WEAK if word in _WEAK_WORDS else Strength.NONE


def _judge_token(word: str, others: set[str]) -> Strength:
    if word.endswith("TOKENS"):
        return Strength.STRONG if others & _TOKEN_OWNERS and not others & _PLAIN_TOKENS else Strength.NONE
    return Strength.NONE if others & _PLAIN_TOKENS else Strength.STRONG


def _judge_key(word: str, position: int, words: list[str]) -> Strength:
    plural = word.endswith("S")
    stem = word.removesuffix("S").removesuffix("KEY")
    if stem:  # written together: APIKEY is one, MONKEY is not
        return Strength.STRONG if stem in _KEY_OWNERS else Strength.NONE
    if position and words[position - 1] in _KEY_OWNERS:
        return Strength.STRONG
    if plural or set(words) & _PLAIN_KEYS:
        return Strength.NONE
    return Strength.WEAK
