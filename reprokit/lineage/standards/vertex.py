"""Vertex ML Metadata: the resources of its REST interface as JSON, with the ``system.*`` schemas.

The file holds what the methods of a metadata store take and give: artifacts, executions, contexts, events and the
members of contexts. Its names lie in ``projects/-/locations/-/metadataStores/default``; put your own there to send it.
Source: https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.metadataStores
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from reprokit.lineage.merging import normal
from reprokit.lineage.standards.files import parse_json, read_text, understood, write_json
from reprokit.lineage.standards.naming import milliseconds, moment, stamp
from reprokit.schema.lineage import Artifact, Association, Attribution, Context, Event, Execution, Lineage, Parent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reprokit.schema.lineage import Properties

TITLE = "Vertex ML Metadata (REST v1, system schemas 0.0.1)"
EXTRA = ""
LOSES = (
    "Under which path a run used or made an artifact, and whether it was declared, internal or pending.",
    "When, where a date cannot say it: after the year 9999.",
    "Properties whose names begin with `reprokit_`, which hold what the resources have no field for.",
)
UNREAD: tuple[str, ...] = ("Labels, descriptions and the times of the last changes.",)
STORE = "projects/-/locations/-/metadataStores/default"
_OWN = "reprokit_"
_LONGEST_NAME = 128
_VERSION = "0.0.1"
_TITLES = {
    "Model": "system.Model", "DatasetManifest": "system.Dataset", "Verdict": "system.Metrics", "Run": "system.Run",
    "Replay": "system.Run", "Preprocessing": "system.Run", "Experiment": "system.Experiment",
    "Pipeline": "system.Pipeline",
}  # fmt: skip
_PLAIN = {"artifacts": "system.Artifact", "executions": "system.ContainerExecution", "contexts": "system.Experiment"}
_WHAT = "a file of Vertex ML Metadata's resources"


def carried(lineage: Lineage) -> Lineage:
    """Without what `LOSES` names."""
    lineage = normal(lineage)
    kept: dict[str, Any] = {
        name: [node.model_copy(update={"properties": _sayable(node.properties)}) for node in getattr(lineage, name)]
        for name in _PLAIN
    }
    kept["events"] = [_carried_event(event) for event in lineage.events]
    return normal(lineage.model_copy(update=kept))


def _carried_event(event: Event) -> Event:
    time = event.time if moment(event.time) else 0
    return Event(
        artifact=event.artifact, execution=event.execution, type="INPUT" if event.is_input else "OUTPUT", time=time
    )


def write(lineage: Lineage, target: str) -> list[str]:
    """Writes a JSON file.

    Raises:
        UsageError: RPK166, it cannot be written.
    """
    return [write_json(target, resources(carried(lineage)))]


def resources(lineage: Lineage) -> dict[str, Any]:
    """The resources, by their kinds."""
    members: dict[str, dict[str, Any]] = {}
    for attribution in lineage.attributions:
        _members(members, attribution.context)["artifacts"].append(_name("artifacts", attribution.artifact))
    for association in lineage.associations:
        _members(members, association.context)["executions"].append(_name("executions", association.execution))
    parents: dict[str, list[str]] = {}
    for link in lineage.parents:
        parents.setdefault(link.child, []).append(_name("contexts", link.parent))
    known = {node.id for node in lineage.contexts}
    return {
        "artifacts": [_artifact(node) for node in lineage.artifacts],
        "executions": [_execution(node) for node in lineage.executions],
        "contexts": [
            {**_node("contexts", node), **({"parentContexts": parents[node.id]} if node.id in parents else {})}
            for node in lineage.contexts
        ],
        "events": [_event(event) for event in lineage.events],
        "contextMembers": [members[context] for context in sorted(members)],
        # names of nodes that nothing describes, which no resource can say
        "reprokit": {
            "names": _names(lineage),
            "parents": [[link.child, link.parent] for link in lineage.parents if link.child not in known],
        },
    }


def _names(lineage: Lineage) -> dict[str, str]:
    """What each resource's name stands for, of ends that have no resource of their own."""
    from reprokit.lineage.graph import referred

    described: tuple[Sequence[Artifact | Execution | Context], ...] = (
        lineage.artifacts,
        lineage.executions,
        lineage.contexts,
    )
    found: dict[str, str] = {}
    for kind, ids, nodes in zip(_PLAIN, referred(lineage), described, strict=True):
        found |= {_name(kind, key): key for key in sorted(ids - {node.id for node in nodes})}
    return found


def _name(kind: str, key: str) -> str:
    """A resource's name; its last part may have 128 small letters, digits and hyphens."""
    return f"{STORE}/{kind}/reprokit-{hashlib.sha256(key.encode()).hexdigest()[:40]}"


def _members(members: dict[str, dict[str, Any]], context: str) -> dict[str, Any]:
    return members.setdefault(context, {"context": _name("contexts", context), "artifacts": [], "executions": []})


def _sayable(properties: Properties) -> Properties:
    return {name: value for name, value in properties.items() if not name.startswith(_OWN)}


