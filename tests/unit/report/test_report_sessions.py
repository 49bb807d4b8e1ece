"""Reports of a session from documents: bounds, hostile text, and the schemas of GitHub, GitLab and SARIF."""

import json
import re

import pytest

from reprokit.report.findings import identity
from reprokit.report.github import MAX_ANNOTATIONS, MAX_BYTES, error_commands, step_summary
from reprokit.report.gitlab import code_quality
from reprokit.report.sarif import to_sarif
from reprokit.schema.session import ItemOutcome, SessionReport

HOSTILE = "a\n::error::forged%0A|`x`<script>@user #1 \x1b[31m,b:c\r\n~~~\n"


def failure(number=0, **changes):
    fields = {
        "nodeid": f"tests/test_model.py::test_train[{number}]", "kind": "marker", "outcome": "failed",
        "tier": "re-runnable", "target": "bitwise", "reason": "differing outputs: model.pt",
        "file": "tests/test_model.py", "line": 12, "command": f"pytest tests/test_model.py::test_train[{number}]",
    }  # fmt: skip
    return ItemOutcome.model_validate({**fields, **changes})


def session(*items, **changes):
    return SessionReport(reprokit="0.1", items=list(items), **changes)


PASSED = failure(outcome="passed", tier="bitwise", nodeid="tests/a.py::test_a")


def test_counts_are_ordered_by_tier():
    others = failure(tier=None), failure(outcome="skipped"), failure(outcome="passed", tier=None)
    report = session(PASSED, failure(), failure(status="unverified"), *others)
    assert report.counts() == {
        "bitwise": 1, "re-runnable": 1, "passed": 1, "failed": 1, "unverified": 1, "skipped": 1
    }  # fmt: skip


def test_the_summary_shows_failures_first_and_stays_below_its_limit():
    small = step_summary(session(PASSED, failure()))
    assert small.index("test_train") < small.index("test_a")
    assert "$ pytest tests/test_model.py::test_train[0]" in small
    big = step_summary(session(*(failure(i, reason="é" * 5000) for i in range(500)), PASSED))
    assert len(big.encode()) <= MAX_BYTES
    assert re.search(r"\(\d+ sections were left out for length\.\)\n$", big)


def test_at_most_ten_annotations_and_the_last_one_says_that_there_are_more():
    assert error_commands(session(PASSED)) == []
    assert len(error_commands(session(*(failure(i) for i in range(10))))) == 10
    many = error_commands(session(*(failure(i) for i in range(25))))
    assert len(many) == MAX_ANNOTATIONS
    assert "and 16 more failures" in many[-1]


def test_hostile_text_forges_no_command_and_no_markup():
    hostile = failure(nodeid=HOSTILE, reason=HOSTILE, divergence=HOSTILE, command=HOSTILE, file=HOSTILE)
    (command,) = error_commands(session(hostile))
    assert "\n" not in command
    assert "\r" not in command
    properties = command.removeprefix("::error ").partition("::")[0]
    assert [part.partition("=")[0] for part in properties.split(",")] == ["file", "line", "title"]
    summary = step_summary(session(hostile))
    before, block, after = summary.split("~~~")
    assert "<script" not in before + after
    assert "\n" not in block.strip().removeprefix("console\n"), "what is in the block does not leave its line"
    assert "\n::error" not in summary
    assert "\x1b" not in summary


def test_gitlab_findings_have_every_required_key():
    """Required by docs.gitlab.com/ci/testing/code_quality, "Code Quality report format"."""
    report = session(PASSED, failure(), failure(1, status="unverified", code="RPK010", line=None, file=""))
    findings = json.loads(json.dumps(code_quality(report)))
    assert len(findings) == 2
    for one in findings:
        assert set(one) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert one["severity"] in {"info", "minor", "major", "critical", "blocker"}
        assert isinstance(one["location"]["lines"]["begin"], int)
        assert not one["location"]["path"].startswith(("/", "./"))
    assert len({one["fingerprint"] for one in findings}) == 2
    assert code_quality(session(PASSED)) == []


def test_a_finding_keeps_its_identity_between_sessions():
    assert identity(failure(reason="x", line=1)) == identity(failure(reason="y", line=9))
    assert identity(failure()) != identity(failure(code="RPK010"))
    assert identity(failure()) != identity(failure(1))


@pytest.mark.parametrize(
    "report",
    [session(), session(PASSED), session(failure(), failure(1, code="RPK010", status="unverified", line=None)),
     session(failure(nodeid=HOSTILE, file="dir with blank/ü.py", code="UNKNOWN"))],
    ids=["empty", "passed", "failures", "odd"],
)  # fmt: skip
def test_sarif_is_valid_by_its_schema(report):
    """The classes of pydantic-sarif are made from OASIS' sarif-schema-2.1.0.json, and forbid what it forbids."""
    model = pytest.importorskip("pydantic_sarif.model", reason="pydantic-sarif is needed to check SARIF")
    written = json.loads(json.dumps(to_sarif(report)))
    model.StaticAnalysisResultsFormatSarifVersion210JsonSchema.model_validate(written)
    assert len(written["runs"][0]["results"]) == len(report.failures())
    for result in written["runs"][0]["results"]:
        rules = written["runs"][0]["tool"]["driver"]["rules"]
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    planted = {**written, "version": "2.0.0"}
    with pytest.raises(ValueError, match="version"):
        model.StaticAnalysisResultsFormatSarifVersion210JsonSchema.model_validate(planted)
    with pytest.raises(ValueError, match="tool"):
        model.StaticAnalysisResultsFormatSarifVersion210JsonSchema.model_validate({**written, "runs": [{}]})
