"""A test's baseline: what it checked, as digests with small statistics: ``reprokit.baseline/1``."""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import Field

from reprokit.schema.base import Document, Model


class BaselineLeaf(Model):
    """One leaf of a checked value.

    Attributes:
        digest: ``ALGORITHM:HEX``; decides bitwise equality.
        dtype: element type, or the type of a single value.
        shape: the length along each axis; None for what is no array.
        value: a single value as text, shortened where it is long.
        stats: for arrays of numbers: count of NaN, and min, max, mean and root mean square of the others, as exact
            hexadecimal floats.
        sample: at most 64 evenly spaced elements in C order: exact hexadecimal floats, or decimal integers.
        file: the array itself, where it was asked for: a name below ``arrays/`` beside the baseline.
    """

    digest: str
    dtype: str
    shape: list[int] | None = None
    value: str | None = None
    stats: dict[str, str] = {}
    sample: list[str] = []
    file: str | None = None


class Baseline(Document):
    """What one test checked, by fingerprint, by the check's name, by leaf.

    Attributes:
        test: the test's id.
        fingerprints: the facts behind each fingerprint's id.
        entries: fingerprint's id -> check -> path of the leaf -> leaf.
    """

    schema_id: Literal["reprokit.baseline/1"] = Field(default="reprokit.baseline/1", alias="schema")
    test: str
    fingerprints: dict[str, dict[str, str]] = {}
    entries: dict[str, dict[str, dict[str, BaselineLeaf]]] = {}

    def text(self) -> str:
        """The file's text: keys sorted, one line a leaf, so that a diff shows which leaf changed."""
        lines = ["{", f' "schema": {_line(self.schema_id)},', f' "test": {_line(self.test)},']
        lines += [' "fingerprints": {', *_members(self.fingerprints, 2), " },", ' "entries": {']
        for number, (fingerprint, checks) in enumerate(sorted(self.entries.items())):
            lines.append(f"  {_line(fingerprint)}: {{")
            for place, (check, leaves) in enumerate(sorted(checks.items())):
                plain = {path: _plain(leaf) for path, leaf in leaves.items()}
                lines += [f"   {_line(check)}: {{", *_members(plain, 4), f"   }}{_comma(place, checks)}"]
            lines.append(f"  }}{_comma(number, self.entries)}")
        return "\n".join([*lines, " }", "}", ""])


def _plain(leaf: BaselineLeaf) -> dict[str, Any]:
    return {key: value for key, value in leaf.model_dump().items() if value not in (None, {}, []) or key == "shape"}


def _members(values: dict[str, Any], indent: int) -> list[str]:
    ordered = sorted(values.items())
    return [f"{' ' * indent}{_line(key)}: {_line(item)}{_comma(at, values)}" for at, (key, item) in enumerate(ordered)]


def _line(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def _comma(place: int, values: dict[str, Any]) -> str:
    return "," if place + 1 < len(values) else ""
