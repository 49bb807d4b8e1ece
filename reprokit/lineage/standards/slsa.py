"""SLSA provenance v1 in in-toto statements v1: one statement a run that made something with a digest, one a line.

A run's outputs are subjects, its inputs resolved dependencies, and its commit one more. The statements are not signed.
Source: https://slsa.dev/spec/v1.0/provenance and https://github.com/in-toto/attestation/tree/main/spec/v1
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from reprokit import __version__
from reprokit.lineage.merging import normal
from reprokit.lineage.standards.carrying import bare, without_contexts
from reprokit.lineage.standards.files import parse_json, read_text, understood, write_text
from reprokit.lineage.standards.naming import (
    PRODUCER,
    content_of,
    milliseconds,
    moment,
    scoped,
    sha256_of,
    stamp,
    uri_of,
    urn_of,
)
from reprokit.schema.lineage import Artifact, Event, Execution, Lineage

if TYPE_CHECKING:
    from reprokit.schema.lineage import Properties

TITLE = "SLSA provenance v1 (in-toto statement v1)"
EXTRA = ""
LOSES: tuple[str, ...] = (
    "Runs that made nothing with a SHA-256 digest, and artifacts that no other run used or made.",
    "Contexts: a statement is about one run.",
    "Under which path and when a run used or made an artifact, and whether it was declared or internal.",
)
ASIDE: tuple[str, ...] = (
    "Types, states and properties: annotations of resource descriptors, and internal parameters.",
)
UNREAD: tuple[str, ...] = (
    "Internal parameters, the builder's own dependencies, and of several digests of one thing all but one.",
)
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = f"{PRODUCER}/slsa/run/v1"
BUNDLE_DIGEST = "reprokitBundle"
"""Name of a bundle's digest: of its canonical manifest, not of the file. Who does not know it passes over it."""


def carried(lineage: Lineage) -> Lineage:
    """Without what `LOSES` names."""
    runs = {event.execution for event in lineage.events if not event.is_input and sha256_of(event.artifact)}
    events = sorted({bare(event) for event in lineage.events if event.execution in runs}, key=repr)
    touched = {event.artifact for event in events}
    return normal(
        without_contexts(lineage).model_copy(
            update={
                "artifacts": [node for node in lineage.artifacts if node.id in touched],
                "executions": [node for node in lineage.executions if node.id in runs],
                "events": events,
            }
        )
    )


def write(lineage: Lineage, target: str) -> list[str]:
    """Writes a file of statements, one a line; an empty file where no run made anything with a digest.

    Raises:
        UsageError: RPK166, it cannot be written.
    """
    lines = [json.dumps(statement, sort_keys=True) for statement in statements(lineage)]
    return [write_text(target, "".join(f"{line}\n" for line in lines))]


def statements(lineage: Lineage) -> list[dict[str, Any]]:
    """The statements, in the order of their runs' identifiers."""
    left = carried(lineage)
    artifacts = {node.id: node for node in left.artifacts}
    runs = {node.id: node for node in left.executions}
    made: list[dict[str, Any]] = []
    by_run: dict[str, list[Event]] = defaultdict(list)
    for event in left.events:
        by_run[event.execution].append(event)
    for name, events in sorted(by_run.items()):
        used = [_resource(event.artifact, artifacts) for event in events if event.is_input]
        outputs = [event.artifact for event in events if not event.is_input]
        subjects = [_resource(one, artifacts) for one in outputs if sha256_of(one)]
        others = [_resource(one, artifacts) for one in outputs if not sha256_of(one)]
        predicate = _predicate(name, runs.get(name), used, others)
        made.append({"_type": STATEMENT, "subject": subjects, "predicateType": PREDICATE, "predicate": predicate})
    return made


def _predicate(
    name: str, run: Execution | None, used: list[dict[str, Any]], others: list[dict[str, Any]]
) -> dict[str, Any]:
    facts: Properties = run.properties if run else {}
    given = {key: value for key, value in facts.items() if key == "command" or key.startswith("parameter.")}
    metadata = {"invocationId": name}
    if run is not None:
        metadata |= {"startedOn": stamp(run.started)} if moment(run.started) else {}
        metadata |= {"finishedOn": stamp(run.ended)} if moment(run.ended) else {}
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": given,
            "internalParameters": {"reprokit": run.model_dump(mode="json") if run else None},
            "resolvedDependencies": [*used, *_source(facts)],
        },
        "runDetails": {
            "builder": {"id": f"{PRODUCER}/recorder", "version": {"reprokit": __version__}},
            "metadata": metadata,
            **({"byproducts": others} if others else {}),
        },
    }


