"""Sets of keys, and the ways in which one key may be written: 17, 17.0 and "17", composed and decomposed letters.

A text is compared in Unicode's form C and without blanks around it. A number of a table is compared as a number, so
that "0017" in a list is 17 in a column of integers; two texts are two keys when their zeros differ. Upper and lower
case are different keys.
"""

from __future__ import annotations

import decimal
import hashlib
import math
import re
import unicodedata
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_WHOLE = re.compile(r"[+-]?\d{1,40}(?:\.0*)?", re.ASCII)
_EXACT = 1 << 53
"""Whole numbers up to here are themselves as a double; many larger ones share one."""
_UNSEEN = "\u200b\u2060\ufeff"
"""Characters of no width, which `str.strip` does not take for blanks."""
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)


def items(value: Any) -> Sequence[Any]:
    """The keys in a value: a list has several, and a null none."""
    if value is None:
        return ()
    if isinstance(value, list | tuple | set | frozenset):
        return [inner for one in value for inner in items(one)]
    return (value,)


def texts_of(value: Any) -> tuple[str, ...]:
    """How a key may be written, the usual way first; nothing for a blank."""
    if isinstance(value, bytes | bytearray | memoryview):
        data = bytes(value)
        written = texts_of(data.decode("utf-8", "surrogateescape"))
        return (*written, str(uuid.UUID(bytes=data))) if len(data) == 16 else written
    if isinstance(value, uuid.UUID):
        return str(value), value.hex
    if not isinstance(value, str):
        number = number_of(value)
        return (number,) if number is not None else texts_of(str(value))
    text = value.strip()
    if not text.isascii():
        text = unicodedata.normalize("NFC", text.strip(_UNSEEN).strip())
    if text.endswith(("0", ".")) and "." in text and _WHOLE.fullmatch(text):
        return text.partition(".")[0], text  # whole numbers beside nulls, as pandas writes them
    if len(text) == 36 and text.count("-") == 4 and _UUID.fullmatch(text):
        return (text.lower(),)
    return (text,) if text else ()


def number_of(value: Any) -> str | None:
    """The whole number that a key is, or may be read as; None for another key."""
    if isinstance(value, str):
        found = _WHOLE.fullmatch(value.strip())
        return str(int(found[0].partition(".")[0])) if found else None
    if isinstance(value, bool) or not is_number(value):
        return None
    if not isinstance(value, int) and (not math.isfinite(value) or value != int(value)):
        return None
    return str(int(value)) if abs(value) < 10**40 else None


def rounded(number: str) -> str | None:
    """A whole number as a double has it, where that is in doubt: pandas keeps keys of 64 bits so beside nulls."""
    exact = int(number)
    return str(int(float(exact))) if abs(exact) >= _EXACT else None


def is_number(value: Any) -> bool:
    """Whether a table keeps a value as a number."""
    return isinstance(value, int | float | decimal.Decimal) and not (
        isinstance(value, decimal.Decimal) and value.is_snan()
    )


def hashed_forms(value: Any) -> list[str]:
    """The sha256 (hex) of a key, in each way in which whoever made a list may have written it."""
    texts = [*texts_of(value)]
    if isinstance(value, str):
        texts += [value, value.strip(), unicodedata.normalize("NFD", value.strip())]
    elif isinstance(value, uuid.UUID):
        texts.append(str(value).upper())
    return sorted({hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() for text in texts})


class _Hashes:
    """A set of texts, 16 bytes each; filled first, looked up then."""

    def __init__(self) -> None:
        self._fresh = bytearray()
        self.sorted: Any = ()

    def add(self, text: str) -> None:
        self._fresh += _short(text)

    def close(self) -> None:
        import numpy as np

        self.sorted = np.unique(np.frombuffer(bytes(self._fresh), "S16"))
        self._fresh = bytearray()

    def holds(self, texts: Sequence[str]) -> Any:
        """A truth value for each."""
        import numpy as np

        wanted = np.frombuffer(b"".join(map(_short, texts)), "S16")
        if not len(self.sorted):
            return np.zeros(len(wanted), bool)
        at = np.minimum(np.searchsorted(self.sorted, wanted), len(self.sorted) - 1)
        return self.sorted[at] == wanted


def _short(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class Keys:
    """The keys of a list. Add all of them, close it, and look others up."""

    def __init__(self) -> None:
        self._usual, self._texts = _Hashes(), _Hashes()
        self._numbers, self._typed = _Hashes(), _Hashes()  # of all keys, and of those that the list has as numbers
        self._rounded, self._doubles = _Hashes(), _Hashes()  # large ones: of all keys, and of those that are doubles

    def add(self, value: Any) -> None:
        """Adds a key; a blank is none."""
        texts = texts_of(value)
        for at, text in enumerate(texts):
            (self._texts if at else self._usual).add(text)
        number = number_of(value) if texts else None
        if number is not None:
            self._numbers.add(number)
            if is_number(value):
                self._typed.add(number)
            if (double := rounded(number)) is not None:
                self._rounded.add(double)
                if isinstance(value, float):
                    self._doubles.add(double)

    def close(self) -> int:
        """Ends the list; says how many different keys it has."""
        for one in (self._usual, self._texts, self._numbers, self._typed, self._rounded, self._doubles):
            one.close()
        return len(self)

    def __len__(self) -> int:
        return len(self._usual.sorted)

    def digest(self) -> str:
        """``sha256-set:HEX`` of the keys, the usual way of writing each."""
        return "sha256-set:" + hashlib.sha256(self._usual.sorted.tobytes()).hexdigest()

    def holds(self, values: Sequence[Any], *, by_digest: bool = False) -> Any:
        """For each value whether it is a key, in any way of writing it; ``by_digest``: the keys are their sha256."""
        import numpy as np

        hit = np.zeros(len(values), bool)
        written = [hashed_forms(value) if by_digest else texts_of(value) for value in values]
        self._mark(hit, written, (self._usual, self._texts))
        if not by_digest:
            loose = bool(len(self._typed.sorted))
            numbers = [
                (found,) if (is_number(value) or loose) and (found := number_of(value)) is not None else ()
                for value in values
            ]
            counted = np.fromiter(map(is_number, values), bool, len(values))
            as_number, as_typed = np.zeros_like(hit), np.zeros_like(hit)
            self._mark(as_number, numbers, (self._numbers,))
            self._mark(as_typed, numbers, (self._typed,))
            hit |= (as_number & counted) | as_typed
            self._mark_rounded(hit, values)
        return hit

    def _mark_rounded(self, hit: Any, values: Sequence[Any]) -> None:
        """Numbers that are one double: looked up where the value, or the key, is no more than that."""
        for kept, wanted in ((self._rounded, True), (self._doubles, False)):
            if len(kept.sorted):
                some = [
                    (double,)
                    if isinstance(value, float) is wanted and (n := number_of(value)) and (double := rounded(n))
                    else ()
                    for value in values
                ]
                self._mark(hit, some, (kept,))

    @staticmethod
    def _mark(hit: Any, written: Sequence[Sequence[str]], sets: Sequence[_Hashes]) -> None:
        import numpy as np

        owners = [at for at, texts in enumerate(written) for _ in texts]
        flat = [text for texts in written for text in texts]
        for one in sets if flat else ():
            hit[np.array(owners)[one.holds(flat)]] = True
