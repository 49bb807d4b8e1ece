"""Graphs that somebody changed by hand, or that came about in another order than one would think."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import pwd
from pathlib import Path

import pytest

from reprokit.errors import UsageError
from reprokit.launch.lineage_chain import at_hand, state_of
from reprokit.lineage.rules import judge_release
from reprokit.lineage.rules.sealing import sealed
from reprokit.schema.lineage import Artifact, Event, Execution, Lineage
from reprokit.schema.release import ReleaseRules, checked_tables, rules_of, unasked, with_additions
from reprokit.verbs.rebuild import bundles_in
from reprokit.verbs.release import verify_release

_spec = importlib.util.spec_from_file_location("release_graphs", Path(__file__).with_name("release_graphs.py"))
g = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(g)

PREPARE, TRAIN = "urn:uuid:prepare", "urn:uuid:train"


def codes(lineage, rules=None, subject=g.MODEL, **more):
    findings = judge_release(lineage, subject, rules or ReleaseRules(), g.NOW, **more).findings
    return [(one.code, one.node) for one in findings]


def test_an_opt_out_list_is_known_as_one_only_after_the_run_that_read_it():
    """The usual order: the filter runs, and then the manifest says which list was applied."""
    out = g.digest("opt-out.txt")
    read = sealed(
        g.joined(g.parts(), Lineage(artifacts=[Artifact(id=out, type="File")], events=[g.event(PREPARE, out)]))
    )
    told = sealed(Lineage(
        artifacts=[Artifact(id=out, type="OptOutList"), Artifact(id=g.DATA, type="DatasetManifest")],
        executions=[Execution(id="urn:uuid:how", type="Preprocessing")],
        events=[g.event("urn:uuid:how", out), g.event("urn:uuid:how", g.DATA, "OUTPUT"), g.event(TRAIN, g.DATA)],
    ))  # fmt: skip
    assert codes(g.joined(read, told)) == []
    for cut in ((PREPARE, out), ("urn:uuid:how", out), ("urn:uuid:how", g.DATA)):
        assert ("RPK170", cut[0]) in codes(g.without(g.joined(read, told), *cut)), cut


@pytest.mark.parametrize(
    ("execution", "artifact", "kind"),
    [
        (PREPARE, g.MODEL, "INPUT"),
        (PREPARE, "later", "INPUT"),
        (TRAIN, "first", "OUTPUT"),
        (PREPARE, g.TOKENS, "INPUT"),
    ],
)
def test_a_circle_that_was_put_in_is_found_although_the_times_speak_against_it(execution, artifact, kind):
    first, later = Artifact(id="first", type="File"), Artifact(id="later", type="File")
    whole = sealed(g.joined(g.parts(), Lineage(
        artifacts=[first, later], events=[g.event(PREPARE, "first"), g.event(TRAIN, "later", "OUTPUT")]
    )))  # fmt: skip
    assert codes(whole) == []
    assert "RPK172" in {
        code for code, _ in codes(g.joined(whole, Lineage(events=[g.event(execution, artifact, kind)])))
    }


def test_a_manifest_of_nothing_and_one_of_other_data_are_no_manifest():
    empty = g.changed(g.good(), g.RAW, files=0, bytes=0)
    assert codes(empty) == [("RPK171", PREPARE)]
    assert codes(g.changed(empty, g.RAW, rows=3)) == [], "a query has rows and no files"
    assert codes(g.good(), unrelated={(PREPARE, g.RAW)}) == [("RPK171", PREPARE)]
    assert codes(g.good(), ReleaseRules(manifests=False), unrelated={(PREPARE, g.RAW)}) == []


def test_a_bundle_without_a_model_releases_nothing():
    nodes = [a.model_copy(update={"type": "File"}) if a.id == g.MODEL else a for a in g.good().artifacts]
    unnamed = g.good().model_copy(update={"artifacts": nodes})
    for subject in (g.BUNDLE, TRAIN):
        judged = judge_release(unnamed, subject, ReleaseRules(), g.NOW)
        assert [(one.code, one.node, one.established) for one in judged.findings] == [("RPK179", subject, False)]
        assert "models" in judged.findings[0].remedy
        assert codes(unnamed, ReleaseRules(models=False), subject) == []
    assert judge_release(unnamed, g.MODEL, ReleaseRules(), g.NOW).models == [g.MODEL], "what was asked for is released"


def rebuilt(*more):
    bare = g.without(g.without(g.parts(), "urn:uuid:replay", g.BUNDLE), "urn:uuid:replay", g.digest("vreplay"))
    return sealed(g.joined(bare, *more))


def test_a_wrong_clock_can_be_mended_and_hides_nothing():
    ahead = g.replay("ahead", g.BUNDLE, g.NOW + 300 * g.DAY)
    bad = g.replay("bad", g.BUNDLE, g.NOW + 300 * g.DAY, "re-runnable")
    good, weak = g.replay("good", g.BUNDLE, g.NOW - g.DAY), g.replay("weak", g.BUNDLE, g.NOW - g.DAY, "re-runnable")
    assert codes(rebuilt(ahead)) == [("RPK177", g.BUNDLE)]
    assert codes(rebuilt(ahead, good)) == []
    assert codes(rebuilt(ahead, weak)) == [("RPK178", g.BUNDLE)]
    assert ("RPK177", g.BUNDLE) in codes(rebuilt(bad, good)), "it may have been the last one"


def test_a_clock_that_was_ahead_hides_no_run():
    """The only run that is known to have made a file began after its use: nobody can say whether it is the one."""

    def with_maker(*makers):
        text = Artifact(id=g.digest("clean"), type="File", name="clean.txt")
        made = [g.event(one, text.id, "OUTPUT") for one in makers] + [g.event(one, g.RAW) for one in makers]
        more = Lineage(artifacts=[text], executions=[*makers], events=[*made, g.event(PREPARE, text.id)])
        return judge_release(sealed(g.joined(g.parts(), more)), g.MODEL, ReleaseRules(), g.NOW).findings

    late = g.run("late", g.NOW - 2 * g.DAY, git_dirty=True, image_digest=None)
    findings = with_maker(late)
    assert [(one.code, one.node, one.established) for one in findings] == [
        ("RPK176", late.id, False), ("RPK148", late.id, False),
    ]  # fmt: skip
    assert all("by the clocks" in one.message for one in findings)
    assert with_maker(g.run("late", g.NOW - 2 * g.DAY)) == [], "whoever it was, nothing is wrong with it"
    assert with_maker(late, g.run("intime", g.NOW - 20 * g.DAY)) == [], "another one is known that made it in time"


def test_a_run_whose_data_were_made_too_late_by_the_clocks_is_said_to_be_such_a_one():
    later = g.parts().model_copy(update={"executions": [
        one.model_copy(update={"started": g.NOW - 2 * g.DAY, "ended": g.NOW - g.DAY}) if one.id == PREPARE else one
        for one in g.parts().executions
    ]})  # fmt: skip
    (finding,) = judge_release(sealed(later), g.MODEL, ReleaseRules(), g.NOW).findings
    assert (finding.code, finding.node) == ("RPK171", TRAIN)
    assert "by the clocks Run prepare" in finding.message


@pytest.mark.parametrize(("days", "met"), [(29.99, True), (30, True), (30.00001, False)])
def test_exactly_so_many_days_are_not_too_many(days, met):
    assert (codes(rebuilt(g.replay("then", g.BUNDLE, int(g.NOW - days * g.DAY)))) == []) is met


def test_a_test_of_another_bundle_is_none_of_this_one():
    other = g.digest("other bundle")
    told = g.changed(g.replay("other", other, g.NOW - g.DAY), "urn:uuid:other", bundle=other)
    more = Lineage(artifacts=[Artifact(id=other, type="Bundle")], events=[g.event("urn:uuid:other", g.BUNDLE)])
    assert ("RPK177", g.BUNDLE) in codes(rebuilt(told, more))
    said = g.changed(g.replay("other", g.BUNDLE, g.NOW - g.DAY), g.digest("vother"), bundle=other)
    assert codes(rebuilt(said)) == [("RPK177", g.BUNDLE)]


def test_a_tier_that_was_raised_in_one_of_two_places_stays_what_it_was():
    low = g.replay("low", g.BUNDLE, g.NOW - g.DAY, "re-runnable")
    both = g.changed(low, "urn:uuid:low", tier="re-runnable", status="verified")
    assert codes(rebuilt(both)) == [("RPK178", g.BUNDLE)]
    assert codes(rebuilt(g.changed(both, g.digest("vlow"), tier="bitwise"))) == [("RPK178", g.BUNDLE)]
    assert codes(rebuilt(g.changed(both, "urn:uuid:low", tier="bitwise"))) == [("RPK178", g.BUNDLE)]


@pytest.mark.parametrize(
    "tables",
    [
        {"release": {"tier": "none"}}, {"parameters": {}}, {"tier": {"x": 1}}, {"extends": "mine", "mine": {}},
        {"mine": {"extends": 3}}, {"max_age_days": True}, {"max_age_days": "30"}, {"max_age_days": float("nan")},
        {"max_age_days": -1}, {"manifests": "false"}, {"manifests": 0}, {"tier": "exact"}, {"parameters": "lr"},
    ],
)  # fmt: skip
def test_a_policy_that_says_something_else_than_it_seems_to_is_refused(tables):
    with pytest.raises(ValueError, match="release"):
        checked_tables(tables)


def test_what_a_policy_does_not_ask_for_is_said():
    assert unasked(ReleaseRules()) == ["uncovered_inputs"]
    asked = ReleaseRules(manifests=False, files="ignore", tier="none", max_age_days=float("inf"), dirty_tree="allow")
    assert unasked(asked) == ["manifests", "uncovered_inputs", "files", "dirty_tree", "tier", "max_age_days"]


def test_a_name_that_is_empty_lets_no_model_without_a_name_pass():
    base = Artifact(id=g.digest("base"), type="Model")
    tuned = sealed(g.joined(g.parts(), Lineage(artifacts=[base], events=[g.event(TRAIN, base.id)])))
    assert codes(tuned, ReleaseRules(external_models=[""])) == [("RPK170", base.id)]


def test_a_run_by_another_name_is_excused_from_nothing():
    def called(kind, lineage):
        nodes = [e.model_copy(update={"type": kind}) if e.id in (PREPARE, TRAIN) else e for e in lineage.executions]
        return lineage.model_copy(update={"executions": nodes})

    dirty = g.changed(g.without(g.parts(), PREPARE, g.RAW), TRAIN, git_dirty=True, image_digest=None)
    expected = set(codes(dirty, subject=TRAIN))
    assert {code for code, _ in expected} == {"RPK171", "RPK176", "RPK148"}
    for kind in ("Foo", "Build", "Derivation"):
        assert set(codes(called(kind, dirty), subject=TRAIN)) == expected
        assert codes(called(kind, g.good())) == [("RPK170", g.MODEL)], "no run is known that made it"


def test_links_to_nothing_are_no_excuse_for_an_event_of_a_strange_type():
    declared = Event(artifact=g.RAW, execution=PREPARE, type="DECLARED_INPUT")
    assert codes(g.joined(g.without(g.good(), PREPARE, g.RAW), Lineage(events=[declared]))) == []


def test_what_was_made_and_has_lost_its_maker_is_missed_though_a_manifest_speaks_for_the_user():
    """The execution that was cut off is not in the chain any more, so that nobody asks how many links it has."""
    how = "urn:uuid:how"
    held = g.joined(
        g.changed(g.changed(g.parts(), g.TOKENS, made_by=PREPARE), g.MODEL, made_by=TRAIN),
        Lineage(
            artifacts=[Artifact(id=g.DATA, type="DatasetManifest", name="data", properties={"made_by": how})],
            executions=[Execution(id=how, type="Preprocessing")],
            events=[g.event(how, g.RAW), g.event(how, g.DATA, "OUTPUT"), g.event(TRAIN, g.DATA)],
        ),
    )
    assert codes(sealed(held)) == []
    for execution, artifact in ((PREPARE, g.TOKENS), (how, g.DATA)):
        cut = g.without(sealed(held), execution, artifact)
        gone = cut.model_copy(update={
            "executions": [node for node in cut.executions if node.id != execution],
            "events": [event for event in cut.events if event.execution != execution],
        })  # fmt: skip
        assert codes(gone) == [("RPK170", artifact)]
    moved = g.joined(g.without(sealed(held), TRAIN, g.MODEL), Lineage(events=[g.event(PREPARE, g.MODEL, "OUTPUT")]))
    assert ("RPK170", g.MODEL) in codes(moved), "it is linked to another run"
    again = Lineage(artifacts=[Artifact(id=g.TOKENS, type="File", properties={"made_by": "urn:uuid:a"}),
                               Artifact(id=g.RAW, type="DatasetManifest")],
                    executions=[g.run("a", g.NOW - 9 * g.DAY, root="/other")],
                    events=[g.event("urn:uuid:a", g.RAW), g.event("urn:uuid:a", g.TOKENS, "OUTPUT")])  # fmt: skip
    assert codes(g.joined(sealed(held), sealed(again))) == [], "two runs made the same content"


def test_a_manifest_with_another_identifier_is_another_link():
    other = g.digest("other")
    nodes = [one.model_copy(update={"id": other}) if one.id == g.RAW else one for one in g.good().artifacts]
    events = [one.model_copy(update={"artifact": other}) if one.artifact == g.RAW else one for one in g.good().events]
    edited = g.good().model_copy(update={"artifacts": nodes, "events": events})
    assert codes(edited) == [("RPK170", PREPARE)]
    later = Lineage(artifacts=[Artifact(id=other, type="DatasetManifest")], events=[g.event(PREPARE, other)])
    assert codes(g.joined(g.good(), later)) == [], "one that is found later to hold a file, too"
    assert codes(g.joined(g.good(), sealed(g.joined(g.parts(), later)))) == [], "and is sealed again with it"


def test_release_rules_among_the_determinism_policies_are_not_passed_over():
    policies = {"release": {"max_age_days": 1.0}, "strictest": {"parameters": ["lr"]}, "mine": {"extends": "strict"}}
    tables = with_additions({"tier": "re-runnable", "nightly": {"tier": "none"}}, policies)
    assert (rules_of(tables, "release").max_age_days, rules_of(tables, "release").tier) == (1.0, "re-runnable")
    assert rules_of(tables, "strictest").parameters == ["lr"]
    assert rules_of(tables, "nightly").max_age_days == 1.0
    assert "mine" not in tables
    for wrong in (
        {"release": {"max_age_days": 1.0, "torch.deterministic": True}},
        {"release": {"tier": "bitwise"}},
        {"nightly": {"tier": "bitwise"}},
        {"tier": {"models": True}},
    ):
        with pytest.raises(UsageError) as raised:
            with_additions({"tier": "re-runnable", "nightly": {"tier": "none"}}, wrong)
        assert raised.value.code == "RPK146"
    with pytest.raises(UsageError, match="max_age_days"):
        rules_of(with_additions({}, {"release": {"max_age_days": "soon"}}), "release")


def test_an_old_rebuild_test_is_not_made_young_by_the_time_of_its_link():
    replay = next(one for one in g.good().executions if one.type == "Replay")
    aged = replay.model_copy(update={"started": g.NOW - 40 * g.DAY, "ended": g.NOW - 40 * g.DAY})
    others = [one for one in g.good().executions if one.type != "Replay"]
    assert codes(g.good()) == []
    assert codes(g.good().model_copy(update={"executions": [*others, aged]})) == [("RPK177", g.BUNDLE)]


@pytest.mark.parametrize(
    ("tables", "policy"),
    [
        ('[tool.reprokit.policy.release]\nparamters = ["lr"]', "release"),
        ('[tool.reprokit.policy.release]\nextends = "nightly"', "release"),
        ('[tool.reprokit.policy.night]\nmax_age = 1\n[tool.reprokit.release.night]\ntier = "bitwise"', "night"),
        ('[tool.reprokit.policy.night]\nmax_age = 1\n[tool.reprokit.release.night]\ntier = "bitwise"', "release"),
        ('[tool.reprokit.policy.strict]\nmax_age = 1\n[tool.reprokit.release.strict]\ntier = "bitwise"', "strict"),
    ],
)
def test_a_table_whose_every_key_is_misspelt_is_not_passed_over(tables, policy, tmp_path):
    (tmp_path / "pyproject.toml").write_text(f"{tables}\n")
    with pytest.raises(UsageError) as raised:
        verify_release("model.pt", policy, start=tmp_path)
    assert (raised.value.code, "max_age_days" in raised.value.hint) == ("RPK146", True)


def test_determinism_switches_may_bear_a_release_policys_name(tmp_path, monkeypatch):
    monkeypatch.setenv("REPROKIT_HOME", str(tmp_path / "home"))
    (tmp_path / "pyproject.toml").write_text('[tool.reprokit.policy.release]\nseed = 4\n"torch.num_threads" = 2\n')
    with pytest.raises(UsageError) as raised:
        verify_release("no-such-model.pt", start=tmp_path)
    assert raised.value.code == "RPK003"


def test_an_empty_name_is_not_the_working_directory(tmp_path, monkeypatch):
    """As `"$MODEL"` is where nobody set it."""
    pytest.importorskip("sqlalchemy", reason="needs the extra `lineage`")
    monkeypatch.setenv("REPROKIT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.pt").write_text("a model that nobody made")
    (tmp_path / "x.repro.tar.zst").write_text("a bundle")
    for ask in (lambda: verify_release("", start=tmp_path), lambda: bundles_in([""])):
        with pytest.raises(UsageError) as raised:
            ask()
        assert (raised.value.code, "empty" in raised.value.message) == ("RPK003", True)


def test_no_switch_is_called_like_a_release_rule():
    from reprokit.policy.switches import SWITCHES

    assert {name.partition(".")[0] for name in SWITCHES}.isdisjoint(ReleaseRules.model_fields)


@pytest.mark.parametrize("name", ["x" * 5000, "a/" * 3000 + "b"])
def test_a_path_that_no_file_can_have_is_not_at_hand(name, tmp_path):
    """Whoever writes a graph may name any path, and any name may be asked about."""
    lineage = g.changed(g.parts(), TRAIN, root=str(tmp_path))
    read = Event(execution=TRAIN, artifact=g.TOKENS, type="INPUT", path=[name])
    placed = [
        one.model_copy(update={"uri": f"file:///{name}", "name": name}) if one.id in (g.BUNDLE, g.MODEL) else one
        for one in lineage.artifacts
    ]
    lineage = g.joined(lineage.model_copy(update={"artifacts": placed}), Lineage(events=[read]))
    (tmp_path / "graph.json").write_text(json.dumps(sealed(lineage).to_json()))
    report = verify_release(g.MODEL, lineage=str(tmp_path / "graph.json"), now=g.NOW / 1000, start=tmp_path)
    assert (report.met, report.checked) == (True, []), report.findings
    with pytest.raises(UsageError, match="can be 2 nodes"):
        verify_release(name, lineage=str(tmp_path / "graph.json"), now=g.NOW / 1000, start=tmp_path)


@contextlib.contextmanager
def no_root():
    """Root may look anywhere, so it is another user for the while."""
    own = os.geteuid()
    if own == 0:
        os.seteuid(pwd.getpwnam("nobody").pw_uid)
    try:
        yield
    finally:
        os.seteuid(own)


def test_a_file_where_nobody_may_look_leaves_the_answer_open(tmp_path):
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed/tokens.bin").write_text("x")
    (tmp_path / "closed").chmod(0)
    try:
        with no_root():
            assert at_hand(tmp_path / "closed/tokens.bin")
            assert state_of(tmp_path / "closed/tokens.bin").problem
    finally:
        (tmp_path / "closed").chmod(0o755)
