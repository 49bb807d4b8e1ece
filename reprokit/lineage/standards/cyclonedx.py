"""CycloneDX 1.6 as an ML-BOM, in JSON: artifacts are components, runs are workflows of the formulation.

A model's card names the data that it was trained on and the metrics of the run that made it.
Source: https://cyclonedx.org/docs/1.6/json/
"""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from reprokit import __version__
from reprokit.lineage.merging import normal
from reprokit.lineage.standards.carrying import without_contexts
from reprokit.lineage.standards.files import parse_json, read_text, text_of, understood, value_of, write_json
from reprokit.lineage.standards.licences import spdx_expression, spdx_name
from reprokit.lineage.standards.naming import PRODUCER, content_of, moment, scope_of, stamp, uri_of
from reprokit.schema.lineage import Artifact, Event, Execution, Lineage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TITLE = "CycloneDX 1.6 ML-BOM"
EXTRA = ""
LOSES: tuple[str, ...] = ("Contexts: a bill of materials is about one product.",)
ASIDE: tuple[str, ...] = (
    "Types, states, properties, and the types, paths and times of events: CycloneDX `properties` named `reprokit:…`.",
)
UNREAD: tuple[str, ...] = (
    "Dependencies, licences, model cards, services and workflows; of components all but name, version and one digest.",
)
_COMPONENTS = {"Model": "machine-learning-model", "DatasetManifest": "data", "OptOutList": "data"}
_TYPES = {"machine-learning-model": "Model", "data": "Data"}
_NO_DATA = frozenset({"Model", "Bundle", "Verdict", "OptOutList"})
_TASKS = {"Replay": "test", "Preprocessing": "other"}


def carried(lineage: Lineage) -> Lineage:
    """Everything but contexts."""
    return normal(without_contexts(lineage))


def write(lineage: Lineage, target: str) -> list[str]:
    """Writes one bill of materials.

    Raises:
        UsageError: RPK166, it cannot be written.
    """
    return [write_json(target, document(lineage))]


def document(lineage: Lineage) -> dict[str, Any]:
    """The bill of materials."""
    lineage = normal(lineage)
    events: dict[str, list[Event]] = defaultdict(list)
    for event in lineage.events:
        events[event.execution].append(event)
    artifacts: dict[str, Artifact | None] = dict.fromkeys(event.artifact for event in lineage.events)
    artifacts |= {node.id: node for node in lineage.artifacts}
    runs: dict[str, Execution | None] = dict.fromkeys(events)
    runs |= {node.id: node for node in lineage.executions}
    sources = _sources(lineage, artifacts)
    components = [_component(name, artifacts, sources, runs) for name in sorted(artifacts)]
    workflows = [_workflow(name, runs[name], events[name]) for name in sorted(runs)]
    used = {name: sorted({_ref("artifact", one) for _, ends in sources[name] for one in ends}) for name in sources}
    content = json.dumps([components, workflows], sort_keys=True)
    models = [one for one in components if one["type"] == "machine-learning-model"]
    dependencies = [{"ref": _ref("artifact", name), "dependsOn": used[name]} for name in sorted(used)]
    about: dict[str, Any] = {}
    if len(models) == 1:  # the bill's own product, and where the tree of dependencies begins
        about["component"] = {**models[0], "bom-ref": "subject"}
        dependencies.append({"ref": "subject", "dependsOn": [models[0]["bom-ref"]]})
    if latest := max((time for time in _times(lineage) if moment(time)), default=0):
        about["timestamp"] = stamp(latest)
    tool = {"type": "application", "name": "reprokit", "version": __version__}
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": uuid.uuid5(uuid.NAMESPACE_URL, f"{PRODUCER}#{content}").urn,
        "version": 1,
        "metadata": {"tools": {"components": [tool]}, **about},
        "components": components,
        "dependencies": dependencies,
        **({"formulation": [{"bom-ref": "formulation", "workflows": workflows}]} if workflows else {}),
    }


def _times(lineage: Lineage) -> Iterable[int]:
    """What the bill tells is as new as the newest of these; the hour of writing would make two bills of one graph."""
    yield from (node.created for node in lineage.artifacts)
    yield from (node.ended for node in lineage.executions)


