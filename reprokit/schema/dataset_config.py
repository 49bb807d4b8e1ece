"""``[tool.reprokit.dataset.NAME]``: what a dataset is made of, and what is promised of it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from reprokit.schema.base import Model
from reprokit.schema.dataset import FilterRule
from reprokit.schema.dataset_terms import Period, Terms


class _Strict(Model):
    model_config = ConfigDict(extra="forbid")


class PeriodConfig(Period):
    """A time span in ISO 8601 dates, both ends included."""

    model_config = ConfigDict(extra="forbid")


class TermsConfig(Terms):
    """Licence and constraints."""

    model_config = ConfigDict(extra="forbid")

    collection_period: PeriodConfig = PeriodConfig()


class FilterRuleConfig(FilterRule):
    """A rule that removed or redacted rows."""

    model_config = ConfigDict(extra="forbid")


class FiltersConfig(_Strict):
    """What was removed before the snapshot."""

    rules: list[FilterRuleConfig] = Field(default=[], description="name, kind, version, action, description of each")
    rows_in: int | None = Field(default=None, ge=0, alias="rows-in", description="rows before")
    rows_out: int | None = Field(default=None, ge=0, alias="rows-out", description="rows after")


class OptOutConfig(_Strict):
    """A list of keys that must not be in the dataset."""

    list: str = Field(description="path of the list: a key a line, or CSV or JSON lines with the key's column")
    key: str = Field(description="column that is compared; `path` or `stem` for names of files")
    version: str = Field(description="of the list")
    hashed: bool = Field(default=False, description="the list holds the sha256 (hex) of keys")


class SplitsConfig(_Strict):
    """How the splits were drawn, and which rows they are."""

    seed: int | None = None
    strategy: str = ""
    column: str = Field(default="", description="column whose value names a row's split")
    parts: dict[str, list[str]] = Field(default={}, description="name of a split -> globs of its files")


class PreprocessingConfig(_Strict):
    """How the dataset was made of others; the commit and the state of the tree are looked up."""

    command: str | None = None
    image_digest: str | None = Field(default=None, alias="image-digest")
    parameters: dict[str, Any] = {}
    upstream: list[str] = Field(default=[], description="paths of the manifests that it was made from")


class DatasetConfig(_Strict):
    """One dataset. Paths are relative to ``pyproject.toml``."""

    path: str | list[str] = Field(default=[], description="files, directories, globs, or one s3:// or gs:// URL")
    exclude: list[str] = Field(default=[], description="globs that are left out")
    query: str = Field(default="", description="SQL, instead of a path")
    database: str = Field(default="", description="URL of the query's database, as SQLAlchemy takes it")
    order: Literal["any", "query"] = Field(default="any", description="whether the order of the query's rows counts")
    format: str = Field(default="auto", description="how files are read; by their names by default")
    dtype: str = Field(default="", description="of the numbers in raw token files (.bin)")
    delimiter: str = Field(default="", description="of CSV files")
    read: bool = Field(default=True, description="false: objects of a store are named by version and not read")
    version: str = ""
    manifest: str = Field(default="", description="where the manifest is kept [NAME.manifest.json]")
    terms: TermsConfig = Field(default=TermsConfig(), description="licence and constraints")
    filters: FiltersConfig = FiltersConfig()
    opt_out: list[OptOutConfig] = Field(default=[], alias="opt-out")
    splits: SplitsConfig = SplitsConfig()
    preprocessing: PreprocessingConfig = PreprocessingConfig()
