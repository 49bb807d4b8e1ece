"""Writes the reference from the code: the command line, the configuration, the codes, the documents' fields."""

from __future__ import annotations

import json
import tomllib
import types
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pydantic

from reprokit.cli import VERBS, program
from reprokit.errors import CATALOGUE, Exit
from reprokit.lint.hazards.of_tensorflow import TENSORFLOW
from reprokit.lint.hazards.of_torch import TORCH
from reprokit.lint.rules import RULES
from reprokit.policy.policies import BUILT_IN
from reprokit.policy.switches import SWITCHES, Switch
from reprokit.schema.config import Config, LintConfig
from reprokit.schema.lint import LintReport
from reprokit.schema.manifest import Manifest
from reprokit.schema.price import PriceReport
from reprokit.schema.record import RecordReport
from reprokit.schema.release import ReleaseRules
from reprokit.schema.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reprokit.schema.base import Model


_PRICED = Path(__file__).parents[2] / "tests" / "e2e" / "priced"


def command_line() -> str:
    """Every verb with its help, as `--help` prints it."""
    context = click.Context(program, info_name="reprokit", max_content_width=100, terminal_width=100)
    parts = ["## reprokit", "```text", program.get_help(context).rstrip(), "```"]
    for verb in VERBS:
        command = program.get_command(context, verb)
        if command is None:
            raise ValueError(f"the verb {verb} has no command")
        own = click.Context(command, info_name=verb, parent=context, max_content_width=100, terminal_width=100)
        parts += [f"## reprokit {verb}", "```text", command.get_help(own).rstrip(), "```"]
        for name, below in getattr(command, "commands", {}).items():
            inner = click.Context(below, info_name=name, parent=own, max_content_width=100, terminal_width=100)
            parts += [f"### reprokit {verb} {name}", "```text", below.get_help(inner).rstrip(), "```"]
    return "\n".join(parts)


def exit_statuses() -> str:
    """The exit statuses, which are a contract."""
    meanings = {
        Exit.MET: "the target is met",
        Exit.NOT_MET: "the target is not met",
        Exit.USAGE: "wrong usage or configuration; a path that does not exist",
        Exit.UNVERIFIED: "cannot be established here (`unverified`)",
        Exit.CORRUPT: "corrupt or untrusted bundle",
        Exit.INTERRUPTED: "interrupted",
    }
    return "\n".join(["| status | meaning |", "|---|---|", *(f"| {int(e)} | {meanings[e]} |" for e in Exit)])


def configuration() -> str:
    """The keys of `[tool.reprokit]`."""
    rows = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for name, field in Config.model_fields.items():
        value = field.default
        shown = f"{value >> 20} MiB" if name == "embed_limit" else str(getattr(value, "value", value))
        rows.append(
            f"| `{name}` | {type_text(field.annotation)} | `{shown}` | {field.description or _MEANINGS[name]} |"
        )
    return "\n".join(rows)


_MEANINGS = {
    "trace": "what is digested in each step: see [the trace](trace.md)",
    "record_policy": "the policy that `record` runs under",
    "target": "the tier that `replay` and `compare` must reach",
}


def lint_rules() -> str:
    """The rules of `reprokit lint`."""
    rows = ["| code | name | level | finds |", "|---|---|---|---|"]
    rows += [f"| [{code}](#{code.lower()}) | {rule.name} | {rule.level} | {rule.why} |" for code, rule in RULES.items()]
    parts = ["\n".join(rows), ""]
    for code, rule in RULES.items():
        parts += [f"### {code}", "", f"**{rule.name}**. {rule.why}", "", f"*Remedy.* {rule.remedy}", ""]
        parts += [f"[Source]({rule.source})", ""]
    return "\n".join(parts)


def lint_operations() -> str:
    """The tables of operations by framework and version."""
    rows = ["| operation | devices | nondeterministic | in deterministic mode, by version |", "|---|---|---|---|"]
    for hazard in (*TORCH, *TENSORFLOW):
        spans = "; ".join(
            f"since {'.'.join(map(str, since))}: {status.value if status else 'no hazard'}"
            for since, status in hazard.spans
        )
        rows.append(
            f"| [`{hazard.name}`]({hazard.source}) | {', '.join(hazard.devices)} | {hazard.condition} | {spans} |"
        )
    return "\n".join(rows)


def lint_configuration() -> str:
    """The keys of `[tool.reprokit.lint]`."""
    rows = ["| key | type | meaning |", "|---|---|---|"]
    for name, field in LintConfig.model_fields.items():
        rows.append(f"| `{field.alias or name}` | {type_text(field.annotation)} | {field.description} |")
    return "\n".join(rows)


def release_configuration() -> str:
    """The keys of `[tool.reprokit.release]`."""
    rows = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for name, field in ReleaseRules.model_fields.items():
        shown = getattr(field.default, "value", field.default)
        rows.append(f"| `{name}` | {type_text(field.annotation)} | `{shown}` | {field.description} |")
    return "\n".join(rows)


def lint_fields() -> str:
    """The fields of `lint --json`."""
    return _documents(LintReport)


def codes() -> str:
    """The catalogue of errors and warnings."""
    parts = []
    for code, entry in CATALOGUE.items():
        parts += [f"### {code}: {entry.title}", "", entry.why, "", f"*Remedy.* {entry.remedy}", ""]
    return "\n".join(parts)


