"""RO-Crate 1.1, as a Process Run Crate: ``ro-crate-metadata.json`` in a directory.

A run is a ``CreateAction`` with its ``instrument``, ``object`` and ``result``; an artifact is a ``File`` (a data set a
``Dataset``), by identifier, since the crate holds no copies; a context is a ``Collection``.
Source: https://w3id.org/ro/wfrun/process/0.5
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reprokit.lineage.merging import normal
from reprokit.lineage.standards.carrying import bare, dated, with_dates
from reprokit.lineage.standards.files import parse_json, read_text, understood, write_json
from reprokit.lineage.standards.naming import content_of, encoded, moment, scope_of, stamp, uri_of
from reprokit.lineage.standards.ro_crate.reading import Crate
from reprokit.lineage.standards.ro_crate.terms import FILE, PREFIXES, STATUS
from reprokit.schema.lineage import Artifact, Execution, Lineage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reprokit.schema.lineage import Node

TITLE = "RO-Crate 1.1 (Process Run Crate 0.5)"
EXTRA = ""
LOSES: tuple[str, ...] = (
    "Under which path and when a run used or made an artifact, and whether it was declared or internal.",
    "The states of artifacts, and of runs all but completed, failed, active and potential.",
    "Times after the year 9999.",
)
ASIDE: tuple[str, ...] = ("Properties: schema.org's `additionalProperty`.",)
UNREAD: tuple[str, ...] = (
    "Instruments and agents; of files, data sets, collections and actions all but names, dates, states and digests.",
)
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
CONTEXT = ["https://w3id.org/ro/crate/1.1/context", {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"}]
"""RO-Crate 1.1 has no word for this digest: it is that of the profiles for runs."""
_DATA = frozenset({"DatasetManifest"})


def carried(lineage: Lineage) -> Lineage:
    """Without what `LOSES` names."""
    runs = [with_dates(run) for run in lineage.executions]
    return normal(
        lineage.model_copy(
            update={
                "artifacts": [
                    node.model_copy(update={"state": "LIVE", "created": dated(node.created)})
                    for node in lineage.artifacts
                ],
                "executions": [
                    run if run.state in STATUS else run.model_copy(update={"state": "UNKNOWN"}) for run in runs
                ],
                "events": sorted({bare(event) for event in lineage.events}, key=repr),
            }
        )
    )


def write(lineage: Lineage, target: str) -> list[str]:
    """Writes the crate's metadata into a directory, which is made where it is missing.

    Raises:
        UsageError: RPK166, it cannot be written.
    """
    lineage = normal(lineage)
    uses: dict[str, set[str]] = defaultdict(set)
    makes: dict[str, set[str]] = defaultdict(set)
    for event in lineage.events:
        (uses if event.is_input else makes)[event.execution].add(event.artifact)
    runs: dict[str, Execution | None] = dict.fromkeys({*uses, *makes})
    runs |= {run.id: run for run in lineage.executions}
    entities = [
        *(_artifact(node) for node in lineage.artifacts),
        *(_run(name, runs[name], uses[name], makes[name]) for name in sorted(runs)),
        *_contexts(lineage),
    ]
    tools = [_tool(run) for run in lineage.executions]
    values = [fact for node in (*lineage.artifacts, *lineage.executions, *lineage.contexts) for fact in _facts(node)]
    graph = [*_heads(lineage, runs), *entities, *{tool["@id"]: tool for tool in tools}.values(), *values]
    document = {"@context": CONTEXT, "@graph": graph}
    return [write_json(Path(target) / FILE, document)]


def _heads(lineage: Lineage, runs: Iterable[str]) -> list[dict[str, Any]]:
    """What every crate has: its descriptor, its root, and the profile that it follows."""
    latest = max((node.created for node in lineage.artifacts), default=0)
    descriptor = {
        "@id": FILE,
        "@type": "CreativeWork",
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
        "about": {"@id": "./"},
    }
    root = {
        "@id": "./",
        "@type": "Dataset",
        "conformsTo": {"@id": PROFILE},
        "name": "Runs and what they used and made",
        "description": "A lineage graph, exported by reprokit.",
        "license": "The graph says nothing of its own licence; those of data sets stand with them.",
        "datePublished": stamp(latest)[:10],
        "hasPart": _refs("artifact", [node.id for node in lineage.artifacts]),
        "mentions": [
            *_refs("execution", sorted(runs)),
            *_refs("context", sorted(_named_contexts(lineage))),
        ],
    }
    return [descriptor, root, {"@id": PROFILE, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"}]


def _refs(kind: str, names: Iterable[str]) -> list[dict[str, str]]:
    return [{"@id": PREFIXES[kind] + encoded(name)} for name in names]


def _base(kind: str, node: Node) -> dict[str, Any]:
    (place,) = _refs(kind, [node.id])
    values = [{"@id": fact["@id"]} for fact in _facts(node)]
    return {
        **place,
        "additionalType": node.type,
        "identifier": node.id,
        "name": node.name or node.type,
        **({} if node.name else {"alternateName": ""}),
        **({"additionalProperty": values} if values else {}),
    }


def _facts(node: Node) -> list[dict[str, Any]]:
    """A node's properties, each an entity of its own, as a flattened JSON-LD document has it."""
    kind = "artifact" if isinstance(node, Artifact) else "execution" if isinstance(node, Execution) else "context"
    return [
        {"@id": f"#{kind}-{encoded(node.id)}--{encoded(name)}", "@type": "PropertyValue", "name": name, "value": value}
        for name, value in node.properties.items()
    ]


