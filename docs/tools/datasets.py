"""Writes the reference of dataset manifests from the models."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reprokit.schema.dataset import DatasetManifest
from reprokit.schema.dataset_config import DatasetConfig
from reprokit.schema.dataset_reports import DatasetCheck, DatasetDiff

if TYPE_CHECKING:
    from reprokit.schema.base import Model


def _reference() -> Any:
    spec = importlib.util.spec_from_file_location("reprokit_docs_reference", Path(__file__).parent / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _documents(*documents: type[Model]) -> str:
    reference, parts = _reference(), []
    for model in dict.fromkeys(one for document in documents for one in reference._models(document)):
        parts += [f"### {model.__name__}", "", " ".join((model.__doc__ or "").split()), ""]
        parts += ["| field | type | required | |", "|---|---|---|---|"]
        for name, field in model.model_fields.items():
            needed = "required" if field.is_required() else "optional"
            kind = reference.type_text(field.annotation)
            parts.append(f"| `{field.alias or name}` | {kind} | {needed} | {field.description or ''} |")
        parts.append("")
    return "\n".join(parts)


def fields() -> str:
    """The fields of a manifest."""
    return _documents(DatasetManifest)


def report_fields() -> str:
    """The fields of `manifest check --json` and `manifest diff --json`."""
    return _documents(DatasetCheck, DatasetDiff)


def configuration() -> str:
    """The keys of `[tool.reprokit.dataset.NAME]`; those of `terms` are the manifest's."""
    return _documents(DatasetConfig).partition("### Terms")[0] + _without_terms()


def _without_terms() -> str:
    after = _documents(DatasetConfig).partition("### FiltersConfig")
    return after[1] + after[2]