def _sources(lineage: Lineage, artifacts: Iterable[str]) -> dict[str, list[tuple[str, list[str]]]]:
    """Of each artifact, the runs that made it with what they used."""
    used: dict[str, list[str]] = defaultdict(list)
    for event in lineage.events:
        if event.is_input and event.artifact not in used[event.execution]:
            used[event.execution].append(event.artifact)
    made: dict[str, list[tuple[str, list[str]]]] = {name: [] for name in artifacts}
    for run, artifact in sorted({(e.execution, e.artifact) for e in lineage.events if not e.is_input}):
        made[artifact].append((run, [one for one in used[run] if one != artifact]))
    return made


def _component(
    name: str,
    artifacts: dict[str, Artifact | None],
    sources: dict[str, list[tuple[str, list[str]]]],
    runs: dict[str, Execution | None],
) -> dict[str, Any]:
    node = artifacts[name]
    kind = _COMPONENTS.get(node.type, "file") if node else "file"
    component: dict[str, Any] = {"type": kind, "bom-ref": _ref("artifact", name), "name": name}
    digest = content_of(name, node.type if node else "")
    component |= {"hashes": [{"alg": "SHA-256", "content": digest}]} if digest else {}
    if node is None:
        return component | {"properties": _named({"id": name})}
    facts = node.properties
    component["name"] = node.name or name
    component |= {"description": str(facts["description"])} if "description" in facts else {}
    component |= {"licenses": [_licence(str(facts["licence"]))]} if facts.get("licence") else {}
    if node.uri:
        component["externalReferences"] = [{"type": "distribution", "url": uri_of(node.uri)}]
    if kind == "data":
        data: dict[str, Any] = {"type": "dataset", "name": node.name or name}
        data |= {"contents": {"url": uri_of(node.uri)}} if node.uri else {}
        component["data"] = [data]
    if kind == "machine-learning-model":
        component["modelCard"] = _card(sources[name], artifacts, runs)
        component |= _pedigree(sources[name], artifacts)
    own = {"id": name, "type": node.type, "name": node.name, "uri": node.uri, "state": node.state}
    return component | {"properties": [*_named(own | {"created": node.created}), *_facts(node)]}


def _licence(text: str) -> dict[str, Any]:
    """SPDX's name or expression; of anything else the text."""
    if name := spdx_name(text):
        return {"license": {"id": name}}
    return {"expression": expression} if (expression := spdx_expression(text)) else {"license": {"name": text}}


def _is_data(node: Artifact | None) -> bool:
    """Whether a run that trained used it as data: it is neither code nor a model, and no one's list or verdict."""
    return node is None or (node.type not in _NO_DATA and node.properties.get("role") != "code")


def _pedigree(made: list[tuple[str, list[str]]], artifacts: dict[str, Artifact | None]) -> dict[str, Any]:
    """The models that a model was made of: a checkpoint, a base model, a teacher."""
    ancestors = []
    for name in sorted({one for _, ends in made for one in ends}):
        node = artifacts[name]
        if node is not None and node.type == "Model":
            digest = content_of(name, node.type)
            hashes = {"hashes": [{"alg": "SHA-256", "content": digest}]} if digest else {}
            ancestors.append({"type": "machine-learning-model", "name": node.name or name, **hashes})
    return {"pedigree": {"ancestors": ancestors}} if ancestors else {}


def _card(
    made: list[tuple[str, list[str]]], artifacts: dict[str, Artifact | None], runs: dict[str, Execution | None]
) -> dict[str, Any]:
    """Which data a model was trained on, and what its run measured."""
    used = sorted({one for _, ends in made for one in ends if _is_data(artifacts[one])})
    facts = [item for run, _ in made if (known := runs[run]) for item in known.properties.items()]
    metrics = [{"type": name.removeprefix("metric."), "value": str(value)} for name, value in facts
               if name.startswith("metric.")]  # fmt: skip
    card: dict[str, Any] = {"modelParameters": {"datasets": [{"ref": _ref("artifact", one)} for one in used]}}
    return card | ({"quantitativeAnalysis": {"performanceMetrics": metrics}} if metrics else {})


