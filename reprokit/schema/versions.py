"""Schema names and versions, apart from the models: looking at a document must not cost the import of pydantic."""

from __future__ import annotations

import json
from typing import Any

from reprokit.errors import CorruptBundleError
from reprokit.errors.reasons import reason_of


def check_version(found: object, known: str, what: str) -> None:
    """Refuses another document's schema, and a newer version of the expected one.

    Args:
        found: the document's ``schema``.
        known: ``NAME/MAJOR`` that this version reads.
        what: how to name the document in errors.

    Raises:
        CorruptBundleError: RPK027, it is another schema; RPK025, it is newer.
    """
    name, _, major = known.partition("/")
    found_name, _, found_major = str(found).partition("/")
    if found_name != name or not found_major.isdecimal():
        raise CorruptBundleError("RPK027", f"{what} has schema {found!r}, not {known!r}")
    if int(found_major) > int(major):
        raise CorruptBundleError("RPK025", f"{what} has schema {found!r}; this version reads up to {known!r}")


def load_document(data: bytes, known: str, what: str) -> dict[str, Any]:
    """Reads JSON and checks its schema's name and version, and no more.

    Raises:
        CorruptBundleError: RPK027 or RPK025.
    """
    try:
        raw: dict[str, Any] = json.loads(data)
        found = raw["schema"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise CorruptBundleError("RPK027", f"{what} is not a JSON document with a schema: {reason_of(error)}") from None
    check_version(found, known, what)
    return raw


class View:
    """Plain JSON read by attribute, for rendering: ``view.run.name``. It validates nothing.

    Raises:
        AttributeError: the document has no such key.
    """

    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__.update({key: _viewed(value) for key, value in values.items()})


def _viewed(value: Any) -> Any:
    if isinstance(value, list):
        return [View(item) if isinstance(item, dict) else item for item in value]
    return value


def view(document: dict[str, Any], *nested: str) -> View:
    """A view of a document; ``nested`` names its members that are models, all others stay dictionaries."""
    top = View(document)
    for name in nested:
        setattr(top, name, View(document[name]))
    return top
