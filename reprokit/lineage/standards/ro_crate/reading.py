"""A crate, ours or another's, as a lineage graph."""

from __future__ import annotations

from typing import Any

from reprokit.lineage.merging import normal
from reprokit.lineage.standards.naming import decoded, milliseconds, scoped, sha256_of
from reprokit.lineage.standards.ro_crate.terms import FILE, PREFIXES, STATUS
from reprokit.schema.lineage import Artifact, Association, Attribution, Context, Event, Execution, Lineage, Parent

_STATES = {status: state for state, status in STATUS.items()}
_ACTIONS = frozenset({"CreateAction", "ActivateAction", "UpdateAction"})
"""What a run may be in a Process Run Crate; ours are the first."""
_FILES = frozenset({"File", "MediaObject"})


class Crate:
    """The entities of one crate, by their names in it."""

    def __init__(self, graph: list[dict[str, Any]], scope: str) -> None:
        self._entities = {str(entity["@id"]): entity for entity in graph}
        self._scope = scope
        self._found = Lineage(
            artifacts=[], executions=[], contexts=[], events=[], attributions=[], associations=[], parents=[]
        )

    def lineage(self) -> Lineage:
        """The graph that it describes."""
        if FILE not in {name.rpartition("/")[2] for name in self._entities}:
            raise ValueError(f"it has no {FILE}")
        for name, entity in self._entities.items():
            kinds = _listed(entity.get("@type"))
            if name == "./" or name.startswith(("#tool-", FILE)):
                continue
            if _ACTIONS & set(kinds):
                self._read_run(name, entity)
            elif "Collection" in kinds:
                self._read_context(name, entity)
            elif {*_FILES, "Dataset"} & set(kinds):
                when = milliseconds(entity.get("dateCreated"))
                uri = str(entity.get("contentUrl", ""))
                self._found.artifacts.append(Artifact(**self._node(name, entity), uri=uri, created=when))
        return normal(self._found)

    def _read_run(self, name: str, entity: dict[str, Any]) -> None:
        if "additionalType" in entity or not name.startswith(PREFIXES["execution"]):
            status = entity.get("actionStatus", "")
            status = str(status.get("@id", "") if isinstance(status, dict) else status)
            state: Any = _STATES.get(status.rpartition("/")[2], "UNKNOWN")
            node = self._node(name, entity)
            node |= {"started": milliseconds(entity.get("startTime")), "ended": milliseconds(entity.get("endTime"))}
            self._found.executions.append(Execution(**node, state=state))
        kinds: tuple[tuple[str, Any], ...] = (("object", "INPUT"), ("result", "OUTPUT"))
        for key, kind in kinds:
            for other in _ends(entity, key):
                self._found.events.append(Event(artifact=self._id(other), execution=self._id(name), type=kind))

    def _read_context(self, name: str, entity: dict[str, Any]) -> None:
        own, found = self._id(name), self._found
        if "additionalType" in entity or not name.startswith(PREFIXES["context"]):
            found.contexts.append(Context(**self._node(name, entity)))
        for other in _ends(entity, "hasPart"):
            if other.startswith(PREFIXES["context"]):
                found.parents.append(Parent(child=self._id(other), parent=own))
            else:
                found.attributions.append(Attribution(context=own, artifact=self._id(other)))
        runs = [other for other in _ends(entity, "mentions") if other.startswith(PREFIXES["execution"])]
        found.associations.extend(Association(context=own, execution=self._id(other)) for other in runs)

    def _node(self, name: str, entity: dict[str, Any]) -> dict[str, Any]:
        others = _ends(entity, "additionalProperty")
        facts = [self._entities[other] for other in others if other in self._entities]
        nameless = entity.get("alternateName") == ""
        return {
            "id": self._id(name),
            "type": str(entity.get("additionalType") or _listed(entity.get("@type"))[0]),
            "name": "" if nameless else str(entity.get("name", "")),
            "properties": {str(fact["name"]): fact["value"] for fact in facts},
        }

    def _id(self, name: str) -> str:
        """An identifier: ours, a file's digest where the crate has it, a URI, or a name of this crate alone."""
        for prefix in PREFIXES.values():
            if name.startswith(prefix):
                return decoded(name.removeprefix(prefix).rstrip("/"))  # libraries end names of data sets with a slash
        entity = self._entities.get(name, {})
        digest = sha256_of(f"sha256:{entity.get('sha256')}") if _FILES & {*_listed(entity.get("@type"))} else ""
        return f"sha256:{digest}" if digest else scoped(name, self._scope)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _ends(entity: dict[str, Any], key: str) -> list[str]:
    return [str(one["@id"]) for one in _listed(entity.get(key)) if isinstance(one, dict)]