def _artifact(node: Artifact) -> dict[str, Any]:
    digest, when = content_of(node.id, node.type), moment(node.created)
    entity = {**_base("artifact", node), "@type": "Dataset" if node.type in _DATA else "File"}
    entity |= {"sha256": digest} if digest else {}
    entity |= {"contentUrl": node.uri, "url": {"@id": uri_of(node.uri)}} if node.uri else {}
    entity |= {"dateCreated": stamp(node.created)} if when else {}
    entity |= {"contentSize": str(node.properties["size"])} if "size" in node.properties else {}
    return entity | ({"license": str(node.properties["licence"])} if "licence" in node.properties else {})


def _run(name: str, run: Execution | None, used: set[str], made: set[str]) -> dict[str, Any]:
    (place,) = _refs("execution", [name])
    entity: dict[str, Any] = {**place, **(_base("execution", run) if run else {"identifier": name})}
    entity |= {"@type": "CreateAction", "object": _refs("artifact", sorted(used))}
    entity |= {"result": _refs("artifact", sorted(made))}
    if run is None:
        return entity
    entity["instrument"] = {"@id": _tool(run)["@id"]}
    entity |= {"actionStatus": f"http://schema.org/{STATUS[run.state]}"} if run.state in STATUS else {}
    # The profile's validator takes an offset and no Z.
    entity |= {"startTime": stamp(run.started).replace("Z", "+00:00")} if moment(run.started) else {}
    entity |= {"endTime": stamp(run.ended).replace("Z", "+00:00")} if moment(run.ended) else {}
    if run.state == "FAILED":
        entity["error"] = str(run.properties.get("error", run.properties.get("exit_status", "failed")))
    return entity | {"description": str(run.properties.get("command", f"{run.type} {run.name}".strip()))}


def _tool(run: Execution) -> dict[str, Any]:
    """The instrument of a run: the code at its commit, else the command's name."""
    facts = run.properties
    commit, remote = str(facts.get("git_commit", "")), str(facts.get("git_remote", ""))
    name = str(facts.get("command", run.name or run.type))
    tool = {"@id": f"#tool-{encoded(name)}-{encoded(commit)}", "@type": "SoftwareApplication", "name": name}
    tool |= {"softwareVersion": commit} if commit else {}
    return tool | ({"url": uri_of(remote)} if remote else {})


def _named_contexts(lineage: Lineage) -> set[str]:
    named = {link.context for link in lineage.attributions} | {link.context for link in lineage.associations}
    return named | {node.id for node in lineage.contexts} | {link.parent for link in lineage.parents}


def _contexts(lineage: Lineage) -> list[dict[str, Any]]:
    known = {node.id: node for node in lineage.contexts}
    parts: dict[str, list[dict[str, str]]] = defaultdict(list)
    runs: dict[str, list[dict[str, str]]] = defaultdict(list)
    for held in lineage.attributions:
        parts[held.context] += _refs("artifact", [held.artifact])
    for inner in lineage.parents:
        parts[inner.parent] += _refs("context", [inner.child])
    for link in lineage.associations:
        runs[link.context] += _refs("execution", [link.execution])
    made = []
    for name in sorted(_named_contexts(lineage)):
        (place,) = _refs("context", [name])
        entity = {**place, **(_base("context", known[name]) if name in known else {"identifier": name})}
        made.append(entity | {"@type": "Collection", "hasPart": parts[name], "mentions": runs[name]})
    return made


def read(source: str) -> Lineage:
    """Reads a crate's directory, or its metadata file; of a crate of others, its actions, files and collections.

    In a crate of others, ``data.csv`` and ``#run`` mean something in this crate alone: they get its digest before them.

    Raises:
        UsageError: RPK166, it cannot be read.
        CorruptBundleError: RPK167, it is no RO-Crate.
    """
    path = Path(source) / FILE if Path(source).is_dir() else Path(source)
    text = read_text(path, "an RO-Crate")
    document = parse_json(text, path, "an RO-Crate")
    lineage: Lineage = understood(
        lambda: Crate(document["@graph"], scope_of("ro-crate", text)).lineage(), path, "an RO-Crate"
    )
    return lineage
