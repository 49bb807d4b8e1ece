"""What ``reprokit manifest check`` and ``diff`` say: ``reprokit.dataset-check/1`` and ``reprokit.dataset-diff/1``."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from reprokit.schema.base import Document, Model
from reprokit.schema.manifest import Notice


class FileChanges(Model):
    """How two lists of files differ. All are counted, and the first 1,000 of each kind are named."""

    equal: int = 0
    changed: int = 0
    added: int = Field(default=0, description="in the second, or on disk, and not in the first, or the manifest")
    removed: int = 0
    changed_paths: list[str] = []
    added_paths: list[str] = []
    removed_paths: list[str] = []

    @property
    def same(self) -> bool:
        """Whether there is no difference."""
        return not (self.changed or self.added or self.removed)


class DatasetFinding(Model):
    """Something that is wrong; ``code`` is one of the catalogue."""

    code: str
    message: str
    remedy: str = ""


class DatasetCheck(Document):
    """Whether a dataset is still the one of its manifest, and what its manifest promises holds."""

    schema_id: Literal["reprokit.dataset-check/1"] = Field(default="reprokit.dataset-check/1", alias="schema")
    reprokit: str
    manifest: str
    id: str
    name: str
    root: str
    met: bool
    files: FileChanges = FileChanges()
    findings: list[DatasetFinding] = []
    warnings: list[Notice] = Field(default=[], description="what the manifest says and could not be looked at again")


class FieldChange(Model):
    """A field of two manifests whose values differ."""

    field: str
    first: Any = None
    second: Any = None


class DatasetDiff(Document):
    """How two manifests differ. ``equal`` says that they describe the same dataset."""

    schema_id: Literal["reprokit.dataset-diff/1"] = Field(default="reprokit.dataset-diff/1", alias="schema")
    reprokit: str
    first: str = Field(description="id of the first manifest")
    second: str
    equal: bool
    files: FileChanges = FileChanges()
    fields: list[FieldChange] = []