def _workflow(name: str, run: Execution | None, events: list[Event]) -> dict[str, Any]:
    used = sorted({event.artifact for event in events if event.is_input})
    made = sorted({event.artifact for event in events if not event.is_input})
    kind = _TASKS.get(run.type, "build") if run else "other"
    workflow: dict[str, Any] = {"bom-ref": _ref("execution", name), "uid": name, "taskTypes": [kind]}
    workflow |= {"inputs": [{"resource": {"ref": _ref("artifact", one)}} for one in used]} if used else {}
    if made:
        workflow["outputs"] = [{"type": "artifact", "resource": {"ref": _ref("artifact", one)}} for one in made]
    own: dict[str, Any] = {"id": name}
    facts = []
    if run is not None:
        workflow |= {"name": run.name} if run.name else {}
        workflow |= {"description": str(run.properties["command"])} if "command" in run.properties else {}
        workflow |= {"timeStart": stamp(run.started)} if moment(run.started) else {}
        workflow |= {"timeEnd": stamp(run.ended)} if moment(run.ended) else {}
        own |= {"type": run.type, "name": run.name, "state": run.state, "started": run.started, "ended": run.ended}
        facts = _facts(run)
    told = [{"name": "reprokit:event", "value": json.dumps([e.artifact, e.type, e.path, e.time])} for e in events]
    return workflow | {"properties": [*_named(own), *facts, *told]}


def _ref(kind: str, name: str) -> str:
    return f"{kind}:{name}"


def _named(facts: dict[str, Any]) -> list[dict[str, str]]:
    return [{"name": f"reprokit:{name}", "value": text_of(value)} for name, value in facts.items()]


def _facts(node: Artifact | Execution) -> list[dict[str, str]]:
    return [{"name": f"reprokit:property:{key}", "value": text_of(value)} for key, value in node.properties.items()]


def read(source: str) -> Lineage:
    """Reads a bill of materials; of those of others, the components.

    Raises:
        UsageError: RPK166, it cannot be read.
        CorruptBundleError: RPK167, it is no CycloneDX in JSON.
    """
    found = parse_json(read_text(source, "CycloneDX"), source, "CycloneDX")
    lineage: Lineage = understood(lambda: _lineage_of(found), source, "CycloneDX")
    return lineage


def _lineage_of(found: dict[str, Any]) -> Lineage:
    if found["bomFormat"] != "CycloneDX":
        raise ValueError("bomFormat is not CycloneDX")
    scope = _scope(found)
    told = [(found.get("metadata") or {}).get("component") or {}, *(found.get("components") or [])]
    artifacts = [node for one in told for component in _with_inner(one) if (node := _artifact_of(component, scope))]
    executions, events = [], []
    for formula in found.get("formulation") or []:
        for workflow in formula.get("workflows") or []:
            own, facts = _read_properties(workflow)
            if "type" in own:
                executions.append(Execution.model_validate({**own, "properties": facts}))
            for one in workflow.get("properties") or []:
                if one["name"] == "reprokit:event":
                    artifact, kind, path, time = json.loads(one["value"])
                    events.append(Event(artifact=artifact, execution=own["id"], type=kind, path=tuple(path), time=time))
    return normal(Lineage(artifacts=artifacts, executions=executions, events=events))


def _with_inner(component: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A component, and those that it is put together of."""
    if component:
        yield component
    for one in component.get("components") or []:
        yield from _with_inner(one)


def _scope(found: dict[str, Any]) -> str:
    """What stands before a bill's own names: a BOM-Link, or its digest where it has no serial number.

    Source: https://cyclonedx.org/capabilities/bomlink
    """
    serial = str(found.get("serialNumber") or "").removeprefix("urn:uuid:")
    return f"urn:cdx:{serial}/{found.get('version', 1)}" if serial else scope_of("cyclonedx", json.dumps(found))


def _artifact_of(component: dict[str, Any], scope: str) -> Artifact | None:
    own, facts = _read_properties(component)
    if own:
        return Artifact.model_validate({**own, "properties": facts}) if "type" in own else None
    digests = [one["content"] for one in component.get("hashes") or [] if one["alg"] == "SHA-256"]
    local = str(component.get("bom-ref") or component["name"])  # means something in this bill alone
    local = local if local.startswith(("pkg:", "urn:")) else f"{scope}#{local}"
    identifier = f"sha256:{digests[0].lower()}" if digests else component.get("purl") or local
    kind = str(component["type"])
    facts = {"version": str(component["version"])} if "version" in component else {}
    return Artifact(
        id=str(identifier),
        type=_TYPES.get(kind, kind),
        name=str(component["name"]),
        properties=facts,
    )


def _read_properties(thing: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    own: dict[str, Any] = {}
    facts: dict[str, Any] = {}
    for one in thing.get("properties") or []:
        name = str(one["name"])
        if name.startswith("reprokit:property:"):
            facts[name.removeprefix("reprokit:property:")] = value_of(one["value"])
        elif name.startswith("reprokit:") and name != "reprokit:event":
            own[name.removeprefix("reprokit:")] = value_of(one["value"])
    return own, facts