def _node(kind: str, node: Artifact | Execution | Context, **own: Any) -> dict[str, Any]:
    metadata = {**_sayable(node.properties), f"{_OWN}id": node.id, f"{_OWN}type": node.type}
    if len(node.name) > _LONGEST_NAME:
        metadata[f"{_OWN}name"] = node.name
    return {
        "name": _name(kind, node.id), "displayName": node.name[:_LONGEST_NAME],
        "schemaTitle": _TITLES.get(node.type, _PLAIN[kind]), "schemaVersion": _VERSION,
        "metadata": metadata | {f"{_OWN}{name}": value for name, value in own.items()},
    }  # fmt: skip


def _artifact(node: Artifact) -> dict[str, Any]:
    state = node.state if node.state in ("PENDING", "LIVE") else "STATE_UNSPECIFIED"
    times = {"createTime": stamp(node.created)} if moment(node.created) else {}
    return {
        **_node("artifacts", node, state=node.state, created=node.created),
        "uri": node.uri,
        "state": state,
        **times,
    }


def _execution(node: Execution) -> dict[str, Any]:
    state = {"UNKNOWN": "STATE_UNSPECIFIED", "CANCELED": "CANCELLED"}.get(node.state, node.state)
    times = {"createTime": stamp(node.started)} if moment(node.started) else {}
    own = {"state": node.state, "started": node.started, "ended": node.ended}
    return {**_node("executions", node, **own), "state": state, **times}


def _event(event: Event) -> dict[str, Any]:
    times = {"eventTime": stamp(event.time)} if event.time else {}
    return {"artifact": _name("artifacts", event.artifact), "execution": _name("executions", event.execution),
            "type": event.type, **times}  # fmt: skip


def read(source: str) -> Lineage:
    """Reads a JSON file of resources; those that reprokit did not write are known by their names.

    Raises:
        UsageError: RPK166, it cannot be read.
        CorruptBundleError: RPK167, it is no such file.
    """
    found = parse_json(read_text(source, _WHAT), source, _WHAT)
    lineage: Lineage = understood(lambda: _lineage_of(found), source, _WHAT)
    return lineage


def _lineage_of(found: dict[str, Any]) -> Lineage:
    own = found.get("reprokit") or {}
    ids: dict[str, str] = dict(own.get("names") or {})
    for kind in _PLAIN:
        ids |= {one["name"]: (one.get("metadata") or {}).get(f"{_OWN}id", one["name"]) for one in found.get(kind, [])}
    members = found.get("contextMembers", [])
    parents = [
        Parent(child=ids[one["name"]], parent=ids.get(parent, parent))
        for one in found.get("contexts", []) for parent in one.get("parentContexts", [])
    ]  # fmt: skip
    return normal(Lineage(
        artifacts=[_read_artifact(one) for one in found.get("artifacts", [])],
        executions=[_read_execution(one) for one in found.get("executions", [])],
        contexts=[Context(**_read_node(one)[0]) for one in found.get("contexts", [])],
        events=[Event(
            artifact=ids.get(one["artifact"], one["artifact"]), execution=ids.get(one["execution"], one["execution"]),
            type=one["type"], time=milliseconds(one.get("eventTime")),
        ) for one in found.get("events", [])],
        attributions=[Attribution(context=ids.get(one["context"], one["context"]), artifact=ids.get(name, name))
                      for one in members for name in one.get("artifacts", [])],
        associations=[Association(context=ids.get(one["context"], one["context"]), execution=ids.get(name, name))
                      for one in members for name in one.get("executions", [])],
        parents=[*parents, *(Parent(child=child, parent=parent) for child, parent in own.get("parents") or [])],
    ))  # fmt: skip


def _read_node(one: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What all nodes share, and our own facts beside it."""
    metadata = one.get("metadata") or {}
    own = {name.removeprefix(_OWN): value for name, value in metadata.items() if name.startswith(_OWN)}
    plain = {name: _scalar(value) for name, value in metadata.items() if not name.startswith(_OWN)}
    shared = {
        "id": own.get("id", one["name"]), "type": own.get("type", one.get("schemaTitle") or "Unknown"),
        "name": own.get("name", one.get("displayName", "")),
        "properties": {name: value for name, value in plain.items() if value is not None},
    }  # fmt: skip
    return shared, own


def _read_artifact(one: dict[str, Any]) -> Artifact:
    shared, own = _read_node(one)
    theirs = {"PENDING": "PENDING", "LIVE": "LIVE"}.get(str(one.get("state")), "UNKNOWN")
    created = int(own.get("created", milliseconds(one.get("createTime"))))
    return Artifact.model_validate({**shared, "uri": one.get("uri", ""), "state": own.get("state", theirs),
                                    "created": created})  # fmt: skip


def _read_execution(one: dict[str, Any]) -> Execution:
    shared, own = _read_node(one)
    theirs = {"STATE_UNSPECIFIED": "UNKNOWN", "CANCELLED": "CANCELED"}.get(str(one.get("state")), one.get("state"))
    started = int(own.get("started", milliseconds(one.get("createTime"))))
    return Execution.model_validate({**shared, "state": own.get("state", theirs or "UNKNOWN"), "started": started,
                                     "ended": int(own.get("ended", 0))})  # fmt: skip


def _scalar(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | float | bool) else json.dumps(value, sort_keys=True)
