"""Dataset manifests, checks and differences, for a terminal. Names and texts may be anyone's: all go through `Page`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from reprokit.errors.counting import counted
from reprokit.report.screen import Page, Screen
from reprokit.report.summaries import size_text
from reprokit.report.wording import clean

if TYPE_CHECKING:
    from reprokit.schema.dataset import DatasetManifest
    from reprokit.schema.dataset_reports import DatasetCheck, DatasetDiff, FileChanges

_COLUMNS, _FILES, _FIELDS = 40, 20, 40


def render_made(manifest: DatasetManifest, path: str, screen: Screen) -> str:
    """What was written."""
    page = Page(screen)
    page.line(f"✓ {manifest.name}: {_amount(manifest)}", "good")
    page.line("")
    page.fields([("manifest", path), ("id", manifest.id), *_facts(manifest)])
    return page.render()


def render_manifest(manifest: DatasetManifest, screen: Screen) -> str:
    """All that a person wants to see of a manifest."""
    page = Page(screen)
    page.line(f"{' '.join(filter(None, (manifest.name, manifest.version)))}: {_amount(manifest)}", "title")
    page.line("")
    page.fields([("id", manifest.id), ("made", f"{manifest.made.created} on {manifest.made.host}"), *_facts(manifest)])
    _columns(page, manifest)
    _splits(page, manifest)
    terms = [(name.replace("_", " "), _text(value)) for name, value in _given(manifest.terms.model_dump(mode="json"))]
    if terms:
        page.title("Terms")
        page.fields(terms)
    how = [
        (name.replace("_", " "), _text(value)) for name, value in _given(manifest.preprocessing.model_dump(mode="json"))
    ]
    if how:
        page.title("Preprocessing")
        page.fields(how)
    return page.render()


def _amount(manifest: DatasetManifest) -> str:
    snapshot, rows = manifest.snapshot, manifest.statistics.rows
    tokens = manifest.statistics.tokens
    parts = [counted(snapshot.file_count, "file"), size_text(snapshot.bytes)] if snapshot.kind != "sql" else []
    parts += [counted(rows, "row")] if rows is not None else []
    parts += [counted(tokens, "token")] if tokens is not None else []
    return ", ".join(parts)


def _facts(manifest: DatasetManifest) -> list[tuple[str, str]]:
    snapshot, fingerprint = manifest.snapshot, manifest.schema_fingerprint
    facts = [("snapshot", snapshot.digest)]
    facts += [("schema", fingerprint.digest)] if fingerprint is not None else []
    facts += [("query", f"{snapshot.query.query} at {snapshot.query.database}")] if snapshot.query else []
    facts += [("licence", manifest.terms.licence)] if manifest.terms.licence else []
    for proof in manifest.filters.opt_out:
        said = "none of its keys is here" if proof.holds else f"NOT applied: {counted(proof.found, 'row')}"
        said += f" ({counted(proof.files_unread, 'file')} without rows not read)" if proof.files_unread else ""
        facts.append(("opt-out", f"{proof.version or proof.list_digest[:19]}, {counted(proof.keys, 'key')}: {said}"))
    if manifest.sampling.splits:
        said = {True: "disjoint", False: "NOT disjoint", None: "not comparable by row"}[manifest.sampling.disjoint]
        facts.append(("splits", f"{', '.join(split.name for split in manifest.sampling.splits)}: {said}"))
    for one in snapshot.left_out[:_FILES]:
        facts.append(("left out", f"{one.path}: {one.reason}"))
    return facts


def _columns(page: Page, manifest: DatasetManifest) -> None:
    fingerprint = manifest.schema_fingerprint
    known = {column.name: column for column in manifest.statistics.columns}
    for table in fingerprint.tables if fingerprint is not None else []:
        page.title(f"Columns: {table.format}, {counted(table.files, 'file')}")
        rows = []
        for column in table.columns[:_COLUMNS]:
            numbers = known.get(column.name)
            spread = _spread(numbers.minimum, numbers.maximum) if numbers else ""
            lengths = _spread(numbers.shortest, numbers.longest) if numbers else ""
            nulls = f"{numbers.nulls:,}" if numbers else ""
            rows.append((column.name, column.type, nulls, spread, lengths))
        page.table(["column*", "type*", ">nulls", "range", "length"], rows)
        if len(table.columns) > _COLUMNS:
            page.line(f"… and {len(table.columns) - _COLUMNS} more")
    if fingerprint is not None and fingerprint.tokenizers:
        page.title("Tokenizers")
        page.fields([(one.path, f"{one.entries or '?'} entries, {one.digest}") for one in fingerprint.tokenizers])


def _spread(low: Any, high: Any) -> str:
    return "" if low is None else (f"{low}" if low == high else f"{low} to {high}")


def _splits(page: Page, manifest: DatasetManifest) -> None:
    if manifest.sampling.splits:
        page.title("Splits")
        rows = [
            (one.name, f"{one.rows:,}", f"{one.duplicates:,}", one.digest[:40] + "…")
            for one in manifest.sampling.splits
        ]
        page.table(["split", ">rows", ">repeated", "digest"], rows)


def _given(plain: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(name, value) for name, value in plain.items() if value not in (None, "", [], {}, {"start": "", "end": ""})]


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_text(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(item)}" for name, item in value.items())
    return str(value)


def render_check(report: DatasetCheck, screen: Screen) -> str:
    """Whether it holds, and what does not."""
    page = Page(screen)
    state = "is the dataset of its manifest" if report.met else "is NOT what its manifest says"
    page.line(f"{'✓' if report.met else '✗'} {report.name} {state}", "good" if report.met else "bad")
    page.line("")
    page.fields([("manifest", report.manifest), ("id", report.id), ("data", report.root)])
    _files(page, report.files)
    for one in report.findings:
        page.line(f"{one.code}: {one.message}")
        page.line(one.remedy, "dim", 4)
    return page.render()


def render_diff(report: DatasetDiff, screen: Screen) -> str:
    """How two manifests differ."""
    page = Page(screen)
    page.line("the same dataset" if report.equal else "two different datasets", "good" if report.equal else "bad")
    page.line("")
    page.fields([("first", report.first), ("second", report.second)])
    _files(page, report.files)
    for change in report.fields[:_FIELDS]:
        page.line(f"{change.field}: {_short(change.first)} -> {_short(change.second)}")
    if len(report.fields) > _FIELDS:
        page.line(f"… and {len(report.fields) - _FIELDS} more")
    return page.render()


def _short(value: Any) -> str:
    return "nothing" if value in (None, "", [], {}) else clean(json.dumps(value, ensure_ascii=False), 120)


def _files(page: Page, files: FileChanges) -> None:
    for mark, count, paths in (
        ("changed", files.changed, files.changed_paths),
        ("added", files.added, files.added_paths),
        ("removed", files.removed, files.removed_paths),
    ):
        if count:
            page.title(f"{mark}: {counted(count, 'file')}")
            for path in paths[:_FILES]:
                page.line(path, indent=2)
            if count > _FILES:
                page.line(f"… and {count - _FILES:,} more", indent=2)
