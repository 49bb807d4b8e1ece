"""Why another library refused something, in the words of its exception."""

from __future__ import annotations

_LONGEST = 200  # characters


def reason_of(error: BaseException) -> str:
    """The kind and the words of an exception, in one line of at most 200 characters.

    Its ``repr`` will not do: that of a `UnicodeDecodeError` holds all the bytes that were read.
    """
    said = " ".join(str(error).split())
    return f"{type(error).__name__}: {said}"[:_LONGEST] if said else type(error).__name__
