"""What all documents share: strict fields, a named schema version, canonical JSON."""

from __future__ import annotations

import math
from typing import Any, Self

import pydantic
from pydantic import BaseModel, ConfigDict

from reprokit.errors import CorruptBundleError
from reprokit.schema.versions import load_document


class Model(BaseModel):
    """An immutable part of a document.

    A key that this version does not know is passed over: within a major version, documents only gain keys.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True, serialize_by_alias=True)


class Document(Model):
    """A whole document. Its JSON names its schema as ``NAME/MAJOR``."""

    @classmethod
    def schema_name(cls) -> str:
        """The schema that this class writes, for example ``reprokit.verdict/1``."""
        return str(cls.model_fields["schema_id"].default)

    def to_json(self) -> dict[str, Any]:
        """The document as plain JSON values, keys by alias; NaN and infinities become strings."""
        plain: dict[str, Any] = plain_numbers(self.model_dump(mode="json", by_alias=True))
        return plain

    def canonical(self) -> bytes:
        """RFC 8785 canonical JSON: the bytes over which digests are computed."""
        return canonical_json(self.to_json())

    @classmethod
    def parse(cls, data: bytes, what: str) -> Self:
        """Reads a document that may come from anyone.

        Args:
            data: JSON text.
            what: how to name the document in errors.

        Raises:
            CorruptBundleError: RPK025 when its schema is newer than this version; RPK027 when it is invalid.
        """
        raw = load_document(data, cls.schema_name(), what)
        try:
            return cls.model_validate(raw)
        except pydantic.ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise CorruptBundleError("RPK027", f"{what} is invalid at {place}: {first['msg']}") from None


def canonical_json(value: Any) -> bytes:
    """Canonical JSON as RFC 8785 (JCS) defines it; integers beyond 2^53 must have been made strings before."""
    import rfc8785

    canonical: bytes = rfc8785.dumps(value)
    return canonical


def plain_numbers(value: Any) -> Any:
    """Replaces NaN and infinities by the strings ``NaN``, ``Infinity`` and ``-Infinity``, and integers beyond 2^53."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**53:
        return str(value)
    if isinstance(value, dict):
        return {key: plain_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain_numbers(item) for item in value]
    return value
