"""A test session, or what `lint` found, as SARIF 2.1.0 (OASIS), which code-scanning dashboards read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from reprokit.digest import sha256_bytes
from reprokit.errors import CATALOGUE
from reprokit.report.findings import identity, place_of, rule_of, sentence

if TYPE_CHECKING:
    from reprokit.schema.lint import LintFinding, LintReport
    from reprokit.schema.session import ItemOutcome, SessionReport

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_HOME = "https://reprokit.readthedocs.io"


def to_sarif(report: SessionReport) -> dict[str, Any]:
    """The failures of a session as one SARIF run; a session without failures is a run with no results."""
    failures = report.failures()
    codes = sorted({rule_of(item) for item in failures})
    results = [_result(item, codes) for item in failures]
    return _log(report.reprokit, [_rule(code) for code in codes], results)


def lint_sarif(report: LintReport) -> dict[str, Any]:
    """What `lint` found as one SARIF run."""
    codes = [rule.code for rule in report.rules]
    rules = [
        {
            "id": rule.code,
            "name": rule.name,
            "shortDescription": {"text": rule.name},
            "fullDescription": {"text": rule.why},
            "help": {"text": rule.remedy},
            "helpUri": f"{_HOME}/reference/lint/#{rule.code.lower()}",
            "defaultConfiguration": {"level": rule.level},
        }
        for rule in report.rules
    ]
    seen: dict[tuple[str, ...], int] = {}
    return _log(report.reprokit, rules, [_lint_result(finding, codes, seen) for finding in report.findings])


def _log(version: str, rules: list[dict[str, Any]], results: list[dict[str, Any]]) -> dict[str, Any]:
    driver = {"name": "reprokit", "version": version, "informationUri": _HOME, "rules": rules}
    run = {"tool": {"driver": driver}, "invocations": [{"executionSuccessful": True}], "results": results}
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _location(file: str, region: dict[str, int]) -> dict[str, Any]:
    artifact = {"uri": quote(file, safe="/"), "uriBaseId": "%SRCROOT%"}
    return {"physicalLocation": {"artifactLocation": artifact, "region": region}}


def _lint_result(finding: LintFinding, codes: list[str], seen: dict[tuple[str, ...], int]) -> dict[str, Any]:
    # The fingerprint leaves the line out, so that code above does not make an old finding a new one.
    key = (finding.path, finding.code, finding.message)
    seen[key] = seen.get(key, 0) + 1
    identity = sha256_bytes("\0".join([*key, str(seen[key])]).encode("utf-8", "replace")).removeprefix("sha256:")
    region = {"startLine": finding.line, "startColumn": finding.column, "endLine": finding.end_line}
    return {
        "ruleId": finding.code,
        "ruleIndex": codes.index(finding.code),
        "level": finding.level,
        "message": {"text": f"{finding.message}. {finding.remedy}"},
        "locations": [_location(finding.path.removeprefix("./"), region)],
        "partialFingerprints": {"reprokitLint/v1": identity},
    }


def _rule(code: str) -> dict[str, Any]:
    entry = CATALOGUE.get(code)
    rule: dict[str, Any] = {"id": code, "helpUri": f"{_HOME}/reference/codes/"}
    if entry is not None:
        rule["shortDescription"] = {"text": entry.title}
        rule["fullDescription"] = {"text": entry.why}
        rule["help"] = {"text": entry.remedy}
    return rule


def _result(item: ItemOutcome, codes: list[str]) -> dict[str, Any]:
    # An unverified item is a failure as well: any `kind` but "fail" must have level "none" (3.27.10), which hides it.
    file, line = place_of(item)
    command = f"\n\n{item.command}" if item.command else ""
    return {
        "ruleId": rule_of(item),
        "ruleIndex": codes.index(rule_of(item)),
        "level": "error",
        "message": {"text": f"{item.nodeid}: {sentence(item)}{command}"},
        "locations": [_location(file, {"startLine": line})],
        "partialFingerprints": {"reprokitTest/v1": identity(item)},
    }
