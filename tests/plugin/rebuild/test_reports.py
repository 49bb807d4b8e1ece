"""`--repro-report`: one report a session, also under xdist, each valid by the schema of those who read it."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reprokit.schema.session import SessionReport

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Project

XSD = Path(__file__).parent / "schemas" / "junit-10.xsd"  # of Jenkins' xunit plugin, MIT


@pytest.fixture(params=[(), ("-n2",)], ids=["alone", "n2"])
def how(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """With and without workers."""
    given: tuple[str, ...] = request.param
    return given


def test_every_format_is_written_once(project: Callable[..., Project], how: tuple[str, ...]) -> None:
    here = project("good", "torn")
    paths = {"json": "out/report.json", "md": "report.md", "gitlab": "gl.json", "sarif": "reprokit.sarif"}
    options = [f"--repro-report={name}={path}" for name, path in paths.items()]
    done = here.pytest("bundles", *options, *how)
    assert done.status == 1
    assert done.text.count("json report: ") == 1
    report = SessionReport.parse((here.root / paths["json"]).read_bytes(), "the report")
    good, torn = report.items
    assert (good.outcome, good.tier, good.target, good.kind) == ("passed", "bitwise", "bitwise", "rebuild")
    assert (torn.outcome, torn.status, torn.code) == ("failed", "unverified", "RPK021")
    assert good.verdict.startswith("sha256:")
    assert good.duration_s > 0
    assert "1 bitwise, 1 unverified" in (here.root / paths["md"]).read_text()
    (finding,) = json.loads((here.root / paths["gitlab"]).read_text())
    assert finding["location"]["path"] == "bundles/torn.repro.tar.zst"
    (run,) = json.loads((here.root / paths["sarif"]).read_text())["runs"]
    assert [one["ruleId"] for one in run["results"]] == ["RPK021"]


def test_github_gets_a_summary_and_annotations(project: Callable[..., Project], tmp_path: Path) -> None:
    here = project("good", "torn")
    summary = tmp_path / "summary.md"
    summary.write_text("# of an earlier tool\n")
    done = here.pytest("bundles", "--repro-report=github", env={"GITHUB_STEP_SUMMARY": str(summary)})
    written = summary.read_text()
    assert written.startswith("# of an earlier tool\n## ❌ reprokit: 1 bitwise, 1 unverified")
    assert written.count("bundles/torn.repro.tar.zst") >= 1
    lines = [line for line in done.text.splitlines() if line.startswith("::")]
    assert len(lines) == 1
    assert re.match(r"::error file=bundles/torn\.repro\.tar\.zst,line=1,title=reprokit RPK021 replay::\S", lines[0])
    without = here.pytest("bundles", "--repro-report=github")
    assert "GITHUB_STEP_SUMMARY is not set" in without.text
    assert "\n::error" not in without.text
    silent = here.pytest("bundles", env={"GITHUB_STEP_SUMMARY": str(summary)})
    assert "::error" not in silent.text, "nobody asked for it"
    assert summary.read_text() == written


@pytest.mark.parametrize(
    "value", ["yaml=a.yml", "json", "json=", "github=summary.md", "json=.", "a b", "=x"]
)  # fmt: skip
def test_a_wrong_report_is_refused_before_any_test_runs(project: Callable[..., Project], value: str) -> None:
    done = project("good").pytest("bundles", f"--repro-report={value}")
    assert (done.status, "RPK091" in done.text) == (4, True), done.text
    assert "passed" not in done.text


def test_two_reports_in_one_file_are_refused(project: Callable[..., Project]) -> None:
    done = project("good").pytest("bundles", "--repro-report=json=a", "--repro-report=md=./a")
    assert (done.status, "RPK091" in done.text) == (4, True), done.text


def test_a_report_that_cannot_be_written_fails_the_session(project: Callable[..., Project]) -> None:
    here = project("good")
    (here.root / "file").write_text("")
    done = here.pytest("bundles", "--repro-report=json=file/report.json", "--repro-report=md=ok.md")
    assert "1 passed" in done.text
    assert (done.status, "RPK094" in done.text) == (3, True), done.text
    assert (here.root / "ok.md").exists(), "the others are written"


def test_the_ini_file_asks_for_reports(project: Callable[..., Project]) -> None:
    here = project("good")
    (here.root / "pytest.ini").write_text("[pytest]\nrepro_report =\n    json=a.json\n    md=b.md\n")
    assert here.pytest("bundles").status == 0
    assert (here.root / "a.json").exists()
    assert (here.root / "b.md").exists()


def test_reports_name_what_was_not_due(project: Callable[..., Project]) -> None:
    here = project("good")
    here.pytest("bundles", "--repro=record")
    here.pytest("bundles", "--repro-due=7", "--repro-report=json=r.json")
    assert json.loads((here.root / "r.json").read_text())["not_due"] == ["bundles/good.repro.tar.zst"]


def junit(here: Project, *options: str) -> Path:
    """The JUnit file of a session."""
    done = here.pytest("bundles", "--junitxml=junit.xml", *options)
    assert done.status == 1, done.text
    return here.root / "junit.xml"


def test_junit_of_xunit2_is_valid_and_has_the_properties(project: Callable[..., Project], how: tuple[str, ...]) -> None:
    xmlschema = pytest.importorskip("xmlschema")
    path = junit(project("good", "torn"), *how)
    schema = xmlschema.XMLSchema(str(XSD))
    schema.validate(str(path))
    root = ET.parse(path).getroot()
    assert root.findall(".//testcase/properties") == []
    found = {one.get("name"): one.get("value") for one in root.findall("./testsuite/properties/property")}
    assert found["reprokit.tier[bundles/good.repro.tar.zst::replay]"] == "bitwise"
    assert found["reprokit.code[bundles/torn.repro.tar.zst::replay]"] == "RPK021"
    # The control: properties of a test case, as record_property writes them, break this schema.
    case = next(root.iter("testcase"))
    ET.SubElement(ET.SubElement(case, "properties"), "property", name="a", value="b")
    assert not schema.is_valid(ET.tostring(root, encoding="unicode"))


def test_junit_of_xunit1_has_them_at_each_test(project: Callable[..., Project], how: tuple[str, ...]) -> None:
    root = ET.parse(junit(project("good", "torn"), "-o", "junit_family=xunit1", *how)).getroot()
    found = {
        case.get("classname"): {one.get("name"): one.get("value") for one in case.iter("property")}
        for case in root.iter("testcase")
    }
    assert found["bundles.good.repro.tar.zst"]["reprokit.tier"] == "bitwise"
    assert found["bundles.torn.repro.tar.zst"]["reprokit.status"] == "unverified"
    assert root.findall("./testsuite/properties") == []


def test_junit_properties_are_renamed_or_left_out(project: Callable[..., Project]) -> None:
    here = project("good", "torn")
    (here.root / "pytest.ini").write_text(
        "[pytest]\njunit_family = xunit1\nrepro_junit =\n    tier = level of evidence\n    target =\n"
    )
    root = ET.parse(junit(here)).getroot()
    names = {one.get("name") for one in root.iter("property")}
    assert "level of evidence" in names
    assert not names & {"reprokit.tier", "reprokit.target"}
    (here.root / "pytest.ini").write_text("[pytest]\nrepro_junit =\n    teir = x\n")
    wrong = here.pytest("bundles")
    assert (wrong.status, "RPK091" in wrong.text) == (4, True), wrong.text
