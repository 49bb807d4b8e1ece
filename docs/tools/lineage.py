"""Writes the reference of the lineage graph from the code: the settings, and the documents' fields."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from reprokit.schema.config import LineageConfig
from reprokit.schema.lineage import (
    Artifact,
    Association,
    Attribution,
    Context,
    Event,
    Execution,
    Lineage,
    Parent,
)
from reprokit.schema.lineage_answers import (
    ImpactedModel,
    LineageAdded,
    LineageExported,
    LineageImpact,
    LineageNode,
    LineageStore,
    LineageWalk,
)


def _reference() -> Any:
    path = Path(__file__).with_name("reference.py")
    spec = importlib.util.spec_from_file_location("reprokit_docs_reference_of_lineage", path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _table(model: Any, text_of: Any) -> str:
    rows = [f"### {model.__name__}", "", *(model.__doc__ or "").strip().splitlines()[:1], ""]
    rows += ["| key | type | default | meaning |", "|---|---|---|---|"]
    for name, field in model.model_fields.items():
        default = "required" if field.is_required() else f"`{field.default!r}`"
        rows.append(
            f"| `{field.alias or name}` | {text_of(field.annotation)} | {default} | {field.description or ''} |"
        )
    return "\n".join(rows)


def configuration() -> str:
    """The keys of `[tool.reprokit.lineage]`."""
    return _table(LineageConfig, _reference().type_text)


def fields() -> str:
    """The fields of `reprokit.lineage/1`."""
    text_of = _reference().type_text
    models = (Lineage, Artifact, Execution, Context, Event, Attribution, Association, Parent)
    return "\n\n".join(_table(model, text_of) for model in models)


def answers() -> str:
    """The fields of what `reprokit lineage --json` prints."""
    text_of = _reference().type_text
    models = (LineageWalk, LineageStore, LineageNode, LineageAdded, LineageImpact, ImpactedModel, LineageExported)
    return "\n\n".join(_table(model, text_of) for model in models)