_HOW = {"call": "call after import", "process": "the observer", "seed": "call after import"}


def _set_by(record: Switch) -> str:
    return f"`{record.variable}`" if record.variable else _HOW[record.how]


def switches() -> str:
    """The switches of the policy `deterministic`."""
    rows = ["| switch | value | effect | set by |", "|---|---|---|---|"]
    for name, value in BUILT_IN["deterministic"].switches.items():
        record = SWITCHES[name]
        rows.append(f"| [`{name}`]({record.source}) | `{_value(value)}` | {record.meaning} | {_set_by(record)} |")
    return "\n".join(rows)


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def all_switches() -> str:
    """Every switch that a policy can set."""
    rows = [
        "| switch | values | effect | cost by its documentation | set by | devices | since |",
        "|---|---|---|---|---|---|---|",
    ]
    rows += [
        f"| [`{record.name}`]({record.source}) | {record.values.shown} | {record.meaning} | {record.cost} | "
        f"{_set_by(record)} | {', '.join(record.devices)} | {record.since} |"
        for record in SWITCHES.values()
    ]
    return "\n".join(rows)


def policies() -> str:
    """What each built-in policy sets."""
    names = list(BUILT_IN)
    rows = [f"| switch | {' | '.join(f'`{BUILT_IN[name].text}`' for name in names)} |", "|---" * (len(names) + 1) + "|"]
    rows.append("| seed of all generators | " + " | ".join(_shown(BUILT_IN[n].seed) for n in names) + " |")
    used = [name for name in SWITCHES if any(name in policy.switches for policy in BUILT_IN.values())]
    for name in used:
        cells = [_shown(BUILT_IN[policy].switches.get(name)) for policy in names]
        rows.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join(rows)


def _shown(value: object) -> str:
    return "" if value is None else f"`{_value(value)}`"


def verdict_fields() -> str:
    """The fields of `replay --json` and `compare --json`."""
    return _documents(Verdict)


def manifest_fields() -> str:
    """The fields of a bundle's `manifest.json`."""
    return _documents(Manifest)


def price_fields() -> str:
    """The fields of `reprokit.price/1`."""
    return _documents(PriceReport)


def priced_scripts() -> str:
    """What `reprokit price` said of the scripts in `tests/e2e/priced`."""
    known = json.loads((_PRICED / "figures.json").read_text(encoding="utf-8"))
    scripts = tomllib.loads((_PRICED / "scripts.toml").read_text(encoding="utf-8"))
    rows = ["| script | no switch | cheapest set | what each switch cost |", "|---|---|---|---|"]
    for name, script in scripts.items():
        row = known[name]
        chosen = [f"`{switch} = {_value(value)}`" for switch, value in row["recommended"].items()]
        cells = [script["title"], _agreement(row["baseline"]), "<br>".join(chosen) or "none", _costs(row)]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _agreement(price: dict[str, Any]) -> str:
    """How many replays of a set agreed."""
    apart, runs = price["apart"], price["of"]
    return f"{apart} of {runs} replays differ" if apart else f"{runs} replays bitwise"


def _costs(row: dict[str, Any]) -> str:
    """A line for each switch that was tried; those that the budget left no time for come together."""
    lines, untimed = [], []
    for name, switch in row["switches"].items():
        if switch["status"] == "failed":
            lines.append(f"`{name}`: the script fails with it: {switch['reason']}")
        elif switch.get("cost") is None:
            untimed.append(f"`{name}`")
        else:
            lines.append(f"`{name}`: {switch['cost']}, {_agreement(switch)}")
    if untimed:
        lines.append(f"not timed: {', '.join(untimed)}")
    return "<br>".join(lines)


def record_fields() -> str:
    """The fields of `record --json`, where they differ from the manifest's."""
    return _table(RecordReport)


def _documents(document: type[Model]) -> str:
    parts = []
    for model in dict.fromkeys(_models(document)):
        parts += [f"### {model.__name__}", "", " ".join((model.__doc__ or "").split()), "", _table(model), ""]
    return "\n".join(parts)


def _table(model: type[Model]) -> str:
    rows = ["| field | type | |", "|---|---|---|"]
    for name, field in model.model_fields.items():
        rows.append(f"| `{field.alias or name}` | {type_text(field.annotation)} | {field.description or ''} |")
    return "\n".join(rows)


def _models(model: type[Model]) -> Iterator[type[Model]]:
    yield model
    for field in model.model_fields.values():
        for found in _within(field.annotation):
            yield from _models(found)


def _within(annotation: Any) -> Iterator[type[Model]]:
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        yield annotation  # type: ignore[misc]
    for argument in typing.get_args(annotation):
        yield from _within(argument)


def type_text(annotation: Any) -> str:
    """A type as a reader of JSON knows it."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin in (types.UnionType, typing.Union):
        return " or ".join(type_text(argument) for argument in arguments)
    if origin is list:
        return f"list of {type_text(arguments[0])}"
    if origin is dict:
        return f"object of {type_text(arguments[1])}"
    names = {str: "text", int: "integer", float: "number", bool: "true or false", type(None): "null", Any: "any"}
    return names.get(annotation) or f"{getattr(annotation, '__name__', annotation)}"
