"""Standard facets of datasets, from an artifact's properties.

Read are ``owner``, ``contact``, ``description``, ``licence`` and everything that begins with ``column.`` (its type)
or ``tag.``.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from openlineage.client.facet_v2 import (
    base_subset_dataset,
    dataset_version_dataset,
    datasource_dataset,
    documentation_dataset,
    ownership_dataset,
    schema_dataset,
    storage_dataset,
    tags_dataset,
)

from reprokit.lineage.standards.naming import PRODUCER, uri_of
from reprokit.lineage.standards.openlineage.runs import NAMESPACE

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from reprokit.schema.lineage import Artifact, Event, Properties

_FORMATS = {"jsonl": "json", "ndjson": "json", "tsv": "csv", "txt": "text"}
_KNOWN = frozenset({"parquet", "orc", "avro", "json", "csv", "text", "xml"})


def place_of(identifier: str, node: Artifact | None) -> tuple[str, str]:
    """Namespace and name of a dataset: where it lies, else its identifier.

    Source: https://openlineage.io/docs/spec/naming
    """
    uri = node.uri if node is not None else ""
    try:
        parts = urlsplit(uri)
    except ValueError:  # such as a half IPv6 address
        return NAMESPACE, identifier
    if parts.scheme == "file" and parts.path:
        return "file", unquote(parts.path)  # the path itself, as producers that know no URI of it write it
    if not parts.scheme and parts.path:
        return "file", uri
    if parts.scheme and parts.netloc and (key := f"{parts.path}{_rest(parts)}".strip("/")):
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", key
    return NAMESPACE, identifier


def _rest(parts: SplitResult) -> str:
    """What follows a path: an object's key may have a question mark or a hash, and is another one without."""
    return (f"?{parts.query}" if parts.query else "") + (f"#{parts.fragment}" if parts.fragment else "")


def facets_of(node: Artifact) -> dict[str, Any]:
    """The standard facets of a dataset."""
    facts = node.properties
    version = dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=node.id, producer=PRODUCER)
    facets: dict[str, Any] = {"version": version, **_texts(facts)}
    if node.uri:
        facets["dataSource"] = datasource_dataset.DatasourceDatasetFacet(
            name=place_of(node.id, node)[0], uri=uri_of(node.uri), producer=PRODUCER
        )
        facets["storage"] = storage_dataset.StorageDatasetFacet(
            storageLayer=place_of(node.id, node)[0].partition(":")[0], fileFormat=_format(node.uri), producer=PRODUCER
        )
    columns = _pairs(facts, "column.")
    if columns:
        fields = [
            schema_dataset.SchemaDatasetFacetFields(name=name, type=kind, ordinal_position=at)
            for at, (name, kind) in enumerate(columns.items(), 1)
        ]
        facets["schema"] = schema_dataset.SchemaDatasetFacet(fields=fields, producer=PRODUCER)
    return facets


def _texts(facts: Properties) -> dict[str, Any]:
    facets: dict[str, Any] = {}
    owners = [
        ownership_dataset.Owner(name=str(facts[name]), type=kind)
        for name, kind in (("owner", "OWNER"), ("contact", "CONTACT"))
        if name in facts
    ]
    if owners:
        facets["ownership"] = ownership_dataset.OwnershipDatasetFacet(owners=owners, producer=PRODUCER)
    if "description" in facts:
        facets["documentation"] = documentation_dataset.DocumentationDatasetFacet(
            description=str(facts["description"]), contentType="text/plain", producer=PRODUCER
        )
    tags = _pairs(facts, "tag.") | ({"licence": str(facts["licence"])} if "licence" in facts else {})
    if tags:
        said = [
            tags_dataset.TagsDatasetFacetFields(key=key, value=text, source="REPROKIT") for key, text in tags.items()
        ]
        facets["tags"] = tags_dataset.TagsDatasetFacet(tags=said, producer=PRODUCER)
    return facets


def subset_of(events: list[Event], *, inputs: bool) -> dict[str, Any]:
    """The part of a dataset that a run used or made: the places that its events name."""
    places = sorted({"/".join(map(str, event.path)) for event in events if event.path})
    if not places:
        return {}
    condition = base_subset_dataset.LocationSubsetCondition(locations=places)
    if inputs:
        return {"subset": base_subset_dataset.InputSubsetInputDatasetFacet(inputCondition=condition, producer=PRODUCER)}
    return {"subset": base_subset_dataset.OutputSubsetOutputDatasetFacet(outputCondition=condition, producer=PRODUCER)}


def _pairs(facts: Properties, prefix: str) -> dict[str, str]:
    return {name.removeprefix(prefix): str(value) for name, value in facts.items() if name.startswith(prefix)}


def _format(uri: str) -> str | None:
    suffix = PurePosixPath(uri.partition("?")[0]).suffix.lower().lstrip(".")
    found = _FORMATS.get(suffix, suffix)
    return found if found in _KNOWN else None
