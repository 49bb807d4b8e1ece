"""What a model must show before it is released, and what `reprokit verify --policy` prints: ``reprokit.release/1``.

``[tool.reprokit.release]`` changes the policy ``release``, whose values are the defaults here, and a table in it,
``[tool.reprokit.release.NAME]``, is a policy of its own that starts from another one. It has a table of its own beside
``[tool.reprokit.policy]``, which names sets of determinism switches: those say how a run is made, these what it must
have shown. Where keys of a release policy stand in a table there, they count, too.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import pydantic
from pydantic import ConfigDict, Field

from reprokit.errors import UsageError
from reprokit.schema.base import Document, Model
from reprokit.schema.tiers import Status, Tier

if TYPE_CHECKING:
    from collections.abc import Mapping

Answer = Literal["refuse", "allow"]
BUILT_IN = "release"


class ReleaseRules(Model):
    """A release policy. ``refuse`` makes a failure of the answer; ``allow`` takes it as an answer."""

    model_config = ConfigDict(extra="forbid", strict=True)

    models: bool = Field(default=True, description="a bundle or a run that is judged made a model")
    manifests: bool = Field(default=True, description="each run descends from a dataset manifest")
    uncovered_inputs: Answer = Field(default="allow", description="a run that read data that are in no manifest")
    files: Literal["check", "ignore"] = Field(
        default="check", description="files of the chain that are at hand are digested again"
    )
    unknown_commit: Answer = Field(default="refuse", description="a run that names no commit")
    dirty_tree: Answer = Field(default="refuse", description="a run whose code was not that of its commit")
    unknown_image: Answer = Field(default="refuse", description="a run that names no digest of a container image")
    unknown_seed: Answer = Field(default="refuse", description="a run with neither a seed nor kept random states")
    failed_run: Answer = Field(default="refuse", description="a run that failed or was stopped")
    parameters: list[str] = Field(default=[], description="parameters that each run states, in whatever way")
    properties: list[str] = Field(default=[], description="further properties that each run has")
    manifest_properties: list[str] = Field(default=[], description="properties that each manifest has, as `licence`")
    external_models: list[str] = Field(
        default=[], description="models, by digest or by name, that came from elsewhere and need no run"
    )
    max_age_days: float = Field(default=30.0, gt=0, description="of the last rebuild test; `inf` asks for no age")
    tier: Tier = Field(
        default=Tier.BITWISE, strict=False, description="that the last rebuild test reached; `none` asks for no test"
    )


def unasked(rules: ReleaseRules) -> list[str]:
    """The keys of the rules that a policy does not ask for, so that nobody takes silence about them for an answer."""
    plain = rules.model_dump(mode="json")
    return [
        name for name, value in plain.items() if value is False or value in ("allow", "ignore", "none")
    ] + (["max_age_days"] if math.isinf(rules.max_age_days) else [])  # fmt: skip


def rules_of(tables: dict[str, Any], name: str) -> ReleaseRules:
    """The release policy of a name.

    Args:
        tables: ``[tool.reprokit.release]``.
        name: ``release``, or the name of a table in it.

    Raises:
        UsageError: RPK146, there is no such policy, it extends itself, or a key or value in it is wrong.
    """
    values: dict[str, Any] = {}
    passed: list[str] = []
    while True:
        if name in passed:
            raise UsageError("RPK146", f"the release policy {name!r} extends itself: {' -> '.join([*passed, name])}")
        passed.append(name)
        own = _table(tables, name)
        values = {**{key: value for key, value in own.items() if key != "extends"}, **values}
        if name == BUILT_IN:
            if "extends" in own:
                raise UsageError("RPK146", "the release policy 'release' extends none: every other one starts from it")
            break
        extended = own.get("extends", BUILT_IN)
        if not isinstance(extended, str):
            raise UsageError("RPK146", f"the release policy {name!r}, extends: {extended!r} is no name of a policy")
        name = extended
    try:
        return ReleaseRules.model_validate(values)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(map(str, first["loc"]))
        known = ", ".join(ReleaseRules.model_fields)
        raise UsageError(
            "RPK146", f"the release policy {passed[0]!r}, {key}: {first['msg']}", f"Known keys: {known}."
        ) from None


def asks_of_releases(table: Mapping[str, Any]) -> bool:
    """Whether a table of ``[tool.reprokit.policy]`` has keys of a release policy; no switch is called like one."""
    return not set(ReleaseRules.model_fields).isdisjoint(table)


def with_additions(tables: dict[str, Any], policies: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The release policies with what ``[tool.reprokit.policy.NAME]`` adds to them.

    Such a table is a set of determinism switches, whose names are others. One with keys of a release policy was meant
    as one: to pass over it would release what its author wanted refused.

    Args:
        tables: ``[tool.reprokit.release]``.
        policies: ``[tool.reprokit.policy]``.

    Raises:
        UsageError: RPK146, a table has keys of both kinds, or says something else than the release policy.
    """
    merged = dict(tables)
    known = {*ReleaseRules.model_fields, "extends"}
    for name, table in policies.items():
        if not asks_of_releases(table):
            continue
        where = f"[tool.reprokit.policy.{name}]"
        if other := sorted(set(table) - known):
            raise UsageError("RPK146", f"{where} has keys of a release policy, and others: {', '.join(other)}")
        into = merged if name == BUILT_IN else merged.setdefault(name, {})
        if not isinstance(into, dict):
            raise UsageError("RPK146", f"{where} bears the name of a key of [tool.reprokit.release]")
        if twice := sorted(key for key in table if key in into and into[key] != table[key]):
            raise UsageError("RPK146", f"{where} and [tool.reprokit.release] differ in {', '.join(twice)}")
        if name == BUILT_IN:
            merged |= table
        else:
            merged[name] = {**into, **table}
    return merged


