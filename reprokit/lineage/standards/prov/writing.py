"""A lineage graph as a PROV document."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from prov import model

from reprokit.digest import sha256_bytes
from reprokit.lineage.standards.naming import encoded, moment
from reprokit.lineage.standards.prov.terms import AGENT, NODES, PROPERTIES, TERMS
from reprokit.schema.base import plain_numbers

if TYPE_CHECKING:
    from reprokit.schema.lineage import Event, Lineage, Node

_SPACES = {name: model.Namespace(name, uri) for name, uri in NODES.items()}
_SPACES |= {"rk": model.Namespace("rk", TERMS), "property": model.Namespace("property", PROPERTIES)}


def document(lineage: Lineage) -> Any:
    """A document with one bundle, which holds the graph, and with the statement that reprokit made it."""
    whole = model.ProvDocument()
    for space in (*_SPACES.values(), model.Namespace("agent", AGENT.removesuffix("reprokit"))):
        whole.add_namespace(space)
    content = json.dumps(plain_numbers(lineage.model_dump(mode="json")), sort_keys=True).encode()
    name = _SPACES["graph"]["g" + _short(content)]
    agent = model.Namespace("agent", AGENT.removesuffix("reprokit"))["reprokit"]
    whole.agent(agent, {model.PROV_TYPE: model.PROV["SoftwareAgent"]})
    whole.entity(name, {model.PROV_TYPE: model.PROV["Bundle"]})
    whole.wasAttributedTo(name, agent)
    _fill(whole.bundle(name), lineage)
    return whole


def _fill(bundle: Any, lineage: Lineage) -> None:
    for artifact in lineage.artifacts:
        more = _known({"state": artifact.state, "created": artifact.created})
        location = [(model.PROV_LOCATION, artifact.uri)] if artifact.uri else []
        bundle.entity(_name("artifact", artifact.id), [*_facts(artifact), *location, *more])
    for run in lineage.executions:
        more = _known({"state": run.state, "started": _beyond(run.started), "ended": _beyond(run.ended)})
        bundle.activity(
            _name("execution", run.id), moment(run.started), moment(run.ended), [*_facts(run), *more]
        )  # fmt: skip
    for context in lineage.contexts:
        kind = [(model.PROV_TYPE, model.PROV["Collection"])]
        bundle.entity(_name("context", context.id), [*kind, *_facts(context)])
    for event in lineage.events:
        _event(bundle, event)
    for held in lineage.attributions:
        bundle.hadMember(_name("context", held.context), _name("artifact", held.artifact))
    for inner in lineage.parents:
        bundle.hadMember(_name("context", inner.parent), _name("context", inner.child))
    for link in lineage.associations:
        run, context_of = _name("execution", link.execution), _name("context", link.context)
        bundle.wasInfluencedBy(run, context_of, _link("association", link.execution, link.context))


def _event(bundle: Any, event: Event) -> None:
    run, artifact = _name("execution", event.execution), _name("artifact", event.artifact)
    more = _known(
        {"event": event.type, "path": json.dumps(event.path) if event.path else "", "time": _beyond(event.time)}
    )
    name = _link(event.execution, event.artifact, event.type, json.dumps(event.path), str(event.time))
    if event.is_input:
        bundle.used(run, artifact, moment(event.time), identifier=name, other_attributes=more)
    else:
        bundle.wasGeneratedBy(artifact, run, moment(event.time), identifier=name, other_attributes=more)


def _facts(node: Node) -> list[tuple[Any, Any]]:
    label = [(model.PROV_LABEL, node.name)] if node.name else []
    own = [(_SPACES["property"][encoded(key)], value) for key, value in node.properties.items()]
    return [(model.PROV_TYPE, node.type), *label, *own]


def _known(facts: dict[str, str | int]) -> list[tuple[Any, Any]]:
    return [(_SPACES["rk"][name], value) for name, value in facts.items() if value]


def _beyond(milliseconds: int) -> int:
    """A time that a date cannot say, else 0."""
    return 0 if moment(milliseconds) else milliseconds


def _name(kind: str, identifier: str) -> Any:
    return _SPACES[kind][encoded(identifier)]


def _link(*ends: str) -> Any:
    """A name that the same link has in every document, so that documents can be merged."""
    return _SPACES["event"]["e" + _short(json.dumps(ends).encode())]


def _short(content: bytes) -> str:
    return sha256_bytes(content).rpartition(":")[2][:32]
