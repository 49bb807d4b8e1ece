"""Files of the standards: read with a limit, written whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reprokit.errors import CorruptBundleError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from reprokit.schema.lineage import Scalar

LARGEST = 256 * 2**20
"""A document of more bytes is not read: these formats must be held in memory whole."""


def read_text(source: str | Path, what: str) -> str:
    """The text of a file.

    Raises:
        UsageError: RPK166, there is no such file, or it cannot be read.
        CorruptBundleError: RPK167, it is too large, or not UTF-8.
    """
    try:
        size = Path(source).stat().st_size
        if size > LARGEST:
            raise CorruptBundleError("RPK167", f"{source} has {size} bytes; {what} is read up to {LARGEST}")
        text = Path(source).read_bytes().decode()  # line ends as they are
    except UnicodeDecodeError as error:
        raise CorruptBundleError("RPK167", f"{source} is not {what}: {error}") from None
    except (OSError, ValueError) as error:
        raise UsageError("RPK166", f"{source} cannot be read: {error}") from None
    return text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")  # a byte order mark, which RFC 8259 lets readers ignore


def parse_json(text: str, source: str | Path, what: str) -> Any:
    """The JSON values in a text.

    Raises:
        CorruptBundleError: RPK167, it is not JSON, or nested too deeply.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CorruptBundleError("RPK167", f"{source} is not {what}: {error}") from None


def understood(make: Callable[[], Any], source: str | Path, what: str) -> Any:
    """What ``make`` returns.

    Raises:
        CorruptBundleError: RPK167, it stumbled over a document that is not what it says it is.
    """
    try:
        return make()
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        said = str(error).partition("\n")[0]
        raise CorruptBundleError("RPK167", f"{source} is not {what}: {type(error).__name__}: {said}") from None


def write_text(path: str | Path, text: str) -> str:
    """Writes a file, whole or not at all; returns its path.

    Raises:
        UsageError: RPK166, it cannot be written.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:64]}.")
    except OSError as error:
        raise UsageError("RPK166", f"{target} cannot be written: {error}") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(target)
    except OSError as error:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise UsageError("RPK166", f"{target} cannot be written: {error}") from None
    return str(target)


def write_json(path: str | Path, document: Any) -> str:
    """Writes a JSON document for people and programs: indented, keys in their order."""
    return write_text(path, json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def text_of(value: Scalar) -> str:
    """A property's value as a text from which `value_of` makes the same value, its type included."""
    return json.dumps(value)


def value_of(text: str) -> Scalar:
    """The value that `text_of` wrote; a text that it did not write stays as it is."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, str | int | float | bool) else text
