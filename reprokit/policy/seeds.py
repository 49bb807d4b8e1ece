"""One seed of any size gives every generator one of its own, of the size that it takes.

Generators that share a number draw alike in places that should be independent, and the frameworks take 32 or 64 bits.
So each name gets its own 64 bits of a SHA-256 over the whole seed: no part of a seed is cut off, and the same seed and
name give the same number on every platform and in every version of reprokit.
"""

from __future__ import annotations

_DOMAIN = b"reprokit seed/1"


def derive(seed: int, name: str) -> int:
    """The seed of one generator: the first 8 bytes, little-endian, of ``SHA-256("reprokit seed/1" 0 NAME 0 SEED)``.

    Args:
        seed: any integer: negative ones and those beyond 64 bits too. It is written in hexadecimal with its sign, which
            has no limit of digits, as decimals have (``sys.set_int_max_str_digits``).
        name: whose seed it is, for example ``torch``.

    Returns:
        An integer from 0 to 2**64 - 1.

    >>> derive(0, "torch") != derive(0, "numpy"), derive(-1, "torch") != derive(1, "torch")
    (True, True)
    """
    import hashlib  # 2 ms that a process without a seed need not pay

    text = b"\0".join([_DOMAIN, name.encode(), format(seed, "x").encode()])
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "little")


def derive32(seed: int, name: str) -> int:
    """The lower 32 bits of `derive`: what NumPy's legacy generator, TensorFlow and ``PYTHONHASHSEED`` take."""
    return derive(seed, name) & 0xFFFF_FFFF


def parse_seed(text: object) -> int:
    """Reads a seed as typed: a decimal integer of any size, with or without a sign.

    Raises:
        UsageError: RPK129, it is none.

    >>> parse_seed("-1"), parse_seed(2**63) == 2**63
    (-1, True)
    """
    import re

    from reprokit.errors import UsageError  # not needed in the user's process

    if isinstance(text, int) and not isinstance(text, bool):
        return text
    # 4000 digits are below Python's own limit for reading decimals.
    if isinstance(text, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,4000}\s*", text):
        return int(text)
    raise UsageError("RPK129", f"the seed {str(text)[:80]!r} is no whole number")