def _table(tables: dict[str, Any], name: str) -> dict[str, Any]:
    if name == BUILT_IN:
        return {key: value for key, value in tables.items() if not isinstance(value, dict)}
    table = tables.get(name)
    if not isinstance(table, dict):
        own = sorted(key for key, value in tables.items() if isinstance(value, dict))
        raise UsageError("RPK146", f"no release policy is called {name!r}; known: {', '.join([BUILT_IN, *own])}")
    return table


def checked_tables(tables: dict[str, Any]) -> dict[str, Any]:
    """Looks at every policy of ``[tool.reprokit.release]``, so that a misspelt key is found before it is needed.

    Raises:
        ValueError: one of them is wrong.
    """
    own = [key for key, value in tables.items() if isinstance(value, dict)]
    for name in own:
        if name == BUILT_IN or name in ReleaseRules.model_fields:
            kind = "the built-in policy, whose keys stand in [tool.reprokit.release] itself"
            said = kind if name == BUILT_IN else f"a key, whose value is no table: {name}"
            raise ValueError(f"[tool.reprokit.release.{name}] bears the name of {said}")
    for name in (BUILT_IN, *own):
        try:
            rules_of(tables, name)
        except UsageError as error:
            known = f" {error.hint}" if error.hint.startswith("Known keys") else ""
            raise ValueError(f"{error.message}.{known}") from None
    return tables


class ReleaseFinding(Model):
    """One rule that does not hold, at one node. ``established`` is false where it could not be seen whether it does."""

    rule: Literal["integrity", "completeness", "freshness", "tier"]
    code: str
    node: str = Field(description="identifier of the artifact or execution")
    name: str = Field(default="", description="the same for people: its type and name")
    message: str
    remedy: str
    established: bool = True


class RebuildTest(Model):
    """The last replay of a bundle that could be judged; ``time`` in milliseconds since the epoch."""

    bundle: str
    verdict: str
    tier: Tier
    time: int


class ReleaseReport(Document):
    """Whether something may be released. ``checked`` are files that were digested again."""

    schema_id: Literal["reprokit.release/1"] = Field(default="reprokit.release/1", alias="schema")
    subject: str = Field(description="as it was asked for")
    node: str = ""
    policy: str
    rules: ReleaseRules
    met: bool
    status: Status
    time: int = Field(description="at which it was judged, in milliseconds since the epoch")
    findings: list[ReleaseFinding] = []
    models: list[str] = []
    runs: list[str] = []
    manifests: list[str] = []
    rebuilt: RebuildTest | None = None
    checked: list[str] = Field(default=[], description="files of the chain that were at hand and digested again")
