"""What all documents share: strict fields, a named schema version, canonical JSON."""

from __future__ import annotations

import math
from typing import Any, Self, get_args

import pydantic
from pydantic import BaseModel, ConfigDict

from reprokit.digest import sha256_bytes
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
        """RFC 8785 canonical JSON: the bytes over which digests are computed.

        Raises:
            ValueError: a text has no UTF-8 form.
        """
        return canonical_json(self.to_json())

    def identity(self) -> str:
        """The digest of the canonical JSON, by which the document is known in the lineage graph.

        Names of files that are not UTF-8 have half surrogate pairs (PEP 383), for which RFC 8785 has no room: they are
        escaped.
        """
        return sha256_bytes(canonical_escaped(self.to_json()))

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


def known_keys(model: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """The keys of the table that a validation error's `place` lies in, as far as the types of `model` lead to it."""
    within: Any = model
    for part in place[:-1]:
        fields = getattr(within, "model_fields", {})
        names = {field.alias: name for name, field in fields.items()}
        field = fields.get(names.get(str(part), str(part)))
        inner = field.annotation if field is not None else None
        within = next((one for one in (inner, *get_args(inner)) if hasattr(one, "model_fields")), within)
    return [field.alias or name for name, field in within.model_fields.items()]


def canonical_json(value: Any) -> bytes:
    """Canonical JSON as RFC 8785 (JCS) defines it; see `plain_numbers` for the numbers that it has no room for."""
    import rfc8785

    canonical: bytes = rfc8785.dumps(value)
    return canonical


def canonical_escaped(value: Any) -> bytes:
    """Canonical JSON of what may hold names that are not UTF-8."""
    try:
        return canonical_json(value)
    except ValueError:
        return canonical_json(escaped(value))


def escaped(value: Any) -> Any:
    """The same JSON with half surrogate pairs, for which UTF-8 has no room, escaped as in Python."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {escaped(key): escaped(item) for key, item in value.items()}
    return [escaped(item) for item in value] if isinstance(value, list) else value


def plain_numbers(value: Any) -> Any:
    """Replaces NaN and infinities by the strings ``NaN``, ``Infinity``, ``-Infinity``, and large integers by theirs.

    I-JSON has integers below 2^53 (RFC 7493): from there on, two integers may be the same number to a reader.
    """
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**53:
        return str(value)
    if isinstance(value, dict):
        return {key: plain_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain_numbers(item) for item in value]
    return value
