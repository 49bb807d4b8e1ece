"""``--repro-verify``: a bundle that replays must meet the release policy, too."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Project

LENIENT = """[tool.reprokit.release]
models = false
manifests = false
unknown_commit = "allow"
unknown_image = "allow"
[tool.reprokit.release.strict]
properties = ["parameter.lr"]
"""
pytestmark = pytest.mark.slow


@pytest.fixture
def home(tmp_path: Path, reprokit: object) -> dict[str, str]:
    """A graph of its own; the bundles were recorded for another one, so they are trusted by option."""
    return {"REPROKIT_HOME": str(tmp_path / "home")}


def test_a_bundle_is_replayed_and_then_judged(project: Callable[..., Project], home: dict[str, str]) -> None:
    here = project("good", pyproject=LENIENT)
    plain = here.pytest("bundles", "--repro-trust", "--collect-only", "-q", env=home)
    assert "::release" not in plain.text
    done = here.pytest("bundles", "--repro-trust", "--repro-verify", "-v", env=home)
    assert (done.status, "2 passed" in done.text) == (0, True), done.text
    assert done.text.index("::replay PASSED") < done.text.index("::release PASSED")


def test_what_does_not_meet_the_policy_fails(project: Callable[..., Project], home: dict[str, str]) -> None:
    here = project("good")
    done = here.pytest("bundles", "--repro-trust", "--repro-verify", "--repro-report", "json=report.json", env=home)
    assert (done.status, "1 failed, 1 passed" in done.text) == (1, True), done.text
    for said in ("RPK171 integrity", "RPK175 completeness", "RPK148 completeness", "remedy: ",
                 "    reprokit verify bundles/good.repro.tar.zst --policy release"):  # fmt: skip
        assert said in done.text
    assert "Traceback" not in done.text
    assert "verify_release(" not in done.text
    items = {one["kind"]: one for one in json.loads((here.root / "report.json").read_text())["items"]}
    assert (items["rebuild"]["outcome"], items["release"]["outcome"]) == ("passed", "failed")
    assert items["release"]["code"] == "RPK171"
    assert "RPK179 integrity" in done.text, "a bundle without a model is not released in silence"


def test_a_replay_that_missed_its_target_fails_both(project: Callable[..., Project], home: dict[str, str]) -> None:
    done = project("drifting", pyproject=LENIENT).pytest("bundles", "--repro-trust", "--repro-verify", env=home)
    assert (done.status, "2 failed" in done.text) == (1, True), done.text
    assert "RPK178 tier" in done.text


def test_a_torn_bundle_is_refused(project: Callable[..., Project], home: dict[str, str]) -> None:
    done = project("torn", pyproject=LENIENT).pytest("bundles", "--repro-trust", "--repro-verify", env=home)
    assert (done.status, done.text.count("\nREFUSED RPK021")) == (1, 2), done.text


def test_the_ini_key_names_the_policy(project: Callable[..., Project], home: dict[str, str]) -> None:
    here = project("good", pyproject=LENIENT)
    (here.root / "pytest.ini").write_text("[pytest]\nrepro_verify = strict\nrepro_trust = true\n")
    done = here.pytest("bundles", env=home)
    assert (done.status, "parameter.lr" in done.text) == (1, True), done.text
    assert "--policy strict" in done.text
    (here.root / "pytest.ini").write_text("[pytest]\nrepro_verify = gone\nrepro_trust = true\n")
    done = here.pytest("bundles", env=home)
    assert (done.status, "ERROR RPK146" in done.text) == (1, True), done.text


def test_a_bundle_that_is_not_due_is_judged_all_the_same(project: Callable[..., Project], home: dict[str, str]) -> None:
    here = project("good", pyproject=LENIENT)
    assert here.pytest("bundles", "--repro-trust", "--repro=record", env=home).status == 0
    done = here.pytest("bundles", "--repro-trust", "--repro-verify", "--repro-due", "7", "-v", env=home)
    assert (done.status, "1 passed, 1 deselected" in done.text) == (0, True), done.text
    other = {"REPROKIT_HOME": f"{home['REPROKIT_HOME']}-2"}  # a graph that knows of no replay
    done = here.pytest("bundles", "--repro-trust", "--repro-verify", "--repro-due", "7", "-v", env=other)
    assert (done.status, "RPK177 freshness" in done.text) == (1, True), done.text


def test_xdist_keeps_the_two_together_or_says_so(project: Callable[..., Project], home: dict[str, str]) -> None:
    here = project("good", pyproject=LENIENT)
    apart = here.pytest("bundles", "--repro-trust", "--repro-verify", "-n2", env=home)
    assert (apart.status, "RPK061" in apart.text, "--dist loadfile" in apart.text) == (4, True, True), apart.text
    together = here.pytest("bundles", "--repro-trust", "--repro-verify", "-n2", "--dist", "loadfile", env=home)
    assert (together.status, "2 passed" in together.text) == (0, True), together.text


def test_whoever_shuffles_the_replay_comes_first(project: Callable[..., Project], home: dict[str, str]) -> None:
    here = project("good", pyproject=LENIENT)
    (here.root / "conftest.py").write_text(
        "import pytest\n@pytest.hookimpl(tryfirst=True)\ndef pytest_collection_modifyitems(items): items.reverse()\n"
    )
    done = here.pytest("bundles", "--repro-trust", "--repro-verify", "-v", env=home)
    assert (done.status, "2 passed" in done.text) == (0, True), done.text
