"""A PROV document, ours or another's, as a lineage graph.

Of another's, an entity is an artifact, an activity an execution, and an agent or a collection a context; the full URI
is the identifier. A derivation that names no activity gets an execution of its own, of the type ``Derivation``,
and a communication of two activities an artifact of the type ``Communication``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from prov import model

from reprokit.lineage.merging import merge
from reprokit.lineage.standards.naming import decoded, milliseconds
from reprokit.lineage.standards.prov.terms import AGENT, NODES, PROPERTIES, TERMS
from reprokit.schema.lineage import Artifact, Association, Attribution, Context, Event, Execution, Lineage, Parent

if TYPE_CHECKING:
    from collections.abc import Iterator

_OURS = tuple(NODES.values())


def lineage_of(document: Any) -> Lineage:
    """The graph in a document and in all its bundles.

    Raises:
        ValueError: a value is not of the kind that its attribute asks for.
    """
    records = [*document.get_records(), *(record for bundle in document.bundles for record in bundle.get_records())]
    contexts = _contexts(records)
    return merge(part for record in records for part in _parts(record, contexts))


def _contexts(records: list[Any]) -> set[str]:
    """URIs of what groups others: agents, collections, and ours."""
    found = {_uri(record.identifier) for record in records if isinstance(record, model.ProvAgent)}
    for record in records:
        if isinstance(record, model.ProvEntity) and model.PROV["Collection"] in record.get_asserted_types():
            found.add(_uri(record.identifier))
        if isinstance(record, model.ProvMembership):
            found.add(_uri(record.args[0]))
    return found


def _parts(record: Any, contexts: set[str]) -> Iterator[Lineage]:
    if isinstance(record, model.ProvElement):
        yield from _node(record, contexts)
        return
    ends = [_uri(value) if isinstance(value, model.QualifiedName) else "" for value in record.args]
    known = _extras(record)
    kinds: list[tuple[type[Any], int, int]] = [(model.ProvUsage, 0, 1), (model.ProvGeneration, 1, 0)]
    for kind, run, artifact in kinds:
        if isinstance(record, kind) and ends[run] and ends[artifact]:
            default = "INPUT" if kind is model.ProvUsage else "OUTPUT"
            yield Lineage(events=[_event(record, ends[run], ends[artifact], default)])
    if isinstance(record, model.ProvMembership) and ends[0] and ends[1]:
        if ends[1] in contexts or ends[1].startswith(NODES["context"]):
            yield Lineage(parents=[Parent(child=_id(ends[1]), parent=_id(ends[0]))])
        else:
            yield Lineage(attributions=[Attribution(context=_id(ends[0]), artifact=_id(ends[1]))])
    elif isinstance(record, model.ProvAssociation) and ends[0] and ends[1]:
        yield Lineage(associations=[Association(execution=_id(ends[0]), context=_id(ends[1]))])
    elif isinstance(record, model.ProvAttribution) and ends[0] and ends[1] and ends[1] != AGENT:
        yield Lineage(attributions=[Attribution(artifact=_id(ends[0]), context=_id(ends[1]))])
    elif type(record) is model.ProvInfluence and ends[1].startswith(NODES["context"]):
        yield Lineage(associations=[Association(execution=_id(ends[0]), context=_id(ends[1]))])
    elif isinstance(record, model.ProvDerivation | model.ProvCommunication) and ends[0] and ends[1]:
        told = isinstance(record, model.ProvCommunication)
        yield _communication(ends[0], ends[1]) if told else _derivation(ends, known)


def _node(record: Any, contexts: set[str]) -> Iterator[Lineage]:
    uri = _uri(record.identifier)
    if uri == AGENT or uri.startswith(NODES["graph"]):
        return  # what the document says of itself
    known = _extras(record)
    facts: dict[str, Any] = {
        "id": _id(uri),
        "type": _type(record),
        "name": next((str(_plain(value)) for value in record.get_attribute(model.PROV_LABEL)), ""),
        "properties": _properties(record),
    }
    if isinstance(record, model.ProvActivity):
        times = {"started": record.get_startTime(), "ended": record.get_endTime()}
        facts |= {name: int(known.get(name, milliseconds(when))) for name, when in times.items()}
        yield Lineage(executions=[Execution(**facts, state=known.get("state", "COMPLETE"))])
    elif uri in contexts or uri.startswith(NODES["context"]):
        yield Lineage(contexts=[Context(**facts)])
    else:
        place = next((str(_plain(value)) for value in record.get_attribute(model.PROV_LOCATION)), "")
        more = {"state": known.get("state", "LIVE"), "created": int(known.get("created", 0))}
        yield Lineage(artifacts=[Artifact(**facts, uri=place, **more)])


def _event(record: Any, run: str, artifact: str, default: str) -> Event:
    known = _extras(record)
    kind: Any = known.get("event", default)
    path: Any = tuple(json.loads(known.get("path", "[]")))
    time = int(known.get("time", milliseconds(record.args[2])))
    return Event(execution=_id(run), artifact=_id(artifact), type=kind, path=path, time=time)


def _derivation(ends: list[str], known: dict[str, Any]) -> Lineage:
    made, used = ends[0], ends[1]
    activity = ends[2] if len(ends) > 2 else ""
    run = _id(activity) if activity else f"urn:reprokit:derivation:{made}:{used}"
    nodes = [] if activity else [Execution(id=run, type="Derivation", state=known.get("state", "COMPLETE"))]
    events = [
        Event(execution=run, artifact=_id(used), type="INPUT"),
        Event(execution=run, artifact=_id(made), type="OUTPUT"),
    ]
    return Lineage(executions=nodes, events=events)


def _communication(informed: str, informant: str) -> Lineage:
    """One activity used something that another one made, and nothing says what: it gets an artifact of its own."""
    node = f"urn:reprokit:communication:{informant}:{informed}"
    return Lineage(
        artifacts=[Artifact(id=node, type="Communication")],
        events=[
            Event(execution=_id(informant), artifact=node, type="OUTPUT"),
            Event(execution=_id(informed), artifact=node, type="INPUT"),
        ],
    )


def _type(record: Any) -> str:
    """The type that a document gives as a text, or the last part of its name, or what PROV calls such a thing."""
    names = sorted(record.get_asserted_types() or (), key=str)
    texts = [_plain(name) for name in names if not isinstance(name, model.QualifiedName)]
    others = [name.localpart for name in names if isinstance(name, model.QualifiedName)]
    found = [*map(str, texts), *others, str(record.get_type().localpart)]
    return str(next(name for name in found if name))


def _properties(record: Any) -> dict[str, Any]:
    ours = _uri(record.identifier).startswith(_OURS)
    found = {}
    for name, value in record.extra_attributes:
        uri = _uri(name)
        if uri.startswith(PROPERTIES):
            found[decoded(uri.removeprefix(PROPERTIES))] = _plain(value)
        elif not ours and not uri.startswith(model.PROV.uri):
            found[uri] = _plain(value)
    return found


def _extras(record: Any) -> dict[str, Any]:
    """Attributes of reprokit's own namespace."""
    return {
        _uri(name).removeprefix(TERMS): _plain(value)
        for name, value in record.extra_attributes
        if _uri(name).startswith(TERMS)
    }


def _plain(value: Any) -> str | int | float | bool:
    if isinstance(value, model.Literal):
        text = str(value.value)
        if value.datatype in {model.XSD["integer"], model.XSD["long"], model.XSD["int"]}:
            return int(text)
        if value.datatype in {model.XSD["double"], model.XSD["float"], model.XSD["decimal"]}:
            return float(text)
        return {"true": True, "false": False}.get(text, text) if value.datatype == model.XSD["boolean"] else text
    return value if isinstance(value, str | int | float | bool) else str(value)


def _uri(name: Any) -> str:
    """The URI of a qualified name; an unnamed thing has none."""
    return str(name.uri) if isinstance(name, model.Identifier) else ""


def _id(uri: str) -> str:
    for prefix in _OURS:
        if uri.startswith(prefix):
            return decoded(uri.removeprefix(prefix))
    return uri
