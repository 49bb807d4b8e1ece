"""Fingerprints of tokenizers: computed from what their files mean, whatever their layout."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from reprokit.datasets.names import written
from reprokit.digest import sha256_bytes, sha256_file
from reprokit.schema.base import canonical_escaped, canonical_json, plain_numbers
from reprokit.schema.dataset import Column, SchemaFingerprint, TableSchema, Vocabulary, columns_digest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_NAMES = {
    "tokenizer.json": "tokenizers", "vocab.json": "vocabulary", "added_tokens.json": "vocabulary",
    "special_tokens_map.json": "settings", "tokenizer_config.json": "settings", "vocab.txt": "word list",
    "merges.txt": "merges", "vocab.bpe": "merges", "encoder.json": "vocabulary", "tokenizer.model": "sentencepiece",
    "spiece.model": "sentencepiece", "sentencepiece.bpe.model": "sentencepiece",
}  # fmt: skip
_LARGEST = 512 << 20


def is_tokenizer(path: str) -> bool:
    """Whether a file is a tokenizer's, by its name."""
    base = path.rpartition("/")[2]
    return base in _NAMES or base.endswith(".tiktoken")


def vocabulary(full: Path, path: str) -> Vocabulary:
    """A tokenizer's file.

    JSON is digested in its canonical form, so that the order of keys and white space do not matter; the order of a
    list does, since it says the numbers of tokens. Other files are digested as they are.
    """
    kind = _NAMES.get(path.rpartition("/")[2], "tiktoken")
    if full.stat().st_size > _LARGEST:  # no vocabulary is so large, and memory is limited
        whole = sha256_file(full)
        return Vocabulary(path=written(path), kind=kind, digest=whole, sha256=whole)
    data = full.read_bytes()
    sha256, digest, entries = sha256_bytes(data), "", None
    if path.endswith(".json"):
        found = _json(data)
        if found is not None:
            digest = "sha256-json:" + hashlib.sha256(canonical_json(plain_numbers(found))).hexdigest()
            entries = _entries(found, kind)
    elif kind in ("word list", "merges", "tiktoken"):
        lines = [line for line in data.decode("utf-8", "surrogateescape").splitlines() if line]
        entries = len([line for line in lines if not (kind == "merges" and line.startswith("#version"))])
    return Vocabulary(path=written(path), kind=kind, digest=digest or sha256, sha256=sha256, entries=entries)


def _json(data: bytes) -> Any:
    try:
        found = json.loads(data)
        canonical_json(plain_numbers(found))
    except (ValueError, RecursionError):
        return None
    return found


def _entries(found: Any, kind: str) -> int | None:
    if kind == "vocabulary" and isinstance(found, dict):
        return len(found)
    if kind != "tokenizers" or not isinstance(found, dict):
        return None
    model, added = found.get("model"), found.get("added_tokens")
    held = model.get("vocab") if isinstance(model, dict) else None
    pairs = held.items() if isinstance(held, dict) else enumerate(held if isinstance(held, list) else ())
    if isinstance(held, dict):
        tokens = {token for token, _ in pairs}
    else:
        tokens = {str(piece[0]) for _, piece in pairs if isinstance(piece, list) and piece}
    more = added if isinstance(added, list) else []
    return len(tokens | {str(one.get("content")) for one in more if isinstance(one, dict)})


def table_schema(format_: str, columns: list[Column], files: int, features: dict[str, Any]) -> TableSchema:
    """The columns of some files, with their digest."""
    return TableSchema(
        format=format_, digest=columns_digest(columns), columns=columns, files=files, features=features
    )  # fmt: skip


def fingerprint(tables: list[TableSchema], tokenizers: list[Vocabulary]) -> SchemaFingerprint | None:
    """All of it; None where there is nothing with a schema. How many files a table has does not matter."""
    if not tables and not tokenizers:
        return None
    kept = sorted(tables, key=lambda one: (one.format, one.digest))
    digest = schema_digest(kept, tokenizers)
    return SchemaFingerprint(digest=digest, tables=kept, tokenizers=sorted(tokenizers, key=lambda one: one.path))


def schema_digest(tables: Sequence[TableSchema], tokenizers: Sequence[Vocabulary]) -> str:
    """``sha256-schema:HEX`` of tables in their order, and of tokenizers in any."""
    plain = [[one.digest, plain_numbers(one.features)] for one in tables] + sorted([v.digest] for v in tokenizers)
    return "sha256-schema:" + hashlib.sha256(canonical_escaped(plain)).hexdigest()