def _resource(identifier: str, artifacts: dict[str, Artifact]) -> dict[str, Any]:
    node, digest = artifacts.get(identifier), sha256_of(identifier)
    resource: dict[str, Any] = {"name": node.name if node and node.name else identifier}
    resource |= {"uri": uri_of(node.uri)} if node and node.uri else {}
    if digest:
        of_bytes = content_of(identifier, node.type if node else "")
        resource["digest"] = {"sha256" if of_bytes else BUNDLE_DIGEST: digest}
    elif "uri" not in resource:  # in-toto asks for at least one of the two
        resource["uri"] = urn_of(identifier)
    own = {"id": identifier, "node": node.model_dump(mode="json") if node else None}
    return resource | {"annotations": {"reprokit": own}}


def _source(facts: Properties) -> list[dict[str, Any]]:
    """The commit that a run was made from, as other builders name theirs."""
    commit, remote = str(facts.get("git_commit", "")), str(facts.get("git_remote", ""))
    if not (commit and remote):
        return []
    resource = {"uri": f"git+{uri_of(remote)}@{commit}", "digest": {"gitCommit": commit}}
    told: dict[str, Any] = {"role": "source"}
    if facts.get("git_dirty", False) is not False:  # what ran was the commit and more
        told["dirty"] = True
    return [resource | {"annotations": {"reprokit": told}}]


def read(source: str) -> Lineage:
    """Reads statements, one a line, or one document; also those of other builders.

    Raises:
        UsageError: RPK166, it cannot be read.
        CorruptBundleError: RPK167, it is no SLSA provenance v1.
    """
    text = read_text(source, "SLSA provenance")
    lines = [line for line in text.split("\n") if line.strip()]
    whole = len(lines) > 1 and lines[0].strip() == "{"
    found = [parse_json(text if whole else line, source, "SLSA provenance") for line in (lines[:1] if whole else lines)]
    lineage: Lineage = understood(lambda: _lineage_of(found), source, "SLSA provenance")
    return lineage


def _lineage_of(found: list[dict[str, Any]]) -> Lineage:
    artifacts, executions, events = [], [], []
    for statement in found:
        if statement["_type"] != STATEMENT or statement["predicateType"] != PREDICATE:
            raise ValueError(f"it says of itself that it is {statement['predicateType']}")
        definition, details = statement["predicate"]["buildDefinition"], statement["predicate"]["runDetails"]
        run = _run_of(statement, definition, details)
        name = run if isinstance(run, str) else run.id
        executions += [] if isinstance(run, str) else [run]
        ends: tuple[tuple[Any, Any], ...] = (
            ("INPUT", definition.get("resolvedDependencies")),
            ("OUTPUT", [*statement["subject"], *(details.get("byproducts") or [])]),
        )
        for kind, resources in ends:
            for resource in resources or []:
                identifier, node = _artifact_of(resource)
                artifacts += [node] if node else []
                events += [Event(artifact=identifier, execution=name, type=kind)] if identifier else []
    return normal(Lineage(artifacts=artifacts, executions=executions, events=events))


def _run_of(statement: dict[str, Any], definition: dict[str, Any], details: dict[str, Any]) -> Execution | str:
    metadata = details.get("metadata") or {}
    name = str(metadata.get("invocationId") or "")
    ours = (definition.get("internalParameters") or {}).get("reprokit")
    if definition.get("buildType") == BUILD_TYPE:
        return Execution.model_validate(ours) if ours else name
    given = definition.get("externalParameters") or {}
    facts: Properties = {
        f"parameter.{key}": value if isinstance(value, str) else json.dumps(value) for key, value in given.items()
    }
    first, builder = statement["subject"][0]["digest"], str(details["builder"]["id"])
    return Execution(  # an invocation's name is unique to its builder, and no more
        id=scoped(name, builder) if name else f"urn:reprokit:build:{next(iter(first.values()))}", type="Build",
        name=builder, properties=facts,
        started=milliseconds(metadata.get("startedOn")), ended=milliseconds(metadata.get("finishedOn")),
    )  # fmt: skip


def _artifact_of(resource: dict[str, Any]) -> tuple[str, Artifact | None]:
    ours = (resource.get("annotations") or {}).get("reprokit")
    if isinstance(ours, dict):
        node = Artifact.model_validate(ours["node"]) if ours.get("node") else None
        return str(ours.get("id", "")), node
    digests = resource.get("digest") or {}
    others = [f"{kind}:{value}" for kind, value in digests.items()]
    name, uri = str(resource.get("name") or ""), str(resource.get("uri") or "")
    identifier = next(iter([f"sha256:{digests['sha256']}"] if "sha256" in digests else [*others, uri, name]))
    return identifier, Artifact(id=identifier, type="File", name=name, uri=uri)
