"""The rebuild test: `pytest bundles/` replays every bundle, and only a verdict that meets its target passes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Project


@pytest.mark.parametrize("how", [(), ("-n2",)], ids=["alone", "n2"])
def test_each_bundle_is_an_item_and_only_what_reproduces_passes(
    project: Callable[..., Project], how: tuple[str, ...]
) -> None:
    done = project("good", "drifting", "silent", "torn").pytest("bundles", *how)
    assert done.status == 1
    assert "3 failed, 1 passed" in done.text
    assert "ERROR collecting" not in done.text
    for said in (
        "RE-RUNNABLE: target bitwise NOT met", "Output", "Metric loss: recorded",
        "    reprokit replay bundles/drifting.repro.tar.zst",
        "UNVERIFIED: target bitwise could not be established", "REFUSED RPK021",
        "FAILED bundles/torn.repro.tar.zst::replay",
    ):  # fmt: skip
        assert said in done.text, f"{said} is missing in\n{done.text}"
    assert "Traceback" not in done.text
    assert "replay(self.path" not in done.text, "the stack of our own functions says nothing to the user"


def test_without_xdist(project: Callable[..., Project]) -> None:
    done = project("good").pytest("bundles", xdist=False)
    assert (done.status, "1 passed" in done.text) == (0, True), done.text


def test_bundles_not_recorded_here_need_trust(project: Callable[..., Project], tmp_path: Path) -> None:
    elsewhere = {"REPROKIT_HOME": str(tmp_path / "another-home")}
    here = project("good")
    refused = here.pytest("bundles", env=elsewhere)
    assert refused.status == 1
    assert "RPK026" in refused.text
    assert "--repro-trust" in refused.text
    assert "repro_trust = true" in refused.text
    assert here.pytest("bundles", "--repro-trust", env=elsewhere).status == 0
    (tmp_path / "pytest.ini").write_text("[pytest]\nrepro_trust = true\n")
    assert here.pytest("bundles", env=elsewhere).status == 0


def test_bundles_are_collected_only_where_they_were_asked_for(project: Callable[..., Project]) -> None:
    here = project("good")
    bare = here.pytest("--collect-only", "-q")
    assert (bare.status, "repro.tar.zst" in bare.text) == (5, False), bare.text
    assert "good.repro.tar.zst::replay" in here.pytest("--collect-only", "-q", "bundles/good.repro.tar.zst").text
    off = here.pytest("--collect-only", "-q", "bundles", "--repro=off")
    assert (off.status, "repro.tar.zst" in off.text) == (5, False), off.text
    (here.root / "pytest.ini").write_text("[pytest]\ntestpaths = bundles\n")
    assert "good.repro.tar.zst::replay" in here.pytest("--collect-only", "-q").text


def test_the_nearest_settings_name_the_target(project: Callable[..., Project]) -> None:
    here = project("drifting", pyproject='[tool.reprokit]\ntarget = "re-runnable"\n')
    assert here.pytest("bundles").status == 0, "what was recorded for bitwise is asked for less"
    (here.root / "bundles" / "pyproject.toml").write_text('[tool.reprokit]\ntarget = "metric-close"\n')
    closer = here.pytest("bundles")
    assert (closer.status, "target metric-close NOT met" in closer.text) == (1, True), closer.text
    assert "--target metric-close" in closer.text
    (here.root / "bundles" / "pyproject.toml").write_text("[tool.reprokit]\ntraget = 1\n")
    wrong = here.pytest("bundles")
    assert (wrong.status, "RPK004" in wrong.text) == (1, True), wrong.text


def test_replays_are_noted_under_record_only(project: Callable[..., Project]) -> None:
    here = project("good", "drifting")
    state = here.root / ".reprokit" / "replays.json"
    assert here.pytest("bundles").status == 1
    assert not state.exists(), "check writes nothing"
    assert here.pytest("bundles", "--repro=record", "-n2").status == 1
    noted = json.loads(state.read_text())
    assert [one["test"] for one in noted["replays"].values()] == ["bundles/good.repro.tar.zst::replay"]


@pytest.mark.parametrize("how", [(), ("-n2",)], ids=["alone", "n2"])
def test_only_what_is_due_is_replayed(project: Callable[..., Project], how: tuple[str, ...]) -> None:
    here = project("good", "drifting", "torn")
    here.pytest("bundles", "--repro=record")
    due = here.pytest("bundles", "--repro-due", "7", *how)
    assert (due.status, "2 failed" in due.text) == (1, True), "what failed, or cannot be read, stays due"
    assert "1 bundle not due, left out by --repro-due: bundles/good.repro.tar.zst" in due.text
    nothing = here.pytest("bundles/good.repro.tar.zst", "--repro-due", "7", *how)
    assert nothing.status == 0, nothing.text
    assert "1 bundle not due" in nothing.text


def test_time_target_and_content_make_a_bundle_due_again(project: Callable[..., Project]) -> None:
    here = project("good")
    here.pytest("bundles", "--repro=record")
    state = here.root / ".reprokit" / "replays.json"
    noted = json.loads(state.read_text())
    (bundle,) = noted["replays"]
    good = noted["replays"][bundle]

    def replayed(**changes: str) -> bool:
        state.write_text(json.dumps({**noted, "replays": {bundle: {**good, **changes}}}))
        return "1 passed" in here.pytest("bundles", "--repro-due", "7").text

    assert not replayed()
    assert replayed(at="2020-01-01T00:00:00+00:00"), "long ago"
    assert replayed(at="2199-01-01T00:00:00+00:00"), "a clock that went wrong"
    assert replayed(tier="metric-close"), "reached less than what is asked now"
    state.write_text(json.dumps({**noted, "replays": {"sha256:" + "0" * 64: good}}))
    assert "1 passed" in here.pytest("bundles", "--repro-due", "7").text, "another content under the same name"


@pytest.mark.parametrize(
    "content", ["", "[]", '{"schema": "reprokit.replays/2", "replays": {}}', '{"schema": "reprokit.replays/1"}',
                '{"schema": "reprokit.replays/1", "replays": {"a": {"tier": "gold", "at": "2020-01-01T00:00:00Z"}}}']
)  # fmt: skip
def test_an_unreadable_state_lets_nothing_pass(project: Callable[..., Project], content: str) -> None:
    here = project("good")
    (here.root / ".reprokit").mkdir()
    (here.root / ".reprokit" / "replays.json").write_text(content)
    for option in ("--repro-due=7", "--repro=record"):
        done = here.pytest("bundles", option)
        assert (done.status, "RPK092" in done.text) == (4, True), done.text
    assert here.pytest("bundles").status == 0, "nobody asked for it"


@pytest.mark.parametrize("days", ["soon", "-1", "nan", "inf"])
def test_days_are_a_number(project: Callable[..., Project], days: str) -> None:
    done = project("good").pytest("bundles", f"--repro-due={days}")
    assert (done.status, "--repro-due" in done.text) == (4, True), done.text
