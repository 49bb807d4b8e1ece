"""A test session as SARIF 2.1.0 (OASIS), which code-scanning dashboards read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from reprokit.errors import CATALOGUE
from reprokit.report.findings import identity, place_of, rule_of, sentence

if TYPE_CHECKING:
    from reprokit.schema.session import ItemOutcome, SessionReport

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_HOME = "https://reprokit.readthedocs.io"


def to_sarif(report: SessionReport) -> dict[str, Any]:
    """The failures of a session as one SARIF run; a session without failures is a run with no results."""
    failures = report.failures()
    codes = sorted({rule_of(item) for item in failures})
    driver = {
        "name": "reprokit",
        "version": report.reprokit,
        "informationUri": _HOME,
        "rules": [_rule(code) for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "invocations": [{"executionSuccessful": True}],
        "results": [_result(item, codes) for item in failures],
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


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
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(file, safe="/"), "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": line},
                }
            }
        ],
        "partialFingerprints": {"reprokitTest/v1": identity(item)},
    }
