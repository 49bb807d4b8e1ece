"""Croissant 1.0 with RAI 1.0: one document a dataset manifest.

A manifest's own document, where it is given, brings files, columns, licence and what Responsible AI asks for;
otherwise the artifact's properties say what they can.
Source: https://docs.mlcommons.org/croissant/docs/croissant-spec-1.0.html
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reprokit.errors import UsageError
from reprokit.lineage.merging import merge
from reprokit.lineage.standards.carrying import artifacts_alone
from reprokit.lineage.standards.croissant.dataset import OWN, dataset_of
from reprokit.lineage.standards.files import parse_json, read_text, understood, write_json
from reprokit.lineage.standards.naming import encoded, is_uri, milliseconds, scoped, sha256_of
from reprokit.schema.lineage import Artifact, Lineage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reprokit.schema.dataset import DatasetManifest

TITLE = "Croissant 1.0 (RAI 1.0)"
EXTRA = ""
LOSES: tuple[str, ...] = (
    "Everything but dataset manifests: Croissant describes data, and neither runs nor models nor what made what.",
)
ASIDE: tuple[str, ...] = (
    "The manifest's node in the graph, whole: schema.org's `additionalProperty` `reprokit:artifact`.",
)
UNREAD: tuple[str, ...] = (
    "Where columns are read from, columns in columns, and which file lies in which set of files.",
)
SUFFIX = ".croissant.json"
_KIND = "DatasetManifest"


def carried(lineage: Lineage) -> Lineage:
    """The dataset manifests alone."""
    return artifacts_alone(lineage, lambda node: node.type == _KIND)


def write(lineage: Lineage, target: str, manifests: Mapping[str, DatasetManifest] | None = None) -> list[str]:
    """Writes a document for each dataset manifest into a directory, or the one there is into a file.

    Args:
        lineage: what of it is a dataset manifest is written.
        target: a directory, or a file whose name ends in ``.json``.
        manifests: the manifests' own documents, by their identifiers.

    Raises:
        UsageError: RPK166, it cannot be written, or a file is asked for and there is not exactly one manifest.
    """
    known = manifests or {}
    nodes = carried(lineage).artifacts
    if target.endswith(".json"):
        if len(nodes) != 1:
            raise UsageError("RPK166", f"{target}: one file holds one dataset, and the graph has {len(nodes)}")
        return [write_json(target, dataset_of(nodes[0], known.get(nodes[0].id)))]
    try:
        Path(target).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError("RPK166", f"{target} cannot be written: {error}") from None
    return [write_json(Path(target) / _file_name(node), dataset_of(node, known.get(node.id))) for node in nodes]


def _file_name(node: Artifact) -> str:
    """A name that a person knows, and enough of the identifier to be the only one."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", node.name).strip("-.")[:60] or "dataset"
    # A long identifier of another kind than a digest is cut; its digest keeps it apart from others.
    from reprokit.digest import sha256_bytes

    own = sha256_of(node.id) or sha256_bytes(encoded(node.id).encode()).rpartition(":")[2]
    return f"{plain}-{own}{SUFFIX}"


def read(source: str) -> Lineage:
    """Reads a document, or all documents of a directory; of others' too, whose datasets are manifests by name.

    Raises:
        UsageError: RPK166, it cannot be read.
        CorruptBundleError: RPK167, it is no Croissant.
    """
    path = Path(source)
    files = sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path]
    return merge(_read(file) for file in files)


def _read(path: Path) -> Lineage:
    found = parse_json(read_text(path, "Croissant"), path, "Croissant")
    lineage: Lineage = understood(lambda: _lineage_of(found), path, "Croissant")
    return lineage


def _lineage_of(found: dict[str, Any]) -> Lineage:
    if "Dataset" not in str(found["@type"]):
        raise ValueError(f"it is a {found['@type']}, not a Dataset")
    facts = [one for one in _listed(found.get("additionalProperty")) if isinstance(one, dict)]
    own = [one["value"] for one in facts if one.get("name") == OWN]
    if own:
        return Lineage(artifacts=[Artifact.model_validate(json.loads(own[0]))])
    dataset = _foreign(found)
    files = [_file(one, dataset.id) for one in _listed(found.get("distribution"))]
    return Lineage(artifacts=[dataset, *files])


def _foreign(found: dict[str, Any]) -> Artifact:
    """A dataset that another program described: an artifact with its licence, description and columns."""
    properties: dict[str, Any] = {}
    licence = [_licence(one) for one in _listed(found.get("license"))]
    if any(licence):
        properties["licence"] = ", ".join(licence)
    for key, name in (("description", "description"), ("version", "version"), ("citeAs", "citation")):
        properties |= {name: str(found[key])} if key in found else {}
    for records in _listed(found.get("recordSet")):
        for field in _listed(records.get("field")):
            name = str(field.get("name") or field["@id"]).rpartition("/")[2]
            properties[f"column.{name}"] = str(field.get("dataType", ""))
    for key, value in found.items():
        if key.startswith("rai:"):
            properties[f"rai.{key.removeprefix('rai:')}"] = value if isinstance(value, str) else json.dumps(value)
    name, url = str(found.get("name", "")), str(found.get("url", ""))
    known = [str(one) for one in (found.get("@id"), found.get("identifier"), url, name) if one]
    own = next((one for one in known if is_uri(one)), known[0])  # `./` is what many a document calls itself
    return Artifact(
        id=own, type=_KIND, name=name, uri=url,
        created=milliseconds(found.get("dateCreated") or None), properties=properties,
    )  # fmt: skip


def _licence(found: Any) -> str:
    """A licence: its name, its URI, or a work with one of these."""
    return (
        str(found.get("@id") or found.get("url") or found.get("name") or "") if isinstance(found, dict) else str(found)
    )


def _listed(value: Any) -> list[Any]:
    """JSON-LD writes a list of one as that one."""
    return value if isinstance(value, list) else [value] if value else []


def _file(found: dict[str, Any], dataset: str) -> Artifact:
    """A file or a set of files: by its digest, by its URI, or by its name in the dataset alone."""
    digest, url = str(found.get("sha256", "")), str(found.get("contentUrl", ""))
    identifier = f"sha256:{digest}" if sha256_of(f"sha256:{digest}") else scoped(url or str(found["@id"]), dataset)
    name = str(found.get("name") or found.get("@id", ""))
    properties: dict[str, Any] = {"format": str(found.get("encodingFormat", ""))}
    return Artifact(id=identifier, type="File", name=name, uri=url, properties=properties)
