"""One dataset manifest as a Croissant document."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from reprokit.lineage.standards.croissant.terms import CONTEXT, rai_of
from reprokit.lineage.standards.naming import encoded, moment, sha256_of, stamp, uri_of

if TYPE_CHECKING:
    from reprokit.schema.dataset import DatasetManifest, FileEntry, TableSchema
    from reprokit.schema.lineage import Artifact

OWN = "reprokit:artifact"
"""Name of the additional property that holds the artifact's node as JSON."""
MOST_FILES = 1000
"""A dataset of more files is described by patterns instead of one by one."""
_FORMATS = {
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "txt": "text/plain",
    "json": "application/json",
    "jsonl": "application/jsonlines",
    "ndjson": "application/jsonlines",
    "parquet": "application/x-parquet",
    "arrow": "application/vnd.apache.arrow.file",
    "zip": "application/zip",
    "tar": "application/x-tar",
    "gz": "application/gzip",
}
_ROOT = "root"


def dataset_of(node: Artifact, manifest: DatasetManifest | None) -> dict[str, Any]:
    """The document of one dataset."""
    facts = node.properties
    described: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": node.name or (manifest.name if manifest else "") or "dataset",
        "identifier": node.id,
        "url": uri_of(node.uri) if node.uri else f"urn:reprokit:artifact:{encoded(node.id)}",
        "additionalProperty": [{"@type": "sc:PropertyValue", "name": OWN, "value": json.dumps(node.model_dump())}],
    }
    texts = {"description": "description", "license": "licence", "citeAs": "citation", "version": "version"}
    described |= {key: str(facts[name]) for key, name in texts.items() if facts.get(name)}
    if moment(node.created):
        described |= {"dateCreated": stamp(node.created), "datePublished": stamp(node.created)[:10]}
    if contact := facts.get("contact", facts.get("owner")):
        described["creator"] = _creator(str(contact))
    described |= {
        f"rai:{name.removeprefix('rai.')}": str(value) for name, value in facts.items() if name.startswith("rai.")
    }
    if manifest is not None:
        described |= _of_manifest(manifest)
    return described


def _creator(name: str) -> dict[str, str]:
    creator = {"@type": "sc:Organization", "name": name}
    return creator | ({"email": name} if re.fullmatch(r"[^@\s]+@[^@\s]+", name) else {})


def _of_manifest(manifest: DatasetManifest) -> dict[str, Any]:
    terms = manifest.terms
    found: dict[str, Any] = {
        "description": terms.description,
        "license": terms.licence or terms.licence_uri,
        "citeAs": terms.citation,
        "version": manifest.version,
        "creator": _creator(terms.contact) if terms.contact else None,
        "publisher": {"@type": "sc:Organization", "name": terms.publisher} if terms.publisher else None,
        "datePublished": manifest.made.created[:10],
        **rai_of(manifest),
        "distribution": _distribution(manifest),
    }
    tables = manifest.schema_fingerprint.tables if manifest.schema_fingerprint else []
    found["recordSet"] = [records for at, table in enumerate(tables) if (records := _records(at, table, manifest))]
    return {key: value for key, value in found.items() if value}


def _distribution(manifest: DatasetManifest) -> list[dict[str, Any]]:
    """The files, or the root and patterns of the files below it."""
    files = manifest.snapshot.files
    if files and len(files) <= MOST_FILES:
        return [_file(entry) for entry in files]
    digest = manifest.snapshot.digest.rpartition(":")[2]
    root = {
        "@type": "cr:FileObject", "@id": _ROOT, "name": _ROOT, "contentUrl": uri_of(manifest.made.root or "."),
        "description": "The directory that holds the files; its digest is that of the tree.",
        "encodingFormat": "application/x-directory", "sha256": digest,
    }  # fmt: skip
    tables = manifest.schema_fingerprint.tables if manifest.schema_fingerprint else []
    kinds = sorted({table.format for table in tables}) or ["*"]
    return [root, *(
        {"@type": "cr:FileSet", "@id": f"files-{encoded(kind)}", "name": f"files-{kind}", "containedIn": {"@id": _ROOT},
         "encodingFormat": _format(kind), "includes": f"**/*.{kind}" if kind != "*" else "**"}
        for kind in kinds
    )]  # fmt: skip


def _file(entry: FileEntry) -> dict[str, Any]:
    suffix = entry.path.rpartition(".")[2].lower()
    return {
        "@type": "cr:FileObject", "@id": _file_id(entry), "name": entry.path,
        "contentUrl": uri_of(entry.path).removeprefix("file:"), "contentSize": f"{entry.size} B",
        "encodingFormat": _format(suffix), "sha256": sha256_of(entry.digest) or entry.digest.rpartition(":")[2],
    }  # fmt: skip


def _file_id(entry: FileEntry) -> str:
    return f"file-{encoded(entry.path)}"


def _format(kind: str) -> str:
    return _FORMATS.get(kind.lower(), "application/octet-stream")


def _records(at: int, table: TableSchema, manifest: DatasetManifest) -> dict[str, Any] | None:
    """The columns of a table, read from the only file of its format, or from all that match."""
    source = _source(table, manifest)
    if source is None:
        return None
    name = f"records-{at}"
    fields = [
        {
            "@type": "cr:Field", "@id": f"{name}/{encoded(column.name)}", "name": column.name,
            "dataType": _data_type(column.type),
            "source": {**source, "extract": {"column": column.name}},
            **({"repeated": True} if column.type.startswith(("list", "large_list", "fixed_size_list")) else {}),
        }
        for column in table.columns
    ]  # fmt: skip
    return {"@type": "cr:RecordSet", "@id": name, "name": name, "field": fields}


def _source(table: TableSchema, manifest: DatasetManifest) -> dict[str, Any] | None:
    files = manifest.snapshot.files
    if not files or len(files) > MOST_FILES:
        return {"fileSet": {"@id": f"files-{encoded(table.format)}"}}
    fitting = [entry for entry in files if entry.path.lower().endswith(f".{table.format.lower()}")]
    return {"fileObject": {"@id": _file_id(fitting[0])}} if len(fitting) == 1 else None


def _data_type(kind: str) -> str:
    """The type of a column as schema.org names it; Arrow's and SQL's names are known."""
    inner = re.sub(r"^(list|large_list|fixed_size_list|dictionary)<(?:\w+: )?(.*)>$", r"\2", kind.strip().lower())
    for pattern, name in (
        (r"u?int\d*|integer|bigint|smallint", "sc:Integer"),
        (r"(half)?float\d*|double|real|decimal.*|number", "sc:Float"),
        (r"bool(ean)?", "sc:Boolean"),
        (r"date\d*.*|timestamp.*", "sc:DateTime"),
    ):
        if re.fullmatch(pattern, inner):
            return name
    return "sc:Text"
