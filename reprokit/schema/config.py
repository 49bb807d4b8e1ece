"""``[tool.reprokit]`` in ``pyproject.toml``: found by walking up, strict about unknown keys."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pydantic
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from reprokit.errors import UsageError
from reprokit.schema.base import Model, known_keys
from reprokit.schema.release import checked_tables
from reprokit.schema.tiers import Tier

if TYPE_CHECKING:
    from pathlib import Path

_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def parse_size(text: object) -> int:
    """Reads a number of bytes: ``65536``, ``64k``, ``16 MiB``, ``1.5GB`` (powers of 1024 throughout).

    Raises:
        ValueError: it is none.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?\s*", str(text).lower())
    if not found:
        raise ValueError(f"{text!r} is not a size such as 65536, 64k or 16 MiB")
    return int(float(found[1]) * _UNITS[found[2]])


def _regular_expression(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is not a regular expression: {error}") from None
    return text


def _datasets(tables: dict[str, Any]) -> dict[str, Any]:
    """The tables as `reprokit.schema.dataset_config.DatasetConfig`, whose import costs nothing where there are none."""
    if not tables:
        return tables
    from reprokit.schema.dataset_config import DatasetConfig

    return pydantic.TypeAdapter(dict[str, DatasetConfig]).validate_python(tables)


Size = Annotated[int, BeforeValidator(parse_size)]
Pattern = Annotated[str, AfterValidator(_regular_expression)]


class ToleranceConfig(Model):
    """How far a metric may be off: relative, absolute, or in units in the last place of a float64."""

    model_config = ConfigDict(extra="forbid")

    rel: float = Field(default=0.0, ge=0)
    abs: float = Field(default=0.0, ge=0)
    ulp: int | None = Field(default=None, ge=0)


class LintConfig(Model):
    """``[tool.reprokit.lint]``: which rules count where, and which versions the tables are asked about."""

    model_config = ConfigDict(extra="forbid")

    select: list[str] = Field(default=[], description="codes, or their beginnings, that are reported; all when empty")
    ignore: list[str] = Field(default=[], description="codes, or their beginnings, that are not")
    exclude: list[str] = Field(default=[], description="globs of paths that are left out")
    per_file_ignores: dict[str, list[str]] = Field(
        default={}, alias="per-file-ignores", description="glob of paths -> codes that are not reported there"
    )
    torch_version: str | None = Field(default=None, alias="torch-version", description="instead of the installed one")
    tensorflow_version: str | None = Field(
        default=None, alias="tensorflow-version", description="instead of the installed one"
    )
    report_unused: bool = Field(
        default=False, alias="report-unused", description="comments that silence nothing are findings"
    )


class LineageConfig(Model):
    """``[tool.reprokit.lineage]``: where the graph is kept, and what a run belongs to."""

    model_config = ConfigDict(extra="forbid")

    store: str = Field(default="", description="path of a SQLite file, from this file's directory, or a database's URL")
    record: bool = Field(default=True, description="whether runs and replays are added to the graph")
    pipeline: str = Field(default="", description="name of the pipeline that the project's runs are part of")
    experiment: str = Field(default="", description="name of the experiment that the project's runs are part of")
    openlineage: str = Field(default="", description="URL of an OpenLineage collector that is told of runs")
    manifests: list[str] = Field(default=["*.manifest.json"], description="globs of the project's dataset manifests")
    models: list[str] = Field(
        default=[], description="globs of files that are models, by name or by path from the project, beside known ones"
    )


class Config(Model):
    """Settings of a project. Command-line options override them. An unknown key is an error: it may be misspelt."""

    model_config = ConfigDict(extra="forbid")

    inputs: list[str] = Field(default=[], description="globs of files that the run reads, beside those that are seen")
    outputs: list[str] = Field(default=[], description="globs of files that the run writes, beside those that are seen")
    ignore_outputs: list[str] = Field(default=[], description="globs of written files that are not results")
    ignore_lines: list[Pattern] = Field(
        default=[], description="regular expressions; matching lines of text do not count"
    )
    env: list[str] = Field(default=[], description="environment variables to keep, beside the allow-list")
    embed_limit: Size = Field(default=16 << 20, description="inputs up to this size are put into the bundle")
    trace: Literal["budget", "full", "light", "off"] = "budget"
    record_policy: str = "none"
    policy: dict[str, dict[str, Any]] = Field(
        default={}, description="policies by name: `extends`, `without`, `seed`, and switches with their values"
    )
    target: Tier = Tier.BITWISE
    timeout: float | None = Field(default=None, gt=0, description="seconds after which a replay is stopped")
    metrics: list[Pattern] = Field(
        default=[], description="regular expressions with groups `name` and `value`, for stdout"
    )
    tolerances: dict[str, ToleranceConfig] = Field(default={}, description="metric name or glob -> tolerance")
    lint: LintConfig = Field(default=LintConfig(), description="settings of `reprokit lint`")
    lineage: LineageConfig = Field(default=LineageConfig(), description="settings of the lineage graph")
    dataset: Annotated[dict[str, Any], AfterValidator(_datasets)] = Field(
        default={}, description="datasets by name; see [Dataset manifests](manifest.md)"
    )
    release: Annotated[dict[str, Any], AfterValidator(checked_tables)] = Field(
        default={}, description="what a model must show before it is released; tables in it are policies of that name"
    )


def find_pyproject(start: Path) -> Path | None:
    """The nearest ``pyproject.toml`` at or above ``start`` that has a ``[tool.reprokit]`` table."""
    for directory in (start, *start.parents):
        candidate = directory / "pyproject.toml"
        tools = _load(candidate).get("tool") if candidate.is_file() else None
        if isinstance(tools, dict) and "reprokit" in tools:
            return candidate
    return None


def _load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError("RPK004", f"cannot read {path}: {error}") from None


def load_config(start: Path) -> Config:
    """The project's settings, or the defaults where there are none.

    Raises:
        UsageError: RPK004 for an unreadable file, an unknown key or a value of the wrong type.
    """
    path = find_pyproject(start)
    if path is None:
        return Config()
    try:
        return Config.model_validate(_load(path)["tool"]["reprokit"])
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(map(str, first["loc"]))
        known = ", ".join(_known_keys(first["loc"]))
        raise UsageError("RPK004", f"{path}: [tool.reprokit] {key}: {first['msg']}", f"Known keys: {known}.") from None


def _known_keys(place: tuple[int | str, ...]) -> list[str]:
    match place:
        case ("dataset", _, *rest) if rest:
            from reprokit.schema.dataset_config import DatasetConfig

            return known_keys(DatasetConfig, tuple(rest))
        case _:
            return known_keys(Config, place)
