"""Writes the reference from the code: the command line, the configuration, the codes, the documents' fields."""

from __future__ import annotations

import types
import typing
from typing import TYPE_CHECKING, Any

import click
import pydantic

from reprokit.cli import VERBS, program
from reprokit.errors import CATALOGUE, Exit
from reprokit.policy.switches import DETERMINISTIC
from reprokit.schema.config import Config
from reprokit.schema.manifest import Manifest
from reprokit.schema.record import RecordReport
from reprokit.schema.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reprokit.schema.base import Model


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


def codes() -> str:
    """The catalogue of errors and warnings."""
    parts = []
    for code, entry in CATALOGUE.items():
        parts += [f"### {code}: {entry.title}", "", entry.why, "", f"*Remedy.* {entry.remedy}", ""]
    return "\n".join(parts)


def switches() -> str:
    """The switches of the policy `deterministic`."""
    rows = ["| switch | value | effect | set by |", "|---|---|---|---|"]
    for switch in DETERMINISTIC:
        how = f"`{switch.variable}`" if switch.variable else "call after import"
        rows.append(f"| [`{switch.name}`]({switch.source}) | `{switch.value}` | {switch.meaning} | {how} |")
    return "\n".join(rows)


def verdict_fields() -> str:
    """The fields of `replay --json` and `compare --json`."""
    return _documents(Verdict)


def manifest_fields() -> str:
    """The fields of a bundle's `manifest.json`."""
    return _documents(Manifest)


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
